"""Synthetic portraits: reproducible, consistent over sizes, detected by a face detector, and showing every factor."""

from itertools import pairwise

import cv2
import pytest
import torch
from torch import Tensor

from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import draw_people

Rows = dict[str, Tensor]


def _rows(first: int, count: int) -> tuple[Rows, Rows]:
    number = torch.arange(first, first + count)
    return draw_people(3, number), draw_moments(3, number, torch.zeros_like(number))


def _frontal(moments: Rows) -> Rows:
    return moments | {name: torch.zeros_like(moments[name]) for name in ("yaw", "pitch", "roll")}


def _mean_difference(one: Tensor, other: Tensor) -> float:
    return (one.float() - other.float()).abs().mean().item()


def test_moments_of_a_clip_share_light_and_backdrop_but_not_pose() -> None:
    clip = torch.tensor([5, 5, 6])
    moments = draw_moments(0, clip, torch.tensor([0, 1, 0]))
    for name in ("light_x", "hue_top", "clothing_hue", "collar", "zoom"):
        assert moments[name][0] == moments[name][1]
    assert moments["hue_top"][0] != moments["hue_top"][2]
    for name in ("yaw", "pitch", "gaze_x", "grain"):
        assert moments[name][0] != moments[name][1]


def test_poses_are_more_similar_within_a_clip_than_between_clips() -> None:
    clip = torch.arange(2000)
    first = draw_moments(0, clip, torch.zeros_like(clip))["yaw"]
    second = draw_moments(0, clip, torch.ones_like(clip))["yaw"]
    correlation = torch.corrcoef(torch.stack((first, second)))[0, 1].item()
    assert correlation == pytest.approx(0.14**2 / (0.14**2 + 0.10**2), abs=0.06)


@pytest.mark.parametrize("image_pixels", [32, 48, 64, 100, 256])
def test_any_size_gives_channels_last_bytes_with_contrast(image_pixels: int) -> None:
    faces = render_faces(*_rows(0, 2), image_pixels)
    assert faces.shape == (2, image_pixels, image_pixels, 3)
    assert faces.dtype == torch.uint8
    assert faces.float().std(dim=(1, 2)).min() > 15.0


@pytest.mark.parametrize("image_pixels", [32, 50, 64])
def test_a_row_alone_has_the_pixels_it_has_in_a_batch(image_pixels: int) -> None:
    people, moments = _rows(40, 37)
    faces = render_faces(people, moments, image_pixels)
    for row in (0, 17, 36):
        alone = render_faces(
            {k: v[row : row + 1] for k, v in people.items()},
            {k: v[row : row + 1] for k, v in moments.items()},
            image_pixels,
        )
        assert torch.equal(alone[0], faces[row])


def test_a_small_image_equals_a_shrunk_large_one() -> None:
    people, moments = _rows(80, 12)
    large = render_faces(people, moments, 128).float()
    halved = large.view(12, 64, 2, 64, 2, 3).mean(dim=(2, 4))
    small = render_faces(people, moments, 64)
    assert _mean_difference(halved, small) < 3.0
    assert _mean_difference(halved.roll(1, dims=0), small) > 25.0  # difference of unrelated images


def test_a_frontal_face_detector_finds_exactly_one_face() -> None:
    people, moments = _rows(500, 60)
    faces = render_faces(people, _frontal(moments), 128).numpy()
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    num_faces = [
        len(
            cascade.detectMultiScale(
                cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), scaleFactor=1.1, minNeighbors=5, minSize=(30, 30)
            )
        )
        for face in faces
    ]
    assert sum(count == 1 for count in num_faces) >= 48


@pytest.mark.parametrize(
    ("factor", "low", "high"),
    [
        ("sex", 0.0, 1.0),
        ("age", 20.0, 78.0),
        ("size", -1.0, 1.0),
        ("fullness", -1.0, 1.0),
        ("nose", -1.0, 1.0),
        ("lips", -1.0, 1.0),
        ("tension", -1.0, 1.0),
    ],
)
def test_every_shared_factor_changes_the_image(factor: str, low: float, high: float) -> None:
    people, moments = _rows(200, 6)
    people["beard"].zero_()
    few = render_faces(people | {factor: torch.full((6,), low)}, moments, 64)
    many = render_faces(people | {factor: torch.full((6,), high)}, moments, 64)
    changed = (few.int() - many.int()).abs().amax(dim=3) > 12
    assert changed.sum(dim=(1, 2)).min() >= 30  # of 4096 pixels, clearly and in every image


@pytest.mark.parametrize(
    ("factor", "values"),
    [
        ("beard", (0.0, 1.0, 2.0)),
        ("hair_style", (0.0, 1.0, 2.0, 3.0, 4.0)),
        ("hair_colour", (0.0, 1.0, 2.0, 3.0, 4.0)),
        ("glasses", (0.0, 2.0)),
    ],
)
def test_classes_look_different(factor: str, values: tuple[float, ...]) -> None:
    people, moments = _rows(300, 4)
    people |= {"sex": torch.ones(4), "age": torch.full((4,), 30.0)}
    drawn = [render_faces(people | {factor: torch.full((4,), value)}, moments, 64) for value in values]
    for before, after in pairwise(drawn):
        assert _mean_difference(before, after) > 0.3


def test_women_have_no_beard() -> None:
    people, moments = _rows(300, 4)
    people["sex"].zero_()
    drawn = [render_faces(people | {"beard": torch.full((4,), kind)}, moments, 32) for kind in (0.0, 2.0)]
    assert torch.equal(*drawn)


def test_a_turned_head_moves_the_nose_more_than_the_skull() -> None:
    people, moments = _rows(0, 1)
    people |= {"hair_style": torch.zeros(1), "glasses": torch.zeros(1), "beard": torch.zeros(1), "skin": torch.zeros(1)}
    moments = _frontal(moments) | {"light_x": torch.zeros(1), "light_warmth": torch.zeros(1)}
    front = render_faces(people, moments, 128)[0].float().mean(dim=2)
    turned = render_faces(people, moments | {"yaw": torch.full((1,), 0.35)}, 128)[0].float().mean(dim=2)

    def best_shift(rows: slice) -> int:
        window = front[rows, 44:84]
        errors = [(turned[rows, 44 + s : 84 + s] - window).abs().mean() for s in range(-6, 25)]
        return int(torch.stack(errors).argmin()) - 6

    assert best_shift(slice(56, 92)) >= 6  # eyes to mouth
    assert abs(best_shift(slice(4, 16))) <= 6  # crown
