"""The monitor: it warns of generators with a known fault, and not of the true renderer."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from facegen.core.batch import Batch, DataSpec
from facegen.data.loading.prepare import prepare_faces
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import FACTORS, draw_people
from facegen.training.monitor import Monitor, Reading, variation

PIXELS = 32
VOICES, NOISES = torch.arange(8), torch.arange(100, 108)
SHARED = [factor.name for factor in FACTORS if factor.side == "shared"]


def true_renderer(condition: Tensor, noise: Tensor) -> Tensor:
    """Draw the voice's factors from the person of the condition, and all others from the person of the noise."""
    heard, unheard = draw_people(0, condition[:, 0].long()), draw_people(0, noise[:, 0].long())
    people = {name: heard[name] if name in SHARED else unheard[name] for name in heard}
    moments = draw_moments(0, noise[:, 0].long(), torch.zeros(len(noise), dtype=torch.long))
    return prepare_faces(render_faces(people, moments, PIXELS))


class Renderer:
    """A face pipeline that knows the voices by their numbers."""

    def __init__(self, draw: Callable[[Tensor, Tensor], Tensor], weights: tuple[Tensor, Tensor] | None = None) -> None:
        self.draw = draw
        self.generator = SimpleNamespace(input_weights=lambda: weights)

    def encode(self, batch: Batch) -> Tensor:
        return VOICES[:, None].float()

    def sample(self, encoding: Tensor, noise: Tensor) -> Tensor:
        return self.draw(encoding, noise.expand(len(encoding), -1))


def sitters() -> Batch:
    people = torch.arange(200, 232)
    faces = render_faces(draw_people(0, people), draw_moments(0, people, torch.zeros_like(people)), PIXELS)
    return Batch.blank(DataSpec(PIXELS), len(people)).with_faces(prepare_faces(faces))


@pytest.fixture(scope="module")
def monitor() -> Monitor:
    return Monitor(sitters(), NOISES[:, None].float())


def read(monitor: Monitor, draw: Callable[[Tensor, Tensor], Tensor], weights: Any = None) -> Reading:
    return monitor.measure(Renderer(draw, weights))  # type: ignore[arg-type]


def test_silent_on_the_true_renderer(monitor: Monitor) -> None:
    reading = read(monitor, true_renderer)
    assert monitor.warnings(reading) == []
    assert 0.7 < reading.noise_variation < 1.1
    assert 0.2 < reading.condition_variation < 0.8
    assert math.isnan(reading.weight_ratio)


def test_fires_on_a_constant_generator(monitor: Monitor) -> None:
    reading = read(monitor, lambda condition, noise: torch.zeros(len(condition), 3, PIXELS, PIXELS))
    assert reading.noise_variation == reading.condition_variation == 0
    assert monitor.warnings(reading)[0].startswith("mode collapse")


def test_fires_on_a_generator_that_ignores_the_voice(monitor: Monitor) -> None:
    reading = read(monitor, lambda condition, noise: true_renderer(torch.zeros_like(condition), noise))
    assert reading.condition_variation == pytest.approx(0, abs=1e-6)
    assert [warning.split(" (")[0] for warning in monitor.warnings(reading)] == ["the voice is ignored"]


def test_fires_on_a_generator_that_ignores_the_noise(monitor: Monitor) -> None:
    reading = read(monitor, lambda condition, noise: true_renderer(condition, torch.zeros_like(noise)))
    assert reading.noise_variation == pytest.approx(0, abs=1e-6)
    assert [warning.split(" (")[0] for warning in monitor.warnings(reading)] == ["the noise is ignored"]


def test_is_silent_where_the_recipe_asked_for_no_noise() -> None:
    monitor = Monitor(sitters(), torch.zeros(8, 0), "name")
    still = read(monitor, lambda condition, noise: true_renderer(condition, torch.zeros(len(noise), 1)))
    assert still.noise_variation < 1e-6 and monitor.warnings(still) == []
    wavering = Reading(0.01, 0.5, math.nan)  # as when dropout hardly shows
    assert [warning.split(" (")[0] for warning in monitor.warnings(wavering)] == ["the noise is ignored"]
    deaf = read(monitor, lambda condition, noise: torch.zeros(len(condition), 3, PIXELS, PIXELS))
    assert [warning.split(" (")[0] for warning in monitor.warnings(deaf)] == ["the name is ignored"]


def test_what_is_drawn_at_random_is_the_same_at_every_look(monitor: Monitor) -> None:
    def dropping(condition: Tensor, noise: Tensor) -> Tensor:
        return torch.nn.functional.dropout(true_renderer(condition, noise), 0.5)

    torch.manual_seed(1)
    first = read(monitor, dropping)
    state = torch.get_rng_state()
    assert read(monitor, dropping).values() == first.values()
    assert torch.equal(torch.get_rng_state(), state)


def test_fires_on_weights_that_do_not_hear_the_noise(monitor: Monitor) -> None:
    reading = read(monitor, true_renderer, (torch.full((4, 4), 1e-4), torch.ones(4, 4)))
    assert reading.weight_ratio == pytest.approx(1e-4)
    assert "ignores the noise" in monitor.warnings(reading)[0]


def test_variation_is_the_root_mean_square_over_pairs() -> None:
    faces = torch.randn(3, 5, 7, dtype=torch.float64)
    pairs = [(group[i] - group[j]).square().mean() for group in faces for i in range(5) for j in range(5) if i != j]
    assert variation(faces).item() == pytest.approx(math.sqrt(sum(pairs) / len(pairs)))
