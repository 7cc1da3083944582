"""Objective: GAN-CLS."""

from typing import Annotated, Literal

from pydantic import Field

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights
from facegen.parts.layers.scores import Scores, bce, least_squares


class MatchingAware(Objective):
    """GAN-CLS: scores of real, generated and mismatched pairs, and optionally StackGAN's unconditional scores.

    L_D = [l(D(f_r, c+), b) + u l(D(f_r), b)] / (1 + u)
          + [(1 - w) l(D(f_f, c+), 0) + w l(D(f_r, c-), 0) + u/2 l(D(f_f), 0)] / (1 + u/2)
    L_G = l(D(f_f, c+), 1) + u l(D(f_f), 1)

    Engine:
        data: not read.
    Settings:
        loss: l, "bce" of the score's sigmoid or "least_squares", (s - t)^2 / 2.
        real_target: b; 0.9 smooths the labels of real faces.
        mismatched_weight: w, share of mismatched pairs among the conditional scores that D rejects; a number or a ramp.
            A ramp may reach 0.
        unconditional_weight: u, weight of the unconditional scores, a number or a ramp; the number 0 needs no such
            head.
    Shape:
        scores (B,) -> scalar terms
    Raises:
        RecipeError: a ramp of w leaves [0, 1), or a ramp of u falls below 0.
    Source:
        Reed et al. 2016, algorithm 1 (u = 0, w = 1/2), with w as in its published code; the thesis, Roldan Sanchez
        2018, section IV-B, replaces BCE by the squared error. StackGAN's published code is u = 0 in stage I and
        u = 1 in stage II: (real + unconditional real) / 2 + (fake + mismatched + unconditional fake) / 3.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        loss: Literal["bce", "least_squares"] = "bce",
        real_target: Annotated[float, Field(gt=0, le=1)] = 1.0,
        mismatched_weight: Annotated[float, Field(gt=0, lt=1)] | Ramp = 0.5,
        unconditional_weight: Annotated[float, Field(ge=0)] | Ramp = 0.0,
    ) -> None:
        super().__init__()
        self.loss = bce if loss == "bce" else least_squares
        self.scores = Scores("matching_aware", "conditional", mismatched_weight)
        self.num_mismatched = self.scores.num_mismatched
        require_weights("matching_aware", {"unconditional_weight": unconditional_weight})
        self.unconditional_weight = Schedule(unconditional_weight)
        self.heads = {"score": 1} if self.unconditional_weight.is_zero else {"score": 1, "score_unconditional": 1}
        self.real_target = real_target

    def discriminator_terms(self, critic: Critic) -> Terms:
        weight = self.unconditional_weight.value
        accepted = {"real": self.loss(critic.real, self.real_target)}
        rejected = self.scores.rejected(critic, lambda score: self.loss(score, 0.0))
        if not self.unconditional_weight.is_zero:
            accepted["real_unconditional"] = weight * self.loss(critic.real_unconditional, self.real_target)
            rejected["fake_unconditional"] = weight / 2 * self.loss(critic.fake_unconditional, 0.0)
        return {name: term / (1 + weight) for name, term in accepted.items()} | {
            name: term / (1 + weight / 2) for name, term in rejected.items()
        }

    def generator_terms(self, critic: Critic) -> Terms:
        terms = {"fake": self.loss(critic.fake, 1.0)}
        if not self.unconditional_weight.is_zero:
            terms["fake_unconditional"] = self.unconditional_weight.value * self.loss(critic.fake_unconditional, 1.0)
        return terms

    def diagnostics(self, critic: Critic) -> Terms:
        return self.scores.diagnostics(critic)
