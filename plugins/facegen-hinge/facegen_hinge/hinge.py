from typing import Annotated

from pydantic import Field
from torch.nn.functional import relu

from facegen import Critic, DataSpec, Objective, Ramp, Schedule, Terms, require_weights


class Hinge(Objective):
    """Hinge loss: scores beyond the margin have no loss in the discriminator's phase.

    L_D = E max(0, m - D(real, c)) + (1 - w) E max(0, m + D(fake, c)) + w E max(0, m + D(real, c'))
    L_G = -E D(fake, c)   (equations 19 and 20)

    Engine:
        data: not read.
    Settings:
        margin: m, score beyond which a real face has no loss; -m for a generated one.
        mismatched_weight: w, share of mismatched pairs (real faces, another person's condition c') among what D
            rejects; a number or a ramp. The number 0 scores no mismatched pairs.
    Shape:
        scores (B,) -> scalar terms
    Raises:
        RecipeError: a ramp leaves [0, 1).
    Source:
        Lim and Ye 2017, "Geometric GAN", equations 19 and 20; Miyato et al. 2018, "Spectral normalization for
        generative adversarial networks", equations 16 and 17. The mismatched pairs are Reed et al. 2016's.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        margin: Annotated[float, Field(gt=0)] = 1.0,
        mismatched_weight: Annotated[float, Field(ge=0, lt=1)] | Ramp = 0.0,
    ) -> None:
        super().__init__()
        require_weights("hinge", {"mismatched_weight": mismatched_weight}, below=1)
        self.heads = {"score": 1}
        self.margin, self.mismatched_weight = margin, Schedule(mismatched_weight)
        self.num_mismatched = 0 if self.mismatched_weight.is_zero else 1

    def discriminator_terms(self, critic: Critic) -> Terms:
        weight = self.mismatched_weight.value
        terms = {
            "real": relu(self.margin - critic.real).mean(),
            "fake": (1 - weight) * relu(self.margin + critic.fake).mean(),
        }
        if not self.mismatched_weight.is_zero:
            terms["mismatched"] = weight * relu(self.margin + critic.mismatched).mean()
        return terms

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": -critic.fake.mean()}
