"""Objective: LSGAN."""

from functools import partial
from typing import Annotated

from pydantic import Field

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective
from facegen.parts.layers.scores import Head, Scores, Share, least_squares


class LeastSquares(Objective):
    """Squared distances of the scores to their targets.

    L_D = 1/2 E (D(f_r, c+) - b)^2 + v/2 [(1 - w) E (D(f_f, c+) - a)^2 + w E (D(f_r, c-) - a)^2]
    L_G = 1/2 E (D(f_f, c+) - c)^2   (equation 2)

    Engine:
        data: not read.
    Settings:
        fake_target: a, target of generated faces and mismatched pairs in L_D.
        real_target: b, target of real faces in L_D; 0.9 smooths the labels.
        generator_target: c, target of generated faces in L_G. (a, b, c) = (-1, 1, 0) minimises Pearson's chi^2.
        mismatched_weight: w, share of mismatched pairs (real faces, another person's condition) among what D rejects; a
            number or a ramp. The number 0 scores no mismatched pairs.
        rejected_weight: v, weight of what D rejects; with 2 and w = 0.5 the three terms weigh the same.
        head: which scores are read; "unconditional" is for a recipe with a classifier beside it.
    Shape:
        scores (B,) -> scalar terms
    Raises:
        RecipeError: mismatched pairs with the unconditional head, or a ramp that leaves [0, 1).
    Source:
        Mao et al. 2017, equation 2; Roldan Sanchez 2018, equation 2, whose second max must read min. The mismatched
        pairs are Reed et al. 2016's. Published code of the thesis has b = 0.9 and no halves: the weights of its other
        terms must be halved to keep their proportion to this one. v is ours, for the sum of three terms in the
        published code of Wav2Pix (Duarte et al. 2019).
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        fake_target: float = 0.0,
        real_target: float = 1.0,
        generator_target: float = 1.0,
        mismatched_weight: Share = 0.0,
        rejected_weight: Annotated[float, Field(gt=0)] = 1.0,
        head: Head = "conditional",
    ) -> None:
        super().__init__()
        self.scores = Scores("least_squares", head, mismatched_weight)
        self.heads, self.num_mismatched = self.scores.heads, self.scores.num_mismatched
        self.fake_target, self.real_target, self.generator_target = fake_target, real_target, generator_target
        self.rejected_weight = rejected_weight

    def discriminator_terms(self, critic: Critic) -> Terms:
        real = least_squares(self.scores.real(critic), self.real_target)
        rejected = self.scores.rejected(critic, partial(least_squares, target=self.fake_target))
        return {"real": real} | {name: self.rejected_weight * term for name, term in rejected.items()}

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": least_squares(self.scores.fake(critic), self.generator_target)}

    def diagnostics(self, critic: Critic) -> Terms:
        return self.scores.diagnostics(critic)
