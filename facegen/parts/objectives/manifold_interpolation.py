"""Objective: GAN-INT."""

from typing import Annotated, Literal

from pydantic import Field

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights
from facegen.parts.layers.scores import bce, least_squares


class ManifoldInterpolation(Objective):
    """GAN-INT: scores of faces that are generated from interpolated conditions; a term of the generator only.

    L_G = l E loss(D(G(z, c_b), c_b), 1),   c_b = b c+ + (1 - b) c-   (equation 5)

    It costs one more pass of both networks over batch_share of the rows.

    Engine:
        data: not read.
    Settings:
        interpolation_weight: l, a number or a ramp.
        beta: b, share of the own condition.
        batch_share: share of the batch's rows that are interpolated, from the first row on.
        loss: "bce" of the score's sigmoid or "least_squares", (s - t)^2 / 2; choose that of the other objective.
    Shape:
        conditions (B, dim) -> scalar term
    Raises:
        RecipeError: a ramp falls below 0.
    Source:
        Reed et al. 2016, equation 5, with beta = 1/2 as there; half a batch is its published code's.
    """

    num_mismatched = 1

    def __init__(
        self,
        data: DataSpec,
        *,
        interpolation_weight: Annotated[float, Field(ge=0)] | Ramp = 1.0,
        beta: Annotated[float, Field(ge=0, le=1)] = 0.5,
        batch_share: Annotated[float, Field(gt=0, le=1)] = 0.5,
        loss: Literal["bce", "least_squares"] = "bce",
    ) -> None:
        super().__init__()
        self.heads = {"score": 1}
        require_weights("manifold_interpolation", {"interpolation_weight": interpolation_weight})
        self.weight = Schedule(interpolation_weight)
        self.beta, self.batch_share = beta, batch_share
        self.loss = bce if loss == "bce" else least_squares

    def generator_terms(self, critic: Critic) -> Terms:
        num = max(1, round(self.batch_share * len(critic.batch)))
        strangers = critic.batch.mismatched_rows[:num, 0]
        drawn_from, judged_by = (
            self.beta * condition[:num] + (1 - self.beta) * condition[strangers]
            for condition in (critic.condition.generator, critic.condition.critic)
        )
        scores = critic.score(critic.draw(drawn_from), judged_by)
        return {"interpolation": self.weight.value * self.loss(scores, 1.0)}
