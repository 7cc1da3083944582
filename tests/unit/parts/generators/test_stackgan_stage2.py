"""StackGAN's second stage: from a draft to a larger face."""

import pytest
import torch
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.generators.stackgan_stage2 import StackganStage2
from facegen.testing import check_part

NO_NOISE = torch.zeros(2, 0)


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return StackganStage2(DataSpec(32), 5, draft_pixels=16, width=4, residual_blocks=1)


def test_weights_of_the_paper_at_256_pixels():
    with torch.device("meta"):
        generator = StackganStage2(DataSpec(256), 128, width=64)
        faces = generator(NO_NOISE, torch.zeros(2, 128), torch.zeros(2, 3, 64, 64))
    assert faces.shape == (2, 3, 256, 256)
    encoder = 9 * 3 * 64 + 16 * (64 * 128 + 128 * 256) + 2 * (128 + 256)
    joint = 9 * (256 + 128) * 256 + 2 * 256
    residuals = 4 * 2 * (9 * 256 * 256 + 2 * 256)
    ups = sum(9 * before * after + 2 * after for before, after in ((256, 128), (128, 64), (64, 32), (32, 16)))
    assert sum(weight.numel() for weight in generator.parameters()) == encoder + joint + residuals + ups + 9 * 16 * 3


@pytest.mark.parametrize(("draft", "pixels", "ups"), [(16, 16, 2), (16, 64, 4), (24, 48, 3), (64, 128, 3)])
def test_sizes(draft, pixels, ups):
    generator = StackganStage2(DataSpec(pixels), 3, draft_pixels=draft, width=2, residual_blocks=0)
    assert len(generator.layers) == ups
    faces = generator(NO_NOISE, torch.randn(2, 3), torch.rand(2, 3, draft, draft))
    assert faces.shape == (2, 3, pixels, pixels)
    assert faces.abs().max() <= 1


@pytest.mark.parametrize(("draft", "pixels"), [(64, 48), (64, 32), (24, 64)])
def test_a_size_out_of_reach_is_refused(draft, pixels):
    with pytest.raises(RecipeError, match=rf"image_pixels = {pixels} is not draft_pixels = {draft} times a power"):
        StackganStage2(DataSpec(pixels), 3, draft_pixels=draft)


def test_draft_of_another_size_is_refused(generator):
    condition = torch.randn(2, 5)
    with pytest.raises(RecipeError, match="draft_pixels = 16, and it is of 32"):
        generator(NO_NOISE, condition, torch.zeros(2, 3, 32, 32))
    with pytest.raises(RecipeError, match=r"there is none: \[draft\] names it"):
        generator(NO_NOISE, condition)


def test_draft_and_condition_both_change_the_face(generator):
    generator.eval()
    draft, condition = torch.rand(2, 3, 16, 16) * 2 - 1, torch.randn(2, 5)
    faces = generator(NO_NOISE, condition, draft)
    assert not torch.allclose(faces, generator(NO_NOISE, condition.flip(0), draft))
    assert not torch.allclose(faces, generator(NO_NOISE, condition, draft.flip(0)))
    assert generator.noise_dim == 0
    assert generator.input_weights() is None


def test_agrees_with_the_formula(generator):
    generator = generator.double()
    for weight in generator.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)

    def conv(hidden, layer, stride=1):
        return functional.conv2d(hidden, layer.weight, stride=stride, padding=1)

    def normed(hidden, layer):
        return functional.batch_norm(hidden, None, None, layer.weight, layer.bias, training=True)

    condition, draft = torch.randn(2, 5, dtype=torch.float64), torch.rand(2, 3, 16, 16, dtype=torch.float64) * 2 - 1
    first, _, second, second_norm, _, third, third_norm, _ = generator.encoder
    hidden = conv(draft, first).relu()
    hidden = normed(conv(hidden, second, 2), second_norm).relu()
    hidden = normed(conv(hidden, third, 2), third_norm).relu()
    joint, joint_norm, _ = generator.joint
    tiled = condition[:, :, None, None].repeat(1, 1, 4, 4)
    hidden = normed(conv(torch.cat([hidden, tiled], 1), joint), joint_norm).relu()
    first, first_norm, _, second, second_norm = generator.residuals[0].residual
    added = normed(conv(hidden, first), first_norm).relu()
    hidden = (hidden + normed(conv(added, second), second_norm)).relu()
    for up, norm, _ in generator.layers:
        hidden = normed(conv(functional.interpolate(hidden, scale_factor=2, mode="nearest"), up), norm).relu()
    torch.testing.assert_close(generator(NO_NOISE, condition, draft), conv(hidden, generator.to_rgb).tanh())


def test_keeps_the_contract_where_faces_are_larger_than_drafts():
    check_part("generator", StackganStage2, draft_pixels=32, width=16, residual_blocks=1)
