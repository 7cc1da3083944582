"""The discriminator of voice2face: sizes, linear heads, no condition."""

import pytest
import torch
from discriminator_sizes import convolutions, num_weights, on_meta, randomised, strided
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.parts.discriminators.voice2face import Voice2face

ALL_HEADS = {"score_unconditional": 1, "embed": 5, "classify": 4}


def test_layers_of_voice2face_at_64_pixels():
    discriminator = on_meta(Voice2face, 64, 64, {"score_unconditional": 1, "classify": 924})
    layers = convolutions(discriminator, 64)
    strided = [(32, 64, 32), (64, 128, 16), (128, 256, 8), (256, 512, 4)]
    assert layers == [(3, 32, 1, 1, 64), *((a, b, 4, 2, size) for a, b, size in strided)]
    expected = 3 * 32 + 32 + sum(16 * before * after + after for before, after, _ in strided)
    expected += 16 * 512 * 64 + 64
    assert num_weights(discriminator) == expected + 64 + 64 * 924


def test_heads_are_linear_in_the_code():
    torch.manual_seed(0)
    discriminator = Voice2face(DataSpec(16), 5, ALL_HEADS, width=2, code_dim=6)
    code = discriminator.features(torch.randn(3, 3, 16, 16))
    assert code.shape == (3, 6)
    torch.testing.assert_close(discriminator.score(code, None), code @ discriminator.alone.unconditional.weight[0])
    torch.testing.assert_close(discriminator.classify(code), code @ discriminator.alone.classes.weight.T)
    torch.testing.assert_close(discriminator.embed(code), code @ discriminator.alone.embedding.weight.T)
    assert [discriminator.classify(code).shape, discriminator.embed(code).shape] == [(3, 4), (3, 5)]


def test_code_is_a_convolution_over_the_whole_map():
    discriminator = randomised(Voice2face(DataSpec(48), 5, ALL_HEADS, width=2, code_dim=6))
    faces = torch.randn(2, 3, 48, 48, dtype=torch.float64)
    first, _, *blocks = discriminator.trunk
    hidden = functional.leaky_relu(functional.conv2d(faces, first.weight, first.bias), 0.2)
    hidden = strided(blocks, hidden, batch_norm=False)
    assert hidden.shape == (2, 16, 6, 6)
    kernel = discriminator.code.weight.view(6, 16, 6, 6)
    expected = functional.conv2d(hidden, kernel, discriminator.code.bias)[:, :, 0, 0]
    torch.testing.assert_close(discriminator.features(faces), expected)


def test_conditional_score_is_refused():
    discriminator = Voice2face(DataSpec(16), 5, ALL_HEADS, width=2)
    with pytest.raises(NotImplementedError, match="Voice2face has no head 'score'"):
        discriminator.score(torch.zeros(2, 64), torch.zeros(2, 5))
    assert not discriminator.uses_batch_statistics


def test_only_requested_heads_of_voice2face_exist():
    discriminator = Voice2face(DataSpec(16), 5, {"classify": 4}, width=2)
    names = {name.rsplit(".", 1)[0] for name, _ in discriminator.named_parameters() if not name.startswith("trunk")}
    assert names == {"code", "alone.classes"}
