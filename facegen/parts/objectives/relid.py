"""The real face must look more real than the generated one, and more like its own voice than a stranger's."""

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
    """Relativistic pairing that also ranks the own condition above a mismatched one.

    "single_sigmoid": g = g(f_r, c+) - g(f_f, c+) + l (g(f_r, c+) - g(f_r, c-)),   L_D = E softplus(-g)
    "averaged":       g = g(f_r, c+) - (g(f_f, c+) + g(f_r, c-)) / 2,               L_D = E softplus(-g)
    "separate":       L_D = E softplus(g(f_f, c+) - g(f_r, c+)) + l E log(1 + sum_k exp(g(f_r, c_k-) - g(f_r, c+)))

    L_G is L_D with f_r and f_f swapped. With g = c . phi + psi the identity term is l (c+ - c-) . phi.

    Engine:
        data: not read.
    Settings:
        form: which of the three; in the first two the margins share one sigmoid, so that an easy stranger silences
            the comparison of real with fake; "separate" cannot do that.
        discriminator_identity_weight, generator_identity_weight: l in either phase; "averaged" reads neither.
        generator_identity: whether L_G has an identity term; without, it is the relativistic objective's.
        num_negatives: strangers a row; more than one in "separate" only.
    Shape:
        scores (B,) and (B, num_negatives) -> scalar terms
    Raises:
        RecipeError: several negatives outside "separate", or a ramp falls under 0.
    Source:
        Choi, Park and Lee 2020, equations 5 to 7, of which the paper's text survives and the formulas do not:
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
        """The face that is to win, the other face, and the winner under strangers' conditions."""
        if self.form == "separate":
            # log(1 + sum_k exp(m_k - o)): the stranger's cross-entropy with the own condition as the right answer.
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
