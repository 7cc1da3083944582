"""Objective: relativistic identity (RelID) GAN."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Objective
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights

Weight = Annotated[float, Field(ge=0)] | Ramp


class Relid(Objective):
    """Relativistic loss with an identity term: the own condition scores above a mismatched one.

    "single_sigmoid": g = g(f_r, c+) - g(f_f, c+) + l (g(f_r, c+) - g(f_r, c-)),   L_D = E softplus(-g)
    "averaged":       g = g(f_r, c+) - (g(f_f, c+) + g(f_r, c-)) / 2,               L_D = E softplus(-g)
    "separate":       L_D = E softplus(g(f_f, c+) - g(f_r, c+)) + l E log(1 + sum_k exp(g(f_r, c_k-) - g(f_r, c+)))

    (equations 5 to 7, reconstructed)

    L_G is L_D with f_r and f_f swapped. With g = c . phi + psi the identity term is l (c+ - c-) . phi.

    Engine:
        data: not read.
    Settings:
        form: which of the three losses. In the first two, both margins share one sigmoid, so that an easy mismatch
            removes the gradient of the comparison of real and fake; "separate" avoids this.
        discriminator_identity_weight, generator_identity_weight: l in each phase, numbers or ramps; not read by
            "averaged".
        generator_identity: whether L_G has the identity term; without it, L_G is that of the relativistic objective.
        num_negatives: number of mismatched conditions per row; more than one in "separate" only.
    Shape:
        scores (B,) and (B, num_negatives) -> scalar terms
    Raises:
        RecipeError: several negatives outside "separate", or a ramp falls below 0.
    Source:
        Choi, Park and Lee 2020, equations 5 to 7, whose text is available and whose formulas are not:
        "single_sigmoid" and "averaged" are two reconstructions, "separate" and its K negatives are ours.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        form: Literal["single_sigmoid", "averaged", "separate"] = "single_sigmoid",
        discriminator_identity_weight: Weight = 1.0,
        generator_identity_weight: Weight = 1.0,
        generator_identity: bool = True,
        num_negatives: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        super().__init__()
        if num_negatives > 1 and form != "separate":
            raise RecipeError(f"relid: num_negatives = {num_negatives}: must be 1 unless form = 'separate'")
        require_weights(
            "relid",
            {
                "discriminator_identity_weight": discriminator_identity_weight,
                "generator_identity_weight": generator_identity_weight,
            },
        )
        self.heads = {"score": 1}
        self.num_mismatched = num_negatives
        self.form, self.generator_identity = form, generator_identity
        self.discriminator_weight = Schedule(discriminator_identity_weight)
        self.generator_weight = Schedule(generator_identity_weight)

    def discriminator_terms(self, critic: Critic) -> Terms:
        mismatched = critic.mismatched_all[:, : self.num_mismatched]
        return self._terms(critic.real, critic.fake, mismatched, self.discriminator_weight.value)

    def generator_terms(self, critic: Critic) -> Terms:
        if not self.generator_identity:
            return {"realness": functional.softplus(critic.real - critic.fake).mean()}
        mismatched = critic.fake_mismatched_all[:, : self.num_mismatched]
        return self._terms(critic.fake, critic.real, mismatched, self.generator_weight.value)

    def _terms(self, own: Tensor, other: Tensor, mismatched: Tensor, weight: Tensor) -> Terms:
        """Compute the terms from the scores of the preferred face, of the other one, and of the mismatched pairs."""
        if self.form == "separate":
            # log(1 + sum_k exp(m_k - o)): cross-entropy of choosing the own condition among all.
            excess = functional.pad(mismatched - own[:, None], (1, 0))
            return {
                "realness": functional.softplus(other - own).mean(),
                "identity": weight * excess.logsumexp(dim=1).mean(),
            }
        stranger = mismatched[:, 0]
        averaged = own - (other + stranger) / 2
        margin = averaged if self.form == "averaged" else own - other + weight * (own - stranger)
        return {"relid": functional.softplus(-margin).mean()}

    def diagnostics(self, critic: Critic) -> Terms:
        realness = (critic.real - critic.fake).detach()
        identity = (critic.real - critic.mismatched).detach()
        return {
            "real_margin": realness.mean(),
            "real_accuracy": (realness > 0).float().mean(),
            "identity_margin": identity.mean(),
            "identity_accuracy": (identity > 0).float().mean(),
        }
