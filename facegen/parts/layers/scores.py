"""What losses of scores share: the head that they read, pairs that do not belong together, distances to a target."""

from collections.abc import Callable, Mapping
from typing import Literal

from torch import Tensor
from torch.nn import functional

from facegen.core.batch import Terms
from facegen.core.critic import Critic
from facegen.core.errors import RecipeError

Head = Literal["conditional", "unconditional"]


def bce(score: Tensor, target: float) -> Tensor:
    """Mean cross-entropy of the score's sigmoid: E[t softplus(-s) + (1 - t) softplus(s)]."""
    return (target * functional.softplus(-score) + (1 - target) * functional.softplus(score)).mean()


def least_squares(score: Tensor, target: float) -> Tensor:
    """Half the mean squared distance: E (s - t)^2 / 2."""
    return (score - target).square().mean() / 2


class Scores:
    """The scores of one head, and the mismatched pairs among those that the discriminator rejects.

    rejected = (1 - w) E l(D(f_f, c)) + w E l(D(f_r, c-))

    Args:
        objective: its name, for errors.
        head: with or without the condition.
        mismatched_weight: w; at 0 mismatched pairs are not scored.
    Raises:
        RecipeError: mismatched pairs for the head that sees no condition.
    """

    def __init__(self, objective: str, head: Head, mismatched_weight: float = 0.0) -> None:
        if head == "unconditional" and mismatched_weight > 0:
            raise RecipeError(
                f"{objective}: mismatched_weight = {mismatched_weight} with head = 'unconditional', which cannot tell "
                "a mismatched pair: set it to 0, or choose head = 'conditional'"
            )
        self.conditional = head == "conditional"
        self.mismatched_weight = mismatched_weight

    @property
    def heads(self) -> Mapping[str, int]:
        """What to ask of the discriminator."""
        return {"score" if self.conditional else "score_unconditional": 1}

    @property
    def num_mismatched(self) -> int:
        """How many mismatched conditions a row are read."""
        return 1 if self.mismatched_weight > 0 else 0

    def real(self, critic: Critic) -> Tensor:
        """(B,)"""
        return critic.real if self.conditional else critic.real_unconditional

    def fake(self, critic: Critic) -> Tensor:
        """(B,)"""
        return critic.fake if self.conditional else critic.fake_unconditional

    def rejected(self, critic: Critic, loss: Callable[[Tensor], Tensor]) -> Terms:
        """Weighted terms of what is to be told from real pairs."""
        weight = self.mismatched_weight
        if weight == 0:
            return {"fake": loss(self.fake(critic))}
        return {"fake": (1 - weight) * loss(self.fake(critic)), "mismatched": weight * loss(critic.mismatched)}

    def measures(self, critic: Critic) -> Terms:
        """How far real scores stand above fake and mismatched ones, and how often."""
        below = {"real": self.fake(critic)} | ({"identity": critic.mismatched} if self.num_mismatched else {})
        margins = {name: (self.real(critic) - other).detach() for name, other in below.items()}
        return {f"{name}_margin": margin.mean() for name, margin in margins.items()} | {
            f"{name}_accuracy": (margin > 0).float().mean() for name, margin in margins.items()
        }
