"""Windows, level and bands of the speaker encoder."""

import numpy as np
import pytest
import torch

from facegen.parts.layers.speaker_encoder import PartialMels, SpeakerEncoder, SpeakerNetwork, num_partials


@pytest.mark.parametrize(
    ("samples", "step_frames", "num"),
    [
        (1, 77, 1),
        (25600, 77, 1),
        (25600 + 77 * 160 - 6400 - 1, 77, 1),  # a second window would be covered to less than 3/4
        (25600 + 77 * 160 - 6400, 77, 2),
        (48000, 77, 3),
        (51200, 160, 2),
        (96000, 77, 7),
    ],
)
def test_number_of_windows(samples, step_frames, num):
    assert num_partials(samples, step_frames) == num
    assert PartialMels(16000, step_frames)(torch.zeros(2, samples)).shape == (2, num, 160, 40)


def test_bands_of_a_tone():
    """Power of a tone of 1 kHz, by a Fourier transform of one window and Slaney's triangles in float64."""
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(25600) / 16000)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frame = 80  # frame t is centred at sample 160 t
    power = np.abs(np.fft.rfft(tone[160 * frame - 200 : 160 * frame + 200] * window)) ** 2
    own = PartialMels(16000, 160)(torch.from_numpy(tone)[None].float())[0, 0, frame].numpy()
    np.testing.assert_allclose(own, _slaney_triangles() @ power, rtol=1e-4, atol=1e-5)


def _slaney_triangles() -> np.ndarray:
    """Triangles of Slaney's Auditory Toolbox: linear to 1 kHz, then logarithmic; area 1 each."""
    top = 15 + np.log(8.0) / (np.log(6.4) / 27)
    mels = np.linspace(0, top, 42)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
    bins = np.arange(201) * 40.0
    rows = []
    for left, peak, right in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
        rows.append(np.maximum(0, np.minimum((bins - left) / (peak - left), (right - bins) / (right - peak))))
    return np.stack(rows) * (2 / (edges[2:] - edges[:-2]))[:, None]


def test_quiet_speech_is_raised_and_loud_speech_stays():
    mels, speech = PartialMels(16000, 160), torch.randn(1, 25600, generator=torch.Generator().manual_seed(0))
    speech /= speech.square().mean().sqrt()
    at_level = mels(speech * 10**-1.5)
    torch.testing.assert_close(mels(speech * 1e-4), at_level, rtol=1e-4, atol=1e-8)
    torch.testing.assert_close(mels(speech * 10**-0.5), at_level * 100, rtol=1e-4, atol=1e-6)
    assert mels(torch.zeros(1, 25600)).abs().max() == 0


def test_embedding_is_the_scaled_mean_over_windows():
    torch.manual_seed(0)
    network = SpeakerNetwork()
    encoder = SpeakerEncoder(network, 16000, 77)
    speech = torch.randn(2, 48000) * 0.1
    windows = torch.stack([network(encoder.mels(speech)[:, number]) for number in range(3)])
    expected = windows.mean(dim=0)
    torch.testing.assert_close(encoder(speech), expected / expected.norm(dim=1, keepdim=True))
    assert not encoder(speech).requires_grad
    assert encoder(torch.zeros(1, 48000)).isfinite().all()
