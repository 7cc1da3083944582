"""Given text vectors."""

import pytest
import torch
from batches import batch_of

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.conditioners.text_embedding import TextEmbedding

SPEC = DataSpec(16, text_dim=5, columns=frozenset({"faces", "identity", "text"}))


def test_plain_form_is_the_vector_itself():
    text = torch.randn(2, 5)
    encoder = TextEmbedding(SPEC, form="plain")
    assert encoder(batch_of(text=text)) is text
    assert encoder.condition_dim == 5 and not list(encoder.parameters())


@pytest.mark.parametrize(("activation", "slope"), [("leaky_relu", 0.2), ("none", 1.0)])
def test_projected_form_is_a_linear_layer_and_its_activation(activation, slope):
    torch.manual_seed(0)
    encoder = TextEmbedding(SPEC, condition_dim=7, activation=activation)
    text = torch.randn(4, 5)
    straight = text.double() @ encoder.projection.weight.double().T + encoder.projection.bias.double()
    expected = torch.where(straight > 0, straight, slope * straight)
    torch.testing.assert_close(encoder(batch_of(text=text)).double(), expected, rtol=1e-5, atol=1e-6)
    assert encoder.condition_dim == 7 and (straight < 0).any()


def test_a_corpus_or_a_batch_without_vectors_is_refused():
    with pytest.raises(RecipeError, match=r"text_embedding: the corpus has no text vectors: .* 'char_cnn_rnn'"):
        TextEmbedding(DataSpec(16))
    with pytest.raises(RecipeError, match="text_embedding: the batch holds no text vectors"):
        TextEmbedding(SPEC)(Batch.blank(DataSpec(16), 2))
