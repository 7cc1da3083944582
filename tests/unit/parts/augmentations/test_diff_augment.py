"""DiffAugment: each change against what it promises, gradients, randomness."""

import pytest
import torch

from facegen.core.batch import DataSpec
from facegen.parts.augmentations.diff_augment import DiffAugment

SPEC = DataSpec(16)


@pytest.fixture
def faces():
    return torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 1.8 - 0.9


def augmented(faces, seed=0, **settings):
    torch.manual_seed(seed)
    return DiffAugment(SPEC, **settings)(faces)


@pytest.mark.parametrize(
    "settings", [{"color": 0.0, "translation": 0.0, "cutout": 0.0}, {"probability": 0.0}, {"policy": ()}]
)
def test_nothing_is_changed_at_zero_strength(faces, settings):
    assert torch.equal(augmented(faces, **settings), faces)


def test_the_seed_decides(faces):
    assert torch.equal(augmented(faces, 1), augmented(faces, 1))
    assert not torch.equal(augmented(faces, 1), augmented(faces, 2))


def test_rows_are_changed_differently():
    same = torch.rand(1, 3, 16, 16).expand(8, 3, 16, 16)
    changed = augmented(same)
    assert len({tuple(row.flatten().tolist()) for row in changed}) == 8


def test_color_is_brightness_saturation_and_contrast(faces):
    changed = augmented(faces, policy=("color",))
    torch.manual_seed(0)
    brightness, saturation, contrast = (torch.rand(64, 1, 1, 1) for _ in range(3))
    expected = faces + brightness - 0.5
    grey = expected.mean(dim=1, keepdim=True)
    expected = (expected - grey) * 2 * saturation + grey
    mean = expected.mean(dim=(1, 2, 3), keepdim=True)
    expected = (expected - mean) * (contrast + 0.5) + mean
    torch.testing.assert_close(changed, expected)


def test_translation_moves_whole_pixels_and_fills_with_zero(faces):
    changed = augmented(faces, policy=("translation",))
    shifts = set()
    for before, after in zip(faces, changed, strict=True):
        found = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if torch.equal(shifted(before, down, right), after)
        ]
        assert len(found) == 1
        shifts.update(found)
    assert {down for down, _ in shifts} == {right for _, right in shifts} == {-2, -1, 0, 1, 2}


def shifted(face, down, right):
    padded = torch.nn.functional.pad(face, (2, 2, 2, 2))
    return padded[:, 2 - down : 18 - down, 2 - right : 18 - right]


def test_cutout_sets_one_square_to_zero_and_keeps_the_rest(faces):
    changed = augmented(faces, policy=("cutout",))
    for before, after in zip(faces, changed, strict=True):
        gone = (after == 0).all(dim=0)
        assert torch.equal(after[:, ~gone], before[:, ~gone])
        rows, columns = gone.any(dim=1), gone.any(dim=0)
        assert torch.equal(gone, rows[:, None] & columns)  # a rectangle
        for axis in (rows, columns):
            places = axis.nonzero()[:, 0]
            assert places[-1] - places[0] + 1 == len(places)
            # half the side, or less where the square reaches over the edge
            assert len(places) == 8 or (4 <= len(places) < 8 and (places[0] == 0 or places[-1] == 15))


def test_probability_is_the_share_of_changed_rows():
    faces = torch.rand(4000, 3, 4, 4)
    changed = augmented(faces, probability=0.3, policy=("color",))
    share = (changed != faces).flatten(1).any(dim=1).float().mean().item()
    assert share == pytest.approx(0.3, abs=0.03)


def test_gradients_pass(faces):
    faces.requires_grad_()
    changed = augmented(faces)
    changed.square().sum().backward()
    assert faces.grad.isfinite().all()
    assert faces.grad.flatten(1).abs().amax(dim=1).gt(0).all()


@pytest.mark.parametrize("policy", [("color",), ("translation",), ("cutout",)])
def test_each_change_is_linear_so_its_gradient_is_its_transpose(faces, policy):
    """<T x - T 0, y> = <x, T' y>"""
    faces.requires_grad_()
    direction = torch.randn(faces.shape, generator=torch.Generator().manual_seed(3))
    changed = augmented(faces, 5, policy=policy)
    (transposed,) = torch.autograd.grad(changed, faces, direction)
    origin = augmented(torch.zeros_like(faces), 5, policy=policy)
    torch.testing.assert_close(((changed - origin) * direction).sum(), (faces * transposed).sum(), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("pixels", [4, 17])
def test_any_size(pixels):
    assert augmented(torch.rand(2, 3, pixels, pixels)).shape == (2, 3, pixels, pixels)
