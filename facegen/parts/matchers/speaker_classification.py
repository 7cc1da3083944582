"""Matcher: speaker classification."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.interfaces import Direction, Matcher
from facegen.core.recipe.schedule import Ramp
from facegen.parts.layers.label_classifiers import LabelClassifiers
from facegen.parts.layers.perceptron import hidden_layers
from facegen.parts.layers.similarity import cosines


class SpeakerClassification(Matcher):
    """Cross-entropy of classifying the training person and attributes from the encoding; faces are not read.

    L = sum_y weight_y E CE(W_y h(s) + b_y, y),   y unknown: the row does not count

    It pre-trains an encoder for a generator. Its matching rule compares encodings with encodings: it finds the same
    voice again, and cannot serve as a judge of faces.

    Engine:
        data: supplies the training identities and the attributes' classes.
        query_dim: width of the encoding.
        candidate_dim: not read.
    Settings:
        widths: widths of the hidden layers h, each followed by a ReLU; an empty list makes the classifiers linear.
        attributes: labels to classify besides the identity.
        identity_weight, attribute_weight: weights of the cross-entropies, numbers or ramps.
    Shape:
        (B, query_dim) -> scalar terms; logits (B, d), (B, K, d) -> (B, K), the cosines
    Raises:
        RecipeError: the corpus lacks an attribute, nothing is left to classify, or a ramp falls below 0.
    Source:
        Roldan Sanchez 2018, section VI, proposes it for the encoder of the speech. Wen, Singh and Raj 2019
        (voice2face) take their voice encoder from speaker recognition. Attributes are ours.
    """

    needs_faces = False

    def __init__(
        self,
        data: DataSpec,
        query_dim: int,
        candidate_dim: int,
        *,
        widths: tuple[Annotated[int, Field(ge=1)], ...] = (),
        attributes: tuple[str, ...] = (),
        identity_weight: Annotated[float, Field(ge=0)] | Ramp = 1.0,
        attribute_weight: Annotated[float, Field(ge=0)] | Ramp = 1.0,
    ) -> None:
        super().__init__()
        self.hidden = nn.Sequential(*hidden_layers(query_dim, widths))
        self.classifiers = LabelClassifiers(
            "speaker_classification",
            data,
            (query_dim, *widths)[-1],
            attributes=attributes,
            identity_weight=identity_weight,
            attribute_weight=attribute_weight,
        )

    def terms(self, encoding: Tensor, embedding: Tensor | None, batch: Batch) -> Terms:
        terms: Terms = self.classifiers(self.hidden(encoding), batch)
        return terms

    def logits(self, query: Tensor, candidates: Tensor, *, direction: Direction) -> Tensor:
        return cosines(query, candidates)
