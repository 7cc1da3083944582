"""Penalties on the gradient of the score by the faces of one side."""

from facegen.core.batch import Terms
from facegen.core.critic import Critic, Side
from facegen.core.interfaces import Penalty
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights
from facegen.parts.layers.scores import Head


class ZeroCentredPenalty(Penalty):
    """Squared gradient of the score by the faces of one side, before augmentation.

    gamma / 2 E sum_pixels (d g(f, c+) / d f)^2

    A subclass names the side in its `grad_inputs` too.

    Args:
        part: name of the part and of its term; its setting is called <part>_gamma.
        side: whose faces.
        gamma: the weight.
        head: whose scores are differentiated.
    Shape:
        gradient (B, 3, H, W) -> scalar term
    Raises:
        RecipeError: a ramp falls under 0.
    """

    def __init__(self, part: str, side: Side, gamma: float | Ramp, head: Head) -> None:
        super().__init__()
        require_weights(part, {f"{part}_gamma": gamma})
        self.part, self.side = part, side
        self.gamma = Schedule(gamma)
        self.conditional = head == "conditional"

    def terms(self, critic: Critic) -> Terms:
        gradient = critic.image_gradient(self.side, conditional=self.conditional).float()
        return {self.part: self.gamma.value / 2 * gradient.square().sum(dim=(1, 2, 3)).mean()}
