"""Interpolation: arcs against an independent computation, straight lines by hand, and the endpoints themselves."""

import numpy as np
import pytest
import torch
from torch import Tensor

from facegen.core.batch import Batch, Condition
from facegen.core.errors import DataError
from facegen.core.interfaces import Conditioner, ConditionTransform, Generator
from facegen.core.progress import Observer
from facegen.inference.endpoints import Endpoints
from facegen.inference.interpolate import between_noises, between_people, interpolate, slerp
from facegen.training.face_pipeline import Encoders, FacePipeline


class Named(Conditioner):
    condition_dim = 3

    def forward(self, batch: Batch) -> Tensor:
        raise NotImplementedError


class Shaken(ConditionTransform):
    """Adds what is drawn anew at every call."""

    def __init__(self) -> None:
        super().__init__()
        self.condition_dim = 3

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        return condition._replace(generator=condition.generator + 0.1 * torch.randn(condition.generator.shape))


class Showing(Generator):
    """A face whose colour is the condition and whose second row of pixels shows the first values of the noise."""

    def __init__(self, noise_dim: int = 6) -> None:
        super().__init__()
        self.noise_dim = noise_dim

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        faces = condition[:, :, None, None].expand(-1, -1, 4, 4).clone()
        if self.noise_dim:
            faces[:, :, 1] = noise[:, :3, None] / 10
        return faces


def pipeline(*, transforms: tuple[ConditionTransform, ...] = (), noise_dim: int = 6) -> FacePipeline:
    encoders = Encoders([Named()], [False])
    return FacePipeline(encoders, transforms, Showing(noise_dim)).eval()


def level(value: float) -> int:
    return round((value + 1) * 127.5)


@pytest.mark.parametrize("dim, way", [(2, 0.25), (7, 0.5), (64, 0.9)])
def test_an_arc_is_that_of_rotation_in_the_plane_of_both(dim: int, way: float) -> None:
    """Gram-Schmidt gives the plane; the point lies at a share of the angle, in both vectors' own lengths."""
    drawn = np.random.default_rng(dim)
    first, last = drawn.normal(size=(2, dim))
    x, y = first / np.linalg.norm(first), last / np.linalg.norm(last)
    angle = np.arccos(x @ y)
    across = y - (x @ y) * x
    across /= np.linalg.norm(across)
    unit = np.cos(way * angle) * x + np.sin(way * angle) * across
    point = slerp(torch.from_numpy(x), torch.from_numpy(y), way).numpy()
    np.testing.assert_allclose(point, unit, atol=1e-12)
    # Of vectors of other lengths, each part keeps its share.
    whole = slerp(torch.from_numpy(first), torch.from_numpy(last), way).numpy()
    shares = np.linalg.lstsq(np.stack([x, y], axis=1), point, rcond=None)[0]
    np.testing.assert_allclose(whole, shares[0] * first + shares[1] * last, atol=1e-10)


def test_an_arc_begins_and_ends_with_the_vectors_themselves() -> None:
    first, last = torch.randn(2, 100, generator=torch.Generator().manual_seed(0))
    assert slerp(first, last, 0.0) is first
    assert slerp(first, last, 1.0) is last
    # Normal noise stays as long as it is, which on the straight way it would not.
    middle = slerp(first, last, 0.5)
    assert float(middle.norm()) > 0.9 * float(first.norm())
    assert float(((first + last) / 2).norm()) < 0.8 * float(first.norm())


@pytest.mark.parametrize("other", [1.0, 2.5, -1.0])
def test_vectors_along_one_line_have_no_arc(other: float) -> None:
    vector = torch.tensor([3.0, -4.0])
    assert torch.allclose(slerp(vector, other * vector, 0.25), (0.75 + 0.25 * other) * vector)


def test_the_way_between_people_is_straight() -> None:
    encodings = torch.tensor([[-1.0, 0.0, 1.0], [1.0, 0.0, -0.5]])
    told: list[int] = []
    faces = between_people(pipeline(), encodings, torch.zeros(6), 5, 0, told.append)
    assert faces.shape == (5, 4, 4, 3)
    assert faces[:, 0, 0, 0].tolist() == [level(value) for value in (-1, -0.5, 0, 0.5, 1)]
    assert faces[:, 0, 0, 2].tolist() == [level(value) for value in (1, 0.625, 0.25, -0.125, -0.5)]
    assert told == [1, 2, 3, 4, 5]


def test_what_a_transform_draws_is_the_same_all_along() -> None:
    encodings = torch.zeros(2, 3)
    faces = between_people(pipeline(transforms=(Shaken(),)), encodings, torch.zeros(6), 4, 3)
    assert (faces == faces[:1]).all()
    torch.manual_seed(1)
    assert torch.equal(between_people(pipeline(transforms=(Shaken(),)), encodings, torch.zeros(6), 4, 3), faces)
    assert not torch.equal(between_people(pipeline(transforms=(Shaken(),)), encodings, torch.zeros(6), 4, 4), faces)


def test_the_way_between_noises_is_the_arc() -> None:
    noises = torch.randn(2, 6, generator=torch.Generator().manual_seed(5))
    faces = between_noises(pipeline(), torch.zeros(3), noises, 3, 0)
    for step, way in enumerate((0.0, 0.5, 1.0)):
        expected = [level(float(value) / 10) for value in slerp(noises[0], noises[1], way)[:3]]
        assert faces[step, 1, 0].tolist() == pytest.approx(expected, abs=1)
    assert (faces[:, 0] == faces[:1, 0]).all()


def test_rows_have_noises_of_their_own() -> None:
    class Listening(Observer):
        def __init__(self) -> None:
            self.heard: list[object] = []

        def start(self, stage: str, total: int, done: int = 0) -> None:
            self.heard.append((stage, total))

        def advance(self, done: int, values: object = None) -> None:
            self.heard.append(done)

    observer, two = Listening(), Endpoints(["a", "b"], torch.tensor([[0.0] * 3, [1.0] * 3]), None)
    faces = interpolate(pipeline(), two, 3, 2, 0, observer)
    assert faces.shape == (3, 2, 4, 4, 3)
    assert observer.heard == [("draw", 6), 1, 2, 3, 4, 5, 6]
    assert (faces[0, 0, 1] != faces[1, 0, 1]).any()
    assert (faces[:, 0, 0] == faces[:1, 0, 0]).all()
    one = Endpoints(["a"], torch.zeros(1, 3), None)
    faces = interpolate(pipeline(), one, 2, 3, 0, Observer())
    assert (faces[0, 0, 1] != faces[0, 2, 1]).any()


def test_without_noise_there_is_one_way_between_people_and_none_between_noises() -> None:
    two = Endpoints(["a", "b"], torch.tensor([[0.0] * 3, [1.0] * 3]), None)
    assert interpolate(pipeline(noise_dim=0), two, 4, 5, 0, Observer()).shape[:2] == (1, 5)
    with pytest.raises(DataError, match="draws without noise, so there is no path between two noises; name two"):
        interpolate(pipeline(noise_dim=0), Endpoints(["a"], torch.zeros(1, 3), None), 4, 5, 0, Observer())
