"""SAGAN's discriminator: place of the attention, spectral norm, score."""

import pytest
import torch
from discriminator_sizes import largest_singular_values, num_weights, on_meta, randomised, residual
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.discriminators.projection import Projection
from facegen.parts.discriminators.self_attention import SelfAttention
from facegen.parts.layers.self_attention import SelfAttention2d

ALL_HEADS = {"score": 1, "score_unconditional": 1, "embed": 5, "classify": 4}


def small(pixels=16, **settings):
    torch.manual_seed(0)
    return SelfAttention(DataSpec(pixels), 5, ALL_HEADS, **{"width": 4, **settings})


def attending(discriminator, pixels):
    """Return (channels, height, width) of the inputs of attention layers."""
    hidden, layers = torch.zeros(1, 3, pixels, pixels), []
    with torch.no_grad():
        for block in discriminator.trunk:
            hidden = block(hidden)
            if isinstance(block, SelfAttention2d):
                layers.append(tuple(hidden.shape[1:]))
    return layers


def test_weights_at_128_pixels():
    """The weights are those of the projection discriminator and of attention at 32 pixels, 128 channels."""
    attentive, plain = (on_meta(part, 128, 128, {"score": 1, "embed": 128}) for part in (SelfAttention, Projection))
    assert num_weights(attentive) == num_weights(plain) + 2 * 128 * 16 + 128 * 128 + 1


@pytest.mark.parametrize(
    ("pixels", "attention_pixels", "expected"),
    [(128, 32, (8, 32, 32)), (64, 32, (4, 32, 32)), (48, 32, (4, 24, 24)), (64, 8, (16, 8, 8)), (16, 32, (4, 8, 8))],
)
def test_attention_is_at_the_nearest_size(pixels, attention_pixels, expected):
    assert attending(small(pixels, attention_pixels=attention_pixels, max_width=16), pixels) == [expected]


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"self_attention: data\.image_pixels = 50"):
        small(50)


def test_every_weight_is_normalised():
    discriminator = small()
    values = largest_singular_values(discriminator)
    attention = next(block for block in discriminator.trunk if isinstance(block, SelfAttention2d))
    assert {attention.query, attention.key, attention.value} <= values.keys()
    assert {discriminator.phi, discriminator.psi, discriminator.classes} <= values.keys()
    assert len(values) == 9 + 3 + 3
    assert list(values.values()) == pytest.approx([1.0] * len(values), abs=1e-3)


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_score_and_features_agree_with_the_formula(slope):
    discriminator = randomised(small(negative_slope=slope)).eval()
    faces = torch.rand(3, 3, 16, 16, dtype=torch.float64) * 2 - 1
    condition = torch.randn(3, 5, dtype=torch.float64)
    first, attention, *others = discriminator.trunk
    hidden = attention(residual(first, faces, slope, first=True, halve=True))
    for block, halve in zip(others, (True, False), strict=True):
        hidden = residual(block, hidden, slope, first=False, halve=halve)
    features = functional.leaky_relu(hidden, slope).sum(dim=(2, 3))
    torch.testing.assert_close(discriminator.features(faces), features)
    embedding = discriminator.embed(features)
    expected = torch.stack([row @ other for row, other in zip(condition, embedding, strict=True)])
    expected = expected + embedding @ discriminator.psi.weight[0] + discriminator.psi.bias
    torch.testing.assert_close(discriminator.score(features, condition), expected)
    without = discriminator.score(features, torch.zeros_like(condition))
    torch.testing.assert_close(discriminator.score(features, None), without)
    assert discriminator.classify(features).shape == (3, 4)
    assert not discriminator.train().uses_batch_statistics
