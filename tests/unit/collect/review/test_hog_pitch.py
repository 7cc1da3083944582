import numpy as np
import pytest
import torch

from facegen.collect.review.hog_pitch import HogPitch
from facegen.testing import check_part

RATE = 16000


def voice(pitch: float, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """Synthesise a voice from the harmonics of a pitch."""
    time = np.arange(round(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 20) if pitch * n < rate / 2)
    return np.round(4000 * wave).astype(np.int16)


def embed(*rows: np.ndarray, rate: int = RATE) -> torch.Tensor:
    return HogPitch().embed_speech(torch.from_numpy(np.stack(rows)), rate)


def test_keeps_the_contract():
    check_part("recogniser", HogPitch)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("pitch", [90.0, 150.0, 240.0])
def test_the_peak_is_at_the_pitch(pitch, rate):
    row = embed(voice(pitch, rate=rate), rate=rate)[0]
    places = np.geomspace(60, 400, len(row))
    assert places[int(row.argmax())] == pytest.approx(pitch, rel=0.05)


def test_a_pitch_is_nearest_to_itself():
    low, again, high = torch.nn.functional.normalize(embed(voice(110), voice(112), voice(210)))
    assert low @ again > 0.95 and low @ high < 0.3


def test_loudness_does_not_count():
    quiet, loud = embed(voice(120) // 8, voice(120))
    torch.testing.assert_close(quiet, loud, rtol=0.02, atol=0.02)


def test_windows_without_a_voice_are_nan():
    noise = np.random.default_rng(0).normal(scale=3000, size=RATE).astype(np.int16)
    rows = embed(np.zeros(RATE, np.int16), noise, np.full(RATE, 900, np.int16))
    assert rows[0].isnan().all() and rows[1].isnan().all() and rows[2].isnan().all()
    assert HogPitch().embed_speech(torch.zeros(2, 10, dtype=torch.int16), RATE).isnan().all()


def test_edges_of_a_face():
    generator = torch.Generator().manual_seed(0)
    face = torch.randint(0, 256, (1, 48, 48, 3), generator=generator, dtype=torch.uint8)
    darker = (face.float() * 0.5).to(torch.uint8)
    flat = torch.full_like(face, 70)
    one, dark, nothing = HogPitch().embed_faces(torch.cat([face, darker, flat]))
    assert nothing.isnan().all()
    assert torch.nn.functional.cosine_similarity(one, dark, dim=0) > 0.98, "brightness does not change the features"
