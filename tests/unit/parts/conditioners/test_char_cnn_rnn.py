"""Sentences read character by character."""

import numpy as np
import pytest
import torch
from batches import batch_of

from facegen.core.batch import NUM_CHARACTERS, Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.text.caption_codes import ALPHABET, encode_captions
from facegen.parts.conditioners.char_cnn_rnn import CharCnnRnn

SPEC = DataSpec(16, caption_characters=201, columns=frozenset({"faces", "identity", "caption"}))
SMALL = {"condition_dim": 6, "channels": (8, 9, 10), "recurrent_width": 7}
SENTENCES = ["A woman with red hair.", "He is old", "x", "A man with a big beard and glasses, and grey eyes!"]


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return CharCnnRnn(SPEC, **SMALL)


def test_every_character_of_the_corpus_has_a_code():
    assert len(ALPHABET) == NUM_CHARACTERS
    assert encode_captions([ALPHABET], 200).max() == NUM_CHARACTERS


def test_layers_and_weights_of_the_published_encoder():
    with torch.device("meta"):
        encoder = CharCnnRnn(SPEC)
        assert encoder(Batch.blank(SPEC, 2, device="meta")).shape == (2, 1024)
    convolutions = 4 * (71 * 384 + 384 * 512 + 512 * 512) + 384 + 512 + 512
    recurrent = 3 * (2 * 512 * 512 + 2 * 512)
    assert sum(weight.numel() for weight in encoder.parameters()) == convolutions + recurrent + 512 * 1024 + 1024


@pytest.mark.parametrize("settings", [{}, {"kernel": 3, "pool": 2}, {"kernel": 1, "channels": (5,)}])
def test_padding_does_not_change_the_encoding(settings):
    torch.manual_seed(0)
    encoder = CharCnnRnn(SPEC, **{**SMALL, **settings})
    together = encoder(batch_of(caption=encode_captions(SENTENCES, 201)))
    for row, sentence in enumerate(SENTENCES):
        alone = encoder(batch_of(caption=encode_captions([sentence], len(sentence))))
        torch.testing.assert_close(together[row], alone[0], rtol=1e-4, atol=1e-6)
    assert len({tuple(encoding) for encoding in together.tolist()}) == len(SENTENCES)


def test_last_character_and_order_change_the_encoding(encoder):
    caption = encode_captions(["a man", "a mat", "man a"], 30)
    first, other, turned = encoder(batch_of(caption=caption))
    assert not torch.allclose(first, other, rtol=1e-3) and not torch.allclose(first, turned, rtol=1e-3)


def test_sentence_without_known_characters_is_encoded_as_the_bias(encoder):
    encoding = encoder(batch_of(caption=torch.zeros(2, 12, dtype=torch.int64)))
    torch.testing.assert_close(encoding, encoder.head.bias.expand(2, 6))


def test_one_convolution_and_one_recurrent_layer_by_hand():
    torch.manual_seed(0)
    encoder = CharCnnRnn(SPEC, condition_dim=2, channels=(3,), kernel=2, recurrent_width=2)
    codes = encode_captions(["abca"], 9)
    encoding = encoder(batch_of(caption=codes))[0].tolist()
    weights = {name: weight.detach().double().numpy() for name, weight in encoder.named_parameters()}
    one_hot = np.eye(72)[codes[0, :5].numpy()][:, 1:]
    kernel, bias = weights["convolutions.0.weight"], weights["convolutions.0.bias"]
    hidden = [np.maximum(kernel[:, :, 0] @ one_hot[t] + kernel[:, :, 1] @ one_hot[t + 1] + bias, 0) for t in range(4)]
    state, states = np.zeros(2), []
    for inputs in hidden:
        of_input = (weights["recurrent.weight_ih_l0"] @ inputs + weights["recurrent.bias_ih_l0"]).reshape(3, 2)
        of_state = (weights["recurrent.weight_hh_l0"] @ state + weights["recurrent.bias_hh_l0"]).reshape(3, 2)
        reset, update = 1 / (1 + np.exp(-of_input[:2] - of_state[:2]))
        state = (1 - update) * np.tanh(of_input[2] + reset * of_state[2]) + update * state
        states.append(state)
    expected = weights["head.weight"] @ np.mean(states, axis=0) + weights["head.bias"]
    np.testing.assert_allclose(encoding, expected, rtol=1e-5)


def test_autocast_returns_float32(encoder):
    with torch.autocast("cpu", torch.bfloat16):
        encoding = encoder(batch_of(caption=encode_captions(SENTENCES, 201)))
    assert encoding.dtype == torch.float32
    encoding.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


def test_a_batch_without_captions_is_refused(encoder):
    with pytest.raises(RecipeError, match="char_cnn_rnn: the batch holds no captions"):
        encoder(Batch.blank(DataSpec(16), 2))
