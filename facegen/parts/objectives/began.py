"""Objective: BEGAN."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective


class Began(Objective):
    """Boundary equilibrium GAN: reconstruction errors of an autoencoder, kept in balance.

    L(f) = mean |f - D(f)|,   L_D = L(f_r) - k L(f_f),   L_G = L(f_f)
    k <- min(max(k + l (g L(f_r) - L(f_f)), 0), 1),   M = L(f_r) + |g L(f_r) - L(f_f)|

    The errors are measured on the augmented faces, which D reads. k starts at 0; M measures convergence.

    Engine:
        data: not read.
    Settings:
        diversity_ratio: g, ratio of the errors of generated and real faces in equilibrium; lower values give sharper
            and more uniform faces.
        balance_rate: l, step size of k.
    Shape:
        faces (B, 3, H, W) -> scalar terms
    Source:
        Berthelot, Schumm and Metz 2017, section 3.4; rates as in its public reimplementations. Published code of the
        thesis adds k L(f_f) where the paper subtracts it.
    """

    k: Tensor

    def __init__(
        self,
        data: DataSpec,
        *,
        diversity_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5,
        balance_rate: Annotated[float, Field(ge=0)] = 1e-3,
    ) -> None:
        super().__init__()
        self.heads = {"reconstruct": 1}
        self.diversity_ratio, self.balance_rate = diversity_ratio, balance_rate
        self.register_buffer("k", torch.zeros(()))

    def discriminator_terms(self, critic: Critic) -> Terms:
        return {"real": _real_error(critic), "fake": -self.k * _fake_error(critic)}

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": _fake_error(critic)}

    def diagnostics(self, critic: Critic) -> Terms:
        real, fake = _real_error(critic).detach(), _fake_error(critic).detach()
        balance = self.diversity_ratio * real - fake
        return {"convergence": real + balance.abs(), "balance": balance, "k": self.k.clone()}

    def update(self, diagnostics: Terms) -> None:
        self.k.add_(self.balance_rate * diagnostics["balance"]).clamp_(0, 1)


def _real_error(critic: Critic) -> Tensor:
    return (critic.real_augmented - critic.real_reconstruction).abs().mean()


def _fake_error(critic: Critic) -> Tensor:
    return (critic.fake_augmented - critic.fake_reconstruction).abs().mean()
