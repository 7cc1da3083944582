"""Objective: Wasserstein GAN."""

import torch

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective
from facegen.parts.layers.scores import Head, Scores, Share


class Wasserstein(Objective):
    """Dual form of the earth mover's distance; needs weight_clip or gradient_penalty, which keep D Lipschitz.

    L_D = (1 - w) E D(f_f, c+) + w E D(f_r, c-) - E D(f_r, c+),   L_G = -E D(f_f, c+)   (equation 2)

    Engine:
        data: not read.
    Settings:
        mismatched_weight: w, share of mismatched pairs (real faces, another person's condition) among what D rejects; a
            number or a ramp. The number 0 scores no mismatched pairs.
        head: which scores are read; "unconditional" is for a recipe with a classifier beside it.
    Shape:
        scores (B,) -> scalar terms
    Raises:
        RecipeError: mismatched pairs with the unconditional head, or a ramp that leaves [0, 1).
    Source:
        Arjovsky, Chintala and Bottou 2017, equation 2 and algorithm 1; Roldan Sanchez 2018, section IV-A. The
        mismatched pairs are Reed et al. 2016's.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        mismatched_weight: Share = 0.0,
        head: Head = "conditional",
    ) -> None:
        super().__init__()
        self.scores = Scores("wasserstein", head, mismatched_weight)
        self.heads, self.num_mismatched = self.scores.heads, self.scores.num_mismatched

    def discriminator_terms(self, critic: Critic) -> Terms:
        return {"real": -self.scores.real(critic).mean()} | self.scores.rejected(critic, torch.mean)

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": -self.scores.fake(critic).mean()}

    def diagnostics(self, critic: Critic) -> Terms:
        return {"distance": (self.scores.real(critic).mean() - self.scores.fake(critic).mean()).detach()}
