"""Penalty: WGAN-GP's gradient penalty."""

from typing import Annotated

import torch
from pydantic import Field

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Penalty
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights
from facegen.parts.layers.scores import Head


class GradientPenalty(Penalty):
    """Squared distance of the gradient's length to a target, at random points between real and generated faces.

    GP = l E (|d D(f, c+) / d f|_2 - t)^2,   f = e f_r + (1 - e) f_f,   e ~ U[0, 1] per row   (equation 3)

    The length is taken over all pixels and colours; the points lie between augmented faces. It costs one more pass
    through the backbone, differentiated twice. In a D with batch norm, a row's gradient depends on the other rows.

    Engine:
        data: not read.
    Settings:
        gradient_penalty_weight: l, a number or a ramp.
        centre: t, the target of the length; 0 pulls the gradient to 0.
        head: which scores are read.
    Shape:
        gradient (B, 3, H, W) -> scalar term
    Raises:
        RecipeError: a ramp falls below 0.
    Source:
        Gulrajani et al. 2017, equation 3. Choosing the centre is ours, after Thanh-Tung, Tran and Venkatesh 2019.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        gradient_penalty_weight: Annotated[float, Field(ge=0)] | Ramp = 10.0,
        centre: Annotated[float, Field(ge=0)] = 1.0,
        head: Head = "conditional",
    ) -> None:
        super().__init__()
        require_weights("gradient_penalty", {"gradient_penalty_weight": gradient_penalty_weight})
        self.weight = Schedule(gradient_penalty_weight)
        self.centre = centre
        self.conditional = head == "conditional"

    def terms(self, critic: Critic) -> Terms:
        real, fake = critic.real_augmented.detach().float(), critic.fake_augmented.detach().float()
        faces = fake.lerp(real, torch.rand(len(real), 1, 1, 1, device=real.device)).requires_grad_()
        condition = critic.condition.critic if self.conditional else None
        scores = critic.score(faces, condition, augment=False)
        (gradient,) = torch.autograd.grad(scores.sum(), [faces], create_graph=True)
        length = gradient.flatten(1).norm(dim=1)
        return {"gradient_penalty": self.weight.value * (length - self.centre).square().mean()}
