from typing import Annotated

from pydantic import Field
from torch.nn.functional import relu

from facegen import Critic, DataSpec, Objective, Terms


class Hinge(Objective):
    """Hinge loss: scores beyond the margin cost the discriminator nothing more.

        L_D = E max(0, m - D(real, c)) + 1/(1 + w) [E max(0, m + D(fake, c)) + w E max(0, m + D(real, c'))]
        L_G = -E D(fake, c)

    Engine:
        data: not used.
    Settings:
        margin: m, the score beyond which a face counts as surely real (or, negated, as surely not).
        mismatched_weight: w, of real faces under another person's condition c', beside the fakes; 0 leaves them out.
    Source:
        Lim and Ye 2017, "Geometric GAN", equations 19 and 20; Miyato et al. 2018, "Spectral normalization for
        generative adversarial networks", equations 16 and 17. The mismatched pairs are ours, after Reed et al. 2016.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        margin: Annotated[float, Field(gt=0)] = 1.0,
        mismatched_weight: Annotated[float, Field(ge=0)] = 1.0,
    ) -> None:
        super().__init__()
        self.heads = {"score": 1}
        self.num_mismatched = 1 if mismatched_weight else 0
        self.margin = margin
        self.mismatched_weight = mismatched_weight

    def discriminator_terms(self, critic: Critic) -> Terms:
        share = 1 / (1 + self.mismatched_weight)
        terms = {
            "real": relu(self.margin - critic.real).mean(),
            "fake": share * relu(self.margin + critic.fake).mean(),
        }
        if self.mismatched_weight:
            mismatched = relu(self.margin + critic.mismatched).mean()
            terms["mismatched"] = share * self.mismatched_weight * mismatched
        return terms

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": -critic.fake.mean()}
