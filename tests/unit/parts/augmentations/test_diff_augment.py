"""DiffAugment: each change, gradients and randomness."""

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
def test_zero_strength_is_the_identity(faces, settings):
    assert torch.equal(augmented(faces, **settings), faces)


def test_equal_seeds_give_equal_faces(faces):
    assert torch.equal(augmented(faces, 1), augmented(faces, 1))
    assert not torch.equal(augmented(faces, 1), augmented(faces, 2))


def test_rows_are_changed_differently():
    same = torch.rand(1, 3, 16, 16).expand(8, 3, 16, 16)
    changed = augmented(same)
    assert len({tuple(row.flatten().tolist()) for row in changed}) == 8


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_color_is_brightness_saturation_and_contrast(faces, strength):
    """Each change alters one thing: the mean, colours around grey, values around the mean."""
    faces = faces.double()
    changed = augmented(faces, policy=("color",), color=strength)
    torch.manual_seed(0)
    brightness, saturation, contrast = (strength * (2 * torch.rand(64, 1, 1, 1) - 1).double() for _ in range(3))

    def parts(values):
        grey = values.mean(dim=1, keepdim=True)
        mean = grey.mean(dim=(2, 3), keepdim=True)
        return mean, grey - mean, values - grey

    (mean, light, colour), (new_mean, new_light, new_colour) = parts(faces), parts(changed)
    torch.testing.assert_close(new_mean, mean + brightness / 2)
    torch.testing.assert_close(new_light, (1 + contrast / 2) * light)
    torch.testing.assert_close(new_colour, (1 + contrast / 2) * (1 + saturation) * colour)


@pytest.mark.parametrize(("settings", "reach"), [({}, 2), ({"translation": 0.25}, 4)])
def test_translation_moves_whole_pixels_and_fills_with_zero(faces, settings, reach):
    changed = augmented(faces, policy=("translation",), **settings)
    moves, shifts = range(-reach, reach + 1), set()
    padded = torch.nn.functional.pad(faces, (reach,) * 4)
    for before, after in zip(padded, changed, strict=True):
        measured = [
            (down, right)
            for down in moves
            for right in moves
            if torch.equal(before[:, reach - down : reach - down + 16, reach - right : reach - right + 16], after)
        ]
        assert len(measured) == 1
        shifts.update(measured)
    assert {down for down, _ in shifts} == {right for _, right in shifts} == set(moves)


@pytest.mark.parametrize(("settings", "side"), [({}, 8), ({"cutout": 0.25}, 4)])
def test_cutout_sets_one_square_to_zero_and_keeps_the_rest(faces, settings, side):
    changed = augmented(faces, policy=("cutout",), **settings)
    ends = set()
    for before, after in zip(faces, changed, strict=True):
        gone = (after == 0).all(dim=0)
        assert torch.equal(after[:, ~gone], before[:, ~gone])
        rows, columns = gone.any(dim=1), gone.any(dim=0)
        assert torch.equal(gone, rows[:, None] & columns)  # a rectangle
        for axis in (rows, columns):
            places = axis.nonzero()[:, 0].tolist()
            assert places == list(range(places[0], places[-1] + 1))
            ends.add((places[0], places[-1] + 1))
    # A square, whose centre may be anywhere from one edge to the other: then half of it lies outside.
    assert ends == {(max(centre - side // 2, 0), min(centre + side // 2, 16)) for centre in range(17)}


def test_probability_is_the_share_of_changed_rows():
    faces = torch.rand(4000, 3, 4, 4)
    changed = augmented(faces, probability=0.3, policy=("color",))
    share = (changed != faces).flatten(1).any(dim=1).float().mean().item()
    assert share == pytest.approx(0.3, abs=0.03)


def test_gradients_reach_the_faces(faces):
    faces.requires_grad_()
    changed = augmented(faces)
    changed.square().sum().backward()
    assert faces.grad.isfinite().all()
    assert faces.grad.flatten(1).abs().amax(dim=1).gt(0).all()


@pytest.mark.parametrize("policy", [("color",), ("translation",), ("cutout",)])
def test_each_change_is_linear_so_its_gradient_is_its_transpose(faces, policy):
    """<T x - T 0, y> = <x, T' y>"""
    faces = faces.double().requires_grad_()
    direction = torch.randn(faces.shape, generator=torch.Generator().manual_seed(3)).double()
    changed = augmented(faces, 5, policy=policy)
    (transposed,) = torch.autograd.grad(changed, faces, direction)
    origin = augmented(torch.zeros_like(faces), 5, policy=policy)
    torch.testing.assert_close(((changed - origin) * direction).sum(), (faces * transposed).sum())


@pytest.mark.parametrize("pixels", [4, 17])
def test_any_image_size_is_accepted(pixels):
    assert augmented(torch.rand(2, 3, pixels, pixels)).shape == (2, 3, pixels, pixels)
