"""Objective: relativistic GAN."""

from torch.nn import functional

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective


class Relativistic(Objective):
    """Relativistic loss of a real and a generated face under the same condition.

    g_rel = g(f_r, c) - g(f_f, c),   L_D = E softplus(-g_rel),   L_G = E softplus(g_rel)   (equation 4)

    Engine:
        data: not read.
    Shape:
        scores (B,) -> scalar terms
    Source:
        Choi, Park and Lee 2020, equation 4, reconstructed: its arguments leave no other reading. The loss is RSGAN of
        Jolicoeur-Martineau 2019.
    """

    def __init__(self, data: DataSpec) -> None:
        super().__init__()
        self.heads = {"score": 1}

    def discriminator_terms(self, critic: Critic) -> Terms:
        return {"real_over_fake": functional.softplus(critic.fake - critic.real).mean()}

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake_over_real": functional.softplus(critic.real - critic.fake).mean()}

    def diagnostics(self, critic: Critic) -> Terms:
        margin = (critic.real - critic.fake).detach()
        return {"real_margin": margin.mean(), "real_accuracy": (margin > 0).float().mean()}
