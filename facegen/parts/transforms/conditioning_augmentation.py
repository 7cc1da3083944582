"""Transform: conditioning augmentation."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch.nn import functional

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.interfaces import ConditionTransform
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights
from facegen.parts.layers.precision import Float32Linear


class ConditioningAugmentation(ConditionTransform):
    """Gaussian around each condition; the generator reads a sample, the discriminator the mean.

    (mu, v) = W c + b,   generator: mu + exp(v / 2) e, e ~ N(0, I),   critic: mu
    kl = weight mean(mu^2 + exp(v) - 1 - v) / 2, the mean over rows and elements of KL(N(mu, exp(v)) || N(0, 1))

    Engine:
        data: not read.
        condition_dim: width of the incoming condition.
    Settings:
        width: width of mu, and of the new condition.
        kl_weight: weight of the divergence, a number or a ramp.
        activation: activation behind the linear layer; with "relu" no mean is negative and no deviation below 1.
    Shape:
        (B, condition_dim) -> (B, width), and the scalar term kl
    Raises:
        RecipeError: a ramp falls below 0.
    Source:
        Zhang et al. 2017 (StackGAN), section 3.2. The weight, the mean where the equation has a sum, and "relu" are
        those of the authors' PyTorch code; "none" is the plain equation.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        width: Annotated[int, Field(ge=1)] = 128,
        kl_weight: Annotated[float, Field(ge=0)] | Ramp = 2.0,
        activation: Literal["none", "relu"] = "none",
    ) -> None:
        super().__init__()
        self.condition_dim = width
        self.activation = activation
        require_weights("conditioning_augmentation", {"kl_weight": kl_weight})
        self.weight = Schedule(kl_weight)
        self.projection = Float32Linear(condition_dim, 2 * width)

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        parameters = self.projection(condition.generator)
        if self.activation == "relu":
            parameters = functional.relu(parameters)
        mean, log_variance = parameters.chunk(2, dim=1)
        draw = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        terms = condition.terms
        if batch is not None:
            divergence = (mean.square() + log_variance.exp() - 1 - log_variance).mean() / 2
            terms = {**terms, "kl": self.weight.value * divergence}
        return condition._replace(generator=draw, critic=mean, terms=terms)
