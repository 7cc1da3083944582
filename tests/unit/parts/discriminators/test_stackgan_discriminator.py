"""StackGAN's two discriminators: sizes of both stages, and their scores."""

import pytest
import torch
from discriminator_sizes import convolutions, num_weights, on_meta, randomised, strided
from torch import nn

from facegen.core.batch import DataSpec
from facegen.parts.discriminators.stackgan import Stackgan
from facegen.testing import check_part

ALL_HEADS = {"score": 1, "score_unconditional": 1, "embed": 5, "classify": 4}


def of_trunk(pairs):
    """Weights of 4x4 convolutions with batch norm after all but the first, which has a bias."""
    weights = sum(16 * before * after + 2 * after for before, after in pairs)
    return weights - pairs[0][1]


def test_layers_of_stage_one_at_64_pixels():
    discriminator = on_meta(Stackgan, 64, 128, {"score": 1})
    pairs = [(3, 64), (64, 128), (128, 256), (256, 512)]
    assert convolutions(discriminator, 64) == [
        (*pair, 4, 2, size) for pair, size in zip(pairs, (32, 16, 8, 4), strict=True)
    ]
    joint = 9 * (512 + 128) * 512 + 2 * 512
    assert num_weights(discriminator) == of_trunk(pairs) + joint + 16 * 512 + 1


def test_layers_of_stage_two_at_256_pixels():
    discriminator = on_meta(Stackgan, 256, 128, {"score": 1, "score_unconditional": 1})
    pairs = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024), (1024, 2048)]
    back = [(2048, 1024), (1024, 512)]
    assert convolutions(discriminator, 256) == [
        *((*pair, 4, 2, size) for pair, size in zip(pairs, (128, 64, 32, 16, 8, 4), strict=True)),
        *((*pair, 3, 1, 4) for pair in back),
    ]
    expected = of_trunk(pairs) + sum(9 * before * after + 2 * after for before, after in back)
    expected += 9 * (512 + 128) * 512 + 2 * 512 + 2 * (16 * 512 + 1)
    assert num_weights(discriminator) == expected


@pytest.mark.parametrize(("pixels", "shape"), [(16, (4, 4, 4)), (48, (8, 6, 6)), (128, (16, 4, 4))])
def test_other_image_sizes_are_accepted(pixels, shape):
    discriminator = Stackgan(DataSpec(pixels), 3, ALL_HEADS, width=2)
    features = discriminator.features(torch.randn(2, 3, pixels, pixels))
    assert features.shape == (2, *shape)
    assert discriminator.score(features, torch.randn(2, 3)).shape == (2,)


def test_backbone_agrees_with_the_formula():
    discriminator = randomised(Stackgan(DataSpec(128), 3, ALL_HEADS, width=1))
    assert [block[0].kernel_size[0] for block in discriminator.trunk] == [4, 4, 4, 4, 4, 3]
    faces = torch.rand(2, 3, 128, 128, dtype=torch.float64) * 2 - 1
    torch.testing.assert_close(discriminator.features(faces), strided(discriminator.trunk, faces, batch_norm=True))


def test_conditional_score_agrees_with_the_formula():
    torch.manual_seed(0)
    discriminator = Stackgan(DataSpec(16), 3, ALL_HEADS, width=2, norm="none").double()
    features, condition = torch.randn(2, 4, 4, 4, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    conv, last = discriminator.pair.joint[0], discriminator.pair.to_score
    tiled = torch.zeros(2, 3, 4, 4, dtype=torch.float64) + condition[:, :, None, None]
    padded = nn.functional.pad(torch.cat([features, tiled], dim=1), (1, 1, 1, 1))
    windows = padded.unfold(2, 3, 1).unfold(3, 3, 1)  # (B, C, 4, 4, 3, 3)
    joint = torch.einsum("bchwij,ocij->bohw", windows, conv.weight) + conv.bias[:, None, None]
    joint = torch.where(joint > 0, joint, 0.2 * joint)
    expected = torch.einsum("bohw,ohw->b", joint, last.weight.view(4, 4, 4)) + last.bias
    torch.testing.assert_close(discriminator.score(features, condition), expected)


def test_unconditional_score_is_optional():
    discriminator = Stackgan(DataSpec(16), 3, {"score_unconditional": 1}, width=2)
    features = discriminator.features(torch.randn(3, 3, 16, 16))
    last = discriminator.alone.unconditional
    expected = nn.functional.conv2d(features, last.weight.view(1, 4, 4, 4), last.bias)[:, 0, 0, 0]
    torch.testing.assert_close(discriminator.score(features, None), expected)
    assert {name.split(".")[0] for name, _ in discriminator.named_parameters()} == {"trunk", "alone"}


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_every_norm_keeps_the_contract(norm):
    check_part("discriminator", Stackgan, DataSpec(128, identities=("anna", "ben")), width=2, norm=norm)
    discriminator = Stackgan(DataSpec(16), 3, ALL_HEADS, width=2, norm=norm)
    assert discriminator.uses_batch_statistics == (norm == "batch")
    assert not discriminator.eval().uses_batch_statistics
