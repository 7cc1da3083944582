"""Scores are drawn to fixed values, also those that are on the right side already."""

from functools import partial

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective
from facegen.parts.layers.scores import Head, Scores, Share, least_squares


class LeastSquares(Objective):
    """Squared distances of the scores to their targets.

    L_D = 1/2 E (D(f_r, c+) - b)^2 + 1/2 [(1 - w) E (D(f_f, c+) - a)^2 + w E (D(f_r, c-) - a)^2]
    L_G = 1/2 E (D(f_f, c+) - c)^2

    Engine:
        data: not read.
    Settings:
        fake_target: a.
        real_target: b; 0.9 smooths the labels of real faces.
        generator_target: c. (-1, 1, 0) for (a, b, c) minimises Pearson's chi^2.
        mismatched_weight: w, share of real faces under a stranger's condition among what D rejects, a number or a ramp;
            the number 0 scores none.
        head: the scores under the condition, or those of the head that sees none (for a classifier beside it).
    Shape:
        scores (B,) -> scalar terms
    Raises:
        RecipeError: mismatched pairs for the unconditional head; a ramp that leaves [0, 1).
    Source:
        Mao et al. 2017, equation 2; Roldan Sanchez 2018, equation 2, whose second max must read min. The mismatched
        pairs are Reed et al. 2016's. Published code of the thesis has b = 0.9 and no halves: its weights of the terms
        beside this one must be halved to keep their proportion.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        fake_target: float = 0.0,
        real_target: float = 1.0,
        generator_target: float = 1.0,
        mismatched_weight: Share = 0.0,
        head: Head = "conditional",
    ) -> None:
        super().__init__()
        self.scores = Scores("least_squares", head, mismatched_weight)
        self.heads, self.num_mismatched = self.scores.heads, self.scores.num_mismatched
        self.fake_target, self.real_target, self.generator_target = fake_target, real_target, generator_target

    def discriminator_terms(self, critic: Critic) -> Terms:
        real = least_squares(self.scores.real(critic), self.real_target)
        return {"real": real} | self.scores.rejected(critic, partial(least_squares, target=self.fake_target))

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": least_squares(self.scores.fake(critic), self.generator_target)}

    def diagnostics(self, critic: Critic) -> Terms:
        return self.scores.diagnostics(critic)
