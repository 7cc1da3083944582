"""Objective: pixelwise reconstruction."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Objective
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights


class Reconstruction(Objective):
    """Pixelwise distance between generated and real faces; a term of the generator only.

    L_G = l mean |f - f_r|   or   l mean (f - f_r)^2
    f = f_f,  or, as a decoder of faces,  f = G(z, e(f_r)) with e the discriminator's embedding

    As a decoder it needs a matcher, because the match stage trains the embedding. The generator then learns from faces
    alone, and generates from voices afterwards. The embedding is that of the augmented face.

    Engine:
        data: not read.
    Settings:
        source: what the faces are generated from: the "condition", or the "embedding" of the real faces.
        distance: absolute ("l1") or squared ("l2") differences, averaged over pixels and colours.
        reconstruction_weight: l, a number or a ramp.
        normalise: scale the embedding to length 1, for matchers that compare directions only.
    Shape:
        faces (B, 3, H, W) -> scalar term
    Raises:
        RecipeError: a ramp falls below 0.
    Source:
        The weight is that of the thesis's published code; the thesis itself does not name the term. The embedding
        as source is the face decoder of Speech2Face, Oh et al. 2019, section 3, after Cole et al. 2017.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        source: Literal["condition", "embedding"] = "condition",
        distance: Literal["l1", "l2"] = "l1",
        reconstruction_weight: Annotated[float, Field(ge=0)] | Ramp = 50.0,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        self.heads: dict[str, int] = {}
        self.source, self.normalise = source, normalise
        self.distance = functional.l1_loss if distance == "l1" else functional.mse_loss
        require_weights("reconstruction", {"reconstruction_weight": reconstruction_weight})
        self.weight = Schedule(reconstruction_weight)

    def generator_terms(self, critic: Critic) -> Terms:
        return {"reconstruction": self.weight.value * self.distance(self._faces(critic).float(), critic.real_faces)}

    def _faces(self, critic: Critic) -> Tensor:
        if self.source == "condition":
            return critic.fake_faces
        embedding = critic.real_embedding
        return critic.draw(functional.normalize(embedding, dim=1) if self.normalise else embedding)
