"""Conditional or unconditional scores, mismatched pairs, and losses of scores."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Terms
from facegen.core.critic import Critic
from facegen.core.describe.docstrings import toml_value
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights

Head = Literal["conditional", "unconditional"]
Share = Annotated[float, Field(ge=0, lt=1)] | Ramp


def bce(score: Tensor, target: float) -> Tensor:
    """Compute the mean binary cross-entropy of logits: E[t softplus(-s) + (1 - t) softplus(s)]."""
    return (target * functional.softplus(-score) + (1 - target) * functional.softplus(score)).mean()


def least_squares(score: Tensor, target: float) -> Tensor:
    """Compute half the mean squared distance: E (s - t)^2 / 2."""
    return (score - target).square().mean() / 2


class Scores(nn.Module):
    """Scores of one head, and the loss of the pairs that the discriminator rejects.

    rejected = (1 - w) E l(D(f_f, c)) + w E l(D(f_r, c-))

    Args:
        objective: name of the objective, for errors.
        head: conditional or unconditional scores.
        mismatched_weight: w, a number or a ramp; for the number 0 no mismatched pairs are scored.
    Raises:
        RecipeError: mismatched pairs with the unconditional head, or a ramp that leaves [0, 1).
    """

    def __init__(self, objective: str, head: Head, mismatched_weight: float | Ramp = 0.0) -> None:
        super().__init__()
        require_weights(objective, {"mismatched_weight": mismatched_weight}, below=1)
        self.mismatched_weight = Schedule(mismatched_weight)
        if head == "unconditional" and not self.mismatched_weight.is_zero:
            raise RecipeError(
                f"{objective}: mismatched_weight = {toml_value(mismatched_weight)} with head = 'unconditional', which "
                "cannot tell a mismatched pair: set it to 0, or choose head = 'conditional'"
            )
        self.conditional = head == "conditional"

    @property
    def heads(self) -> Mapping[str, int]:
        """Heads that the discriminator needs."""
        return {"score" if self.conditional else "score_unconditional": 1}

    @property
    def num_mismatched(self) -> int:
        """Number of mismatched conditions per row."""
        return 0 if self.mismatched_weight.is_zero else 1

    def real(self, critic: Critic) -> Tensor:
        """Return the scores of the real faces: (B,)."""
        return critic.real if self.conditional else critic.real_unconditional

    def fake(self, critic: Critic) -> Tensor:
        """Return the scores of the generated faces: (B,)."""
        return critic.fake if self.conditional else critic.fake_unconditional

    def rejected(self, critic: Critic, loss: Callable[[Tensor], Tensor]) -> Terms:
        """Return the weighted terms of generated faces and mismatched pairs."""
        if self.mismatched_weight.is_zero:
            return {"fake": loss(self.fake(critic))}
        weight = self.mismatched_weight.value
        return {"fake": (1 - weight) * loss(self.fake(critic)), "mismatched": weight * loss(critic.mismatched)}

    def diagnostics(self, critic: Critic) -> Terms:
        """Return mean margins of real scores over fake and mismatched ones, and the share of positive margins."""
        below = {"real": self.fake(critic)} | ({"identity": critic.mismatched} if self.num_mismatched else {})
        margins = {name: (self.real(critic) - other).detach() for name, other in below.items()}
        return {f"{name}_margin": margin.mean() for name, margin in margins.items()} | {
            f"{name}_accuracy": (margin > 0).float().mean() for name, margin in margins.items()
        }
