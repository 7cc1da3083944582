"""Matcher: joint classification of voices and faces (DIMNet)."""

from typing import Annotated

from pydantic import Field
from torch import Tensor

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Direction, Matcher
from facegen.core.recipe.schedule import Ramp
from facegen.parts.layers.label_classifiers import LabelClassifiers
from facegen.parts.layers.similarity import cosines, inner_products, require_equal_widths


class JointClassification(Matcher):
    """Cross-entropy of linear classifiers of identity and attributes that encodings and embeddings share.

    L = sum_y weight_y ( E CE(W_y s + b_y, y) + E CE(W_y f + b_y, y) ),   y unknown: the row does not count

    No pairs of voice and face are formed; sharing the classifiers brings both into one space.

    Engine:
        data: supplies the training identities and the attributes' classes.
        query_dim, candidate_dim: widths of encoding and face embedding; must be equal.
    Settings:
        attributes: labels to classify besides the identity; all of the corpus where left out.
        identity_weight, attribute_weight: weights of the cross-entropies, numbers or ramps.
        normalise: rank candidates by the cosine instead of the inner product.
    Shape:
        (B, query_dim), (B, candidate_dim) -> scalar terms; logits (B, d), (B, K, d) -> (B, K)
    Raises:
        RecipeError: the widths differ, the corpus lacks an attribute, nothing is left to classify, or a ramp falls
            below 0.
    Source:
        Wen et al. 2019 (DIMNet). The weights of 1 are our choice.
    """

    def __init__(
        self,
        data: DataSpec,
        query_dim: int,
        candidate_dim: int,
        *,
        attributes: tuple[str, ...] | None = None,
        identity_weight: Annotated[float, Field(ge=0)] | Ramp = 1.0,
        attribute_weight: Annotated[float, Field(ge=0)] | Ramp = 1.0,
        normalise: bool = True,
    ) -> None:
        super().__init__()
        require_equal_widths("joint_classification", query_dim, candidate_dim)
        self.classifiers = LabelClassifiers(
            "joint_classification",
            data,
            query_dim,
            attributes=attributes,
            identity_weight=identity_weight,
            attribute_weight=attribute_weight,
        )
        self.similarities = cosines if normalise else inner_products

    def terms(self, encoding: Tensor, embedding: Tensor | None, batch: Batch) -> Terms:
        if embedding is None:
            raise RecipeError(
                "joint_classification: matching needs embeddings of the faces; give the recipe a [discriminator]"
            )
        sides = {"encoding": encoding, "face": embedding}
        return {
            f"{label}_{side}": term
            for side, values in sides.items()
            for label, term in self.classifiers(values, batch).items()
        }

    def logits(self, query: Tensor, candidates: Tensor, *, direction: Direction) -> Tensor:
        return self.similarities(query, candidates)
