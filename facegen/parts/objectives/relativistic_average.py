"""Objective: relativistic average GAN."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective
from facegen.parts.layers.scores import Scores


class RelativisticAverage(Objective):
    """Relativistic average loss: each score minus the mean score of the other side.

    L_D = 1/2 [E l(D(f_r) - E D(f_f)) + E l(E D(f_r) - D(f_f))],   L_G the same with f_r and f_f swapped
    l(m) = softplus(-m) for "bce", (m - 1)^2 for "least_squares", max(0, 1 - m) for "hinge"

    With several processes, each takes the means of its own rows, which differs from one large batch.

    Engine:
        data: not read.
    Settings:
        loss: l, the loss of a margin.
    Shape:
        scores (B,) -> scalar terms
    Source:
        Jolicoeur-Martineau 2019: RaSGAN, RaLSGAN and RaHingeGAN, with the half of its published code.
    """

    def __init__(self, data: DataSpec, *, loss: Literal["bce", "least_squares", "hinge"] = "bce") -> None:
        super().__init__()
        self.scores = Scores("relativistic_average", "conditional")
        self.heads = self.scores.heads
        self.loss = {"bce": _log_sigmoid, "least_squares": _squared, "hinge": _hinge}[loss]

    def discriminator_terms(self, critic: Critic) -> Terms:
        return {"real": self._above(critic.real, critic.fake), "fake": self._below(critic.fake, critic.real)}

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": self._above(critic.fake, critic.real), "real": self._below(critic.real, critic.fake)}

    def _above(self, scores: Tensor, others: Tensor) -> Tensor:
        return self.loss(scores - others.mean()).mean() / 2

    def _below(self, scores: Tensor, others: Tensor) -> Tensor:
        return self.loss(others.mean() - scores).mean() / 2

    def diagnostics(self, critic: Critic) -> Terms:
        return self.scores.diagnostics(critic)


def _log_sigmoid(margin: Tensor) -> Tensor:
    return functional.softplus(-margin)


def _squared(margin: Tensor) -> Tensor:
    return (margin - 1).square()


def _hinge(margin: Tensor) -> Tensor:
    return functional.relu(1 - margin)
