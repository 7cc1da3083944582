"""Objective: feature matching."""

from typing import Annotated

from pydantic import Field
from torch.nn import functional

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights


class FeatureMatching(Objective):
    """Squared distance between the mean features of real and generated faces; a term of the generator only.

    L_G = l mean (E_batch phi(f_f) - E_batch phi(f_r))^2,   phi the discriminator's backbone

    With several processes, each takes the means of its own rows.

    Engine:
        data: not read.
    Settings:
        features_weight: l, a number or a ramp.
    Shape:
        features (B, ...) -> scalar term
    Raises:
        RecipeError: a ramp falls below 0.
    Source:
        Salimans et al. 2016, section 3.1. The weight is that of the thesis's published code, whose features are
        those of the last convolution; the thesis itself does not name the term.
    """

    def __init__(self, data: DataSpec, *, features_weight: Annotated[float, Field(ge=0)] | Ramp = 100.0) -> None:
        super().__init__()
        self.heads: dict[str, int] = {}
        require_weights("feature_matching", {"features_weight": features_weight})
        self.weight = Schedule(features_weight)

    def generator_terms(self, critic: Critic) -> Terms:
        fake, real = (features.float().mean(dim=0) for features in (critic.fake_features, critic.real_features))
        return {"features": self.weight.value * functional.mse_loss(fake, real.detach())}
