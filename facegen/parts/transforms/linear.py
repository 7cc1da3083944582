"""Transform: a learned projection of the condition."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.interfaces import ConditionTransform
from facegen.parts.layers.precision import Float32Linear


class Linear(ConditionTransform):
    """Linear projection of the condition, shared by generator and discriminator.

    c <- W c + b,   or   c <- LeakyReLU_0.2(W c + b)

    Engine:
        data: not read.
        condition_dim: width of the incoming condition.
    Settings:
        width: width of the new condition.
        activation: activation behind the linear layer.
    Shape:
        (B, condition_dim) -> (B, width)
    Source:
        Reed et al. 2016b (text to image): a linear layer to 128 and a leaky ReLU of slope 0.2, as in their code.
        Roldan Sanchez 2018, section IV-C: the projection of a one-hot vector, with or without noise.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        width: Annotated[int, Field(ge=1)] = 128,
        activation: Literal["none", "leaky_relu"] = "none",
    ) -> None:
        super().__init__()
        self.condition_dim = width
        self.activation = activation
        self.projection = Float32Linear(condition_dim, width)

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        generator = self._project(condition.generator)
        same = condition.critic is condition.generator
        return condition._replace(generator=generator, critic=generator if same else self._project(condition.critic))

    def _project(self, values: Tensor) -> Tensor:
        projected: Tensor = self.projection(values)
        return functional.leaky_relu(projected, 0.2) if self.activation == "leaky_relu" else projected
