"""Conditioner: given text vectors."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Conditioner
from facegen.parts.layers.precision import Float32Linear


class TextEmbedding(Conditioner):
    """Text vectors of the corpus, unchanged or projected.

    c = t,   or   c = LeakyReLU_0.2(W t + b)

    Engine:
        data: supplies text_dim.
    Settings:
        form: "projected" by a learned layer, or "plain".
        condition_dim: width of the encoding; "plain" has the width of the vectors instead.
        activation: activation behind the layer.
    Shape:
        text (B, text_dim) -> (B, condition_dim)
    Raises:
        RecipeError: the corpus has no text vectors.
    Source:
        Reed et al. 2016b (text to image), section 4.1: projected to 128 with a leaky ReLU; the slope of 0.2 is that
        of their code. "none" is ours, for a match stage, whose encodings should be able to have either sign.
    """

    needs = frozenset({"text"})

    def __init__(
        self,
        data: DataSpec,
        *,
        form: Literal["projected", "plain"] = "projected",
        condition_dim: Annotated[int, Field(ge=1)] = 128,
        activation: Literal["leaky_relu", "none"] = "leaky_relu",
    ) -> None:
        super().__init__()
        if data.text_dim == 0:
            raise RecipeError(
                "text_embedding: the corpus has no text vectors: pack it with a column 'embedding', or encode its "
                "captions with type = 'char_cnn_rnn'"
            )
        self.condition_dim = data.text_dim if form == "plain" else condition_dim
        self.activation = activation
        self.projection = Float32Linear(data.text_dim, condition_dim) if form == "projected" else None

    def forward(self, batch: Batch) -> Tensor:
        if batch.text is None:
            raise RecipeError("text_embedding: the batch holds no text vectors")
        if self.projection is None:
            return batch.text
        projected: Tensor = self.projection(batch.text)
        return functional.leaky_relu(projected, 0.2) if self.activation == "leaky_relu" else projected
