import numpy as np
import pytest
import torch

from facegen.data.synthetic.recording import RECORDING_RANGES, draw_recordings, record

RATE_HZ = 16000
CLIPS = torch.arange(200)


def decibels(signal: torch.Tensor) -> torch.Tensor:
    return 10 * signal.square().mean(1).log10()


def recorded(monkeypatch, sound: torch.Tensor, **factors: float) -> torch.Tensor:
    """Record a sound in a silent, dry room by a flat microphone, with the given factors changed."""
    neutral = {
        "reverberation_seconds": 0.3,
        "reverberation_decibels": -200.0,
        "noise_decibels": -200.0,
        "noise_slope": 0.0,
        "microphone_tilt": 0.0,
        "lowest_hz": 0.01,
        "bandwidth_hz": 8000.0,
        "codec_decibels": -200.0,
    }
    drawn = {name: torch.full((len(sound),), value) for name, value in (neutral | factors).items()}
    monkeypatch.setattr("facegen.data.synthetic.recording.draw_recordings", lambda seed, clip: drawn)
    monkeypatch.setattr("facegen.data.synthetic.recording._RIPPLE_DECIBELS", 0.0)
    return record(0, torch.arange(len(sound)), sound, RATE_HZ)


def tones(*hertz: float) -> torch.Tensor:
    seconds = torch.arange(RATE_HZ) / RATE_HZ
    return torch.stack([torch.sin(2 * torch.pi * hz * seconds) for hz in hertz])


def test_factors_fill_their_ranges_and_belong_to_the_clip():
    drawn = draw_recordings(3, CLIPS)
    assert list(drawn) == list(RECORDING_RANGES)
    for name, (low, high) in RECORDING_RANGES.items():
        span = high - low
        assert low <= drawn[name].min() < low + 0.1 * span and high - 0.1 * span < drawn[name].max() <= high
    again = draw_recordings(3, CLIPS[[7, 2]])
    assert all(torch.equal(again[name], drawn[name][[7, 2]]) for name in drawn)
    assert not torch.equal(draw_recordings(4, CLIPS)["noise_decibels"], drawn["noise_decibels"])


def test_neutral_recording_changes_nothing(monkeypatch):
    sound = tones(300, 1000, 3000)
    inner = slice(500, -500)
    torch.testing.assert_close(recorded(monkeypatch, sound)[:, inner], sound[:, inner], atol=2e-3, rtol=0)


@pytest.mark.parametrize("factor", ["noise_decibels", "codec_decibels", "reverberation_decibels"])
def test_levels_are_relative_to_the_speech(monkeypatch, factor):
    torch.manual_seed(0)
    sound = torch.randn(4, RATE_HZ) * torch.tensor([[0.01], [0.1], [1.0], [3.0]])
    clean, disturbed = (recorded(monkeypatch, sound, **{factor: level}) for level in (-200.0, -20.0))
    difference = decibels(disturbed - clean) - decibels(clean)
    torch.testing.assert_close(difference, torch.full((4,), -20.0), atol=0.7, rtol=0)


def test_band_limits_and_tilt_act_at_their_frequencies(monkeypatch):
    sound = tones(50, 1000, 2000, 5000)
    flat = recorded(monkeypatch, sound)
    narrow = decibels(recorded(monkeypatch, sound, bandwidth_hz=3400.0, lowest_hz=200.0)) - decibels(flat)
    assert narrow[0] < -20 and narrow[3] < -30
    torch.testing.assert_close(narrow[1:3], torch.zeros(2), atol=0.5, rtol=0)
    tilted = decibels(recorded(monkeypatch, sound, microphone_tilt=1.5)) - decibels(flat)
    torch.testing.assert_close(tilted[1:3], torch.tensor([0.0, 1.5]), atol=0.1, rtol=0)


def test_reverberation_decays_by_sixty_decibels_in_its_time(monkeypatch):
    click = torch.zeros(8, RATE_HZ)
    click[:, 0] = 1.0
    tail = recorded(monkeypatch, click, reverberation_seconds=0.4, reverberation_decibels=0.0)
    energy = tail[:, 160:4960].square().mean(0).view(30, 160).mean(1).log10() * 10
    slope = np.polyfit(np.arange(30) * 0.01, energy.numpy(), 1)[0]
    assert slope == pytest.approx(-60 / 0.4, rel=0.1)
