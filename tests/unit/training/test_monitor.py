"""The monitor fires on generators that are sick in a known way, and is silent on the true renderer."""

import math

import pytest
import torch
from torch import Tensor

from facegen.data.prepare import prepare_faces
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import FACTORS, draw_people
from facegen.training.monitor import Monitor, variation

PIXELS = 32
VOICES, NOISES = torch.arange(8), torch.arange(100, 108)
SHARED = [factor.name for factor in FACTORS if factor.side == "shared"]


def true_renderer(condition: Tensor, noise: Tensor) -> Tensor:
    """What the voice carries comes from the person of the condition, everything else from the person of the noise."""
    heard, unheard = draw_people(0, condition[:, 0].long()), draw_people(0, noise[:, 0].long())
    people = {name: heard[name] if name in SHARED else unheard[name] for name in heard}
    moments = draw_moments(0, noise[:, 0].long(), torch.zeros(len(noise), dtype=torch.long))
    return prepare_faces(render_faces(people, moments, PIXELS))


@pytest.fixture(scope="module")
def monitor() -> Monitor:
    people = torch.arange(200, 232)
    faces = render_faces(draw_people(0, people), draw_moments(0, people, torch.zeros_like(people)), PIXELS)
    return Monitor(prepare_faces(faces), VOICES[:, None].float(), NOISES[:, None].float())


def test_silent_on_the_true_renderer(monitor: Monitor) -> None:
    reading = monitor.read(true_renderer)
    assert monitor.warnings(reading) == []
    assert 0.7 < reading.noise_variation < 1.1
    assert 0.2 < reading.condition_variation < 0.8
    assert math.isnan(reading.weight_ratio)


def test_fires_on_a_constant_generator(monitor: Monitor) -> None:
    reading = monitor.read(lambda condition, noise: torch.zeros(len(condition), 3, PIXELS, PIXELS))
    assert reading.noise_variation == reading.condition_variation == 0
    assert monitor.warnings(reading)[0].startswith("collapse")


def test_fires_on_a_generator_that_ignores_the_voice(monitor: Monitor) -> None:
    reading = monitor.read(lambda condition, noise: true_renderer(torch.zeros_like(condition), noise))
    assert reading.condition_variation == pytest.approx(0, abs=1e-6)
    assert [warning.split(" (")[0] for warning in monitor.warnings(reading)] == ["the voice is ignored"]


def test_fires_on_a_generator_that_ignores_the_noise(monitor: Monitor) -> None:
    reading = monitor.read(lambda condition, noise: true_renderer(condition, torch.zeros_like(noise)))
    assert reading.noise_variation == pytest.approx(0, abs=1e-6)
    assert [warning.split(" (")[0] for warning in monitor.warnings(reading)] == ["the noise is ignored"]


def test_fires_on_weights_that_do_not_hear_the_noise(monitor: Monitor) -> None:
    class Deaf:
        def input_weights(self) -> tuple[Tensor, Tensor]:
            return torch.full((4, 4), 1e-4), torch.ones(4, 4)

    reading = monitor.read(true_renderer, Deaf())  # type: ignore[arg-type]
    assert reading.weight_ratio == pytest.approx(1e-4)
    assert "goes unheard" in monitor.warnings(reading)[0]


def test_variation_is_the_root_mean_square_over_pairs() -> None:
    faces = torch.randn(3, 5, 7, dtype=torch.float64)
    pairs = [(group[i] - group[j]).square().mean() for group in faces for i in range(5) for j in range(5) if i != j]
    assert variation(faces).item() == pytest.approx(math.sqrt(sum(pairs) / len(pairs)))
