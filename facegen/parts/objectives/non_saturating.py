"""Objective: the non-saturating GAN loss."""

from functools import partial
from typing import Annotated

from pydantic import Field

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective
from facegen.parts.layers.scores import Head, Scores, Share, bce


class NonSaturating(Objective):
    """Binary cross-entropy of the scores, computed from logits.

    L_D = E BCE(D(f_r, c+), b) + (1 - w) E BCE(D(f_f, c+), 0) + w E BCE(D(f_r, c-), 0)
    L_G = E BCE(D(f_f, c+), 1),   BCE(s, t) = t softplus(-s) + (1 - t) softplus(s)

    Engine:
        data: not read.
    Settings:
        real_target: b, target of real faces in L_D; 0.9 smooths the labels.
        mismatched_weight: w, share of mismatched pairs (real faces, another person's condition) among what D rejects; a
            number or a ramp. The number 0 scores no mismatched pairs.
        head: which scores are read; "unconditional" is for a recipe with a classifier beside it.
    Shape:
        scores (B,) -> scalar terms
    Raises:
        RecipeError: mismatched pairs with the unconditional head, or a ramp that leaves [0, 1).
    Source:
        Goodfellow et al. 2014, section 3. The mismatched pairs are Reed et al. 2016's; smoothing is Salimans et al.
        2016's.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        real_target: Annotated[float, Field(gt=0, le=1)] = 1.0,
        mismatched_weight: Share = 0.0,
        head: Head = "conditional",
    ) -> None:
        super().__init__()
        self.scores = Scores("non_saturating", head, mismatched_weight)
        self.heads, self.num_mismatched = self.scores.heads, self.scores.num_mismatched
        self.real_target = real_target

    def discriminator_terms(self, critic: Critic) -> Terms:
        real = bce(self.scores.real(critic), self.real_target)
        return {"real": real} | self.scores.rejected(critic, partial(bce, target=0.0))

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": bce(self.scores.fake(critic), 1.0)}

    def diagnostics(self, critic: Critic) -> Terms:
        return self.scores.diagnostics(critic)
