"""Detection of speech: sounds of known kinds, and silero-vad where it is installed."""

import importlib.util
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from facegen.core.recipe.tables import DataSettings
from facegen.data.media import voice_activity
from facegen.data.media.voice_activity import contains_speech, voiced_share
from facegen.data.synthetic.speakers import Synthetic

RATE_HZ, NUM = 16000, 48000
TIME = np.arange(NUM) / RATE_HZ
NOISE = np.random.default_rng(0).normal(size=NUM)


def sound(values: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.clip(values, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("samples", [
    np.zeros(NUM), 3000 * NOISE, 20 * NOISE, 20000.0 * (np.abs(NOISE) > 3.5), np.full(NUM, 9000.0),
], ids=["silence", "noise", "quiet noise", "clicks", "offset"])  # fmt: skip
def test_sounds_without_speech(samples: NDArray[np.float64]) -> None:
    assert not contains_speech(sound(samples), RATE_HZ)


def test_a_periodic_sound_counts_as_voiced() -> None:
    tone = sound(8000 * np.sign(np.sin(2 * np.pi * 110 * TIME)))
    assert voiced_share(tone, RATE_HZ) == 1.0


def test_the_share_is_that_of_the_voiced_time() -> None:
    """A tone in the last quarter, and noise far below it before."""
    samples = np.where(TIME >= 2.25, 8000 * np.sin(2 * np.pi * 200 * TIME), 30 * NOISE)
    assert voiced_share(sound(samples), RATE_HZ) == pytest.approx(0.25, abs=0.02)


def test_periods_outside_of_the_voice_are_not_voiced() -> None:
    """Noise that repeats every 50 ms, 20 Hz, is not a voice."""
    samples = 4000 * np.tile(NOISE[: RATE_HZ // 20], 60)
    assert not contains_speech(sound(samples), RATE_HZ)


def test_synthetic_speakers_speak() -> None:
    request = DataSettings(image_pixels=16, speech_seconds=3.0)
    people = Synthetic(request, num_people=20, num_heldout_people=10, clip_seconds=3.0)
    clip = people.clips("train").clip[:20]
    speech = people.speech(clip, torch.zeros_like(clip), NUM).numpy()
    assert all(contains_speech(samples, RATE_HZ) for samples in speech)


def test_a_short_sound_is_not_examined() -> None:
    assert contains_speech(np.zeros(RATE_HZ // 2, dtype=np.int16), RATE_HZ)
    assert voiced_share(np.zeros(3, dtype=np.int16), RATE_HZ) == 0.0


@pytest.fixture
def silero(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package silero-vad instead of the rule."""
    monkeypatch.delitem(sys.modules, "silero_vad")
    if importlib.util.find_spec("silero_vad") is None:
        pytest.skip("silero-vad is not installed")
    voice_activity._silero.cache_clear()
    yield
    voice_activity._silero.cache_clear()


def test_silero_hears_no_speech_in_a_tone(silero: None) -> None:
    threads = torch.get_num_threads()
    assert not contains_speech(sound(8000 * np.sign(np.sin(2 * np.pi * 110 * TIME))), RATE_HZ)
    assert torch.get_num_threads() == threads
    tone_at_an_odd_rate = sound(8000 * np.sign(np.sin(2 * np.pi * 110 * TIME)))
    assert contains_speech(tone_at_an_odd_rate, 22050)  # the package knows two rates, and the rule decides
