"""Sinc filters against numpy: edges, frequency responses, strides."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from facegen.parts.conditioners.waveform_sincnet import SincFilters

RATE_HZ = 16000


def hertz(mel):
    return 700 * (10 ** (mel / 2595) - 1)


def mel(hertz):
    return 2595 * np.log10(1 + hertz / 700)


def test_bands_start_evenly_spaced_in_mel():
    points = hertz(np.linspace(mel(30.0), mel(RATE_HZ / 2 - 100), 65))
    low, high = SincFilters(64, 251, RATE_HZ).edges()
    np.testing.assert_allclose(low.detach(), points[:-1] + 50, rtol=1e-4)
    np.testing.assert_allclose(high.detach(), points[1:] + 100, rtol=1e-4)
    assert (low[0].item(), high[-1].item()) == pytest.approx((80, RATE_HZ / 2), abs=0.01)
    np.testing.assert_allclose((high[:-1] - low[1:]).detach(), 50, atol=0.01)


def test_bands_stay_between_0_and_the_nyquist_frequency():
    layer = SincFilters(3, 251, RATE_HZ)
    with torch.no_grad():
        layer.low.copy_(torch.tensor([-300.0, 9000.0, 7990.0]))
        layer.band.copy_(torch.tensor([-200.0, 100.0, 9000.0]))
    low, high = layer.edges()
    np.testing.assert_allclose(low.detach(), [350, 7950, 7950])
    np.testing.assert_allclose(high.detach(), [600, 8000, 8000])
    assert layer.filters().isfinite().all()


def test_filter_passes_its_band_only():
    layer = SincFilters(3, 251, RATE_HZ)
    edges = [(500.0, 1500.0), (2000.0, 2600.0), (5000.0, 7000.0)]
    with torch.no_grad():
        layer.low.copy_(torch.tensor([low - 50 for low, _ in edges]))
        layer.band.copy_(torch.tensor([high - low - 50 for low, high in edges]))
    frequencies = np.fft.rfftfreq(16384, 1 / RATE_HZ)
    responses = np.abs(np.fft.rfft(layer.filters().detach().double().numpy(), 16384))
    transition = 3.3 / 251 * RATE_HZ  # width of a Hamming window's transition band
    for (low, high), response in zip(edges, responses, strict=True):
        # The ideal response is 1 / (2 (high - low)), in seconds: times the rate for sums over samples.
        gain = response * 2 * (high - low) / RATE_HZ
        inside = (frequencies > low + transition / 2) & (frequencies < high - transition / 2)
        outside = (frequencies < low - transition / 2) | (frequencies > high + transition / 2)
        assert np.abs(gain[inside] - 1).max() < 0.01
        assert 20 * np.log10(gain[outside].max()) < -45
        assert gain[np.abs(frequencies - low).argmin()] == pytest.approx(0.5, abs=0.02)


def test_filters_agree_with_the_formula():
    layer = SincFilters(5, 31, RATE_HZ)
    low, high = (edge.detach().double().numpy()[:, None] for edge in layer.edges())
    n = np.arange(-15, 16) / RATE_HZ
    with np.errstate(invalid="ignore", divide="ignore"):
        ideal = (np.sin(2 * np.pi * high * n) - np.sin(2 * np.pi * low * n)) / (np.pi * n)
    ideal[:, 15] = 2 * (high - low)[:, 0]
    np.testing.assert_allclose(layer.filters().detach(), np.hamming(31) * ideal / (2 * (high - low)), atol=2e-5)


@pytest.mark.parametrize("samples", [200, 203, 207])
@pytest.mark.parametrize("stride", [1, 2, 5, 10])
def test_strided_filters_equal_a_strided_convolution(stride, samples):
    torch.manual_seed(0)
    layer = SincFilters(4, 31, RATE_HZ, stride)
    speech = torch.randn(2, samples)
    padded = functional.pad(speech[:, None], (15, 15), mode="reflect")
    expected = functional.conv1d(padded, layer.filters()[:, None], stride=stride)
    result = layer(speech)
    assert result.shape == (2, 4, 1, -(-samples // stride))
    torch.testing.assert_close(result[:, :, 0], expected, atol=2e-5, rtol=1e-4)


def test_band_edges_get_gradients():
    layer = SincFilters(4, 31, RATE_HZ, 2)
    layer(torch.randn(2, 100)).square().sum().backward()
    assert (layer.low.grad != 0).all()
    # The last band ends at the limit, where rounding decides whether the edge is clamped.
    assert (layer.band.grad[:-1] != 0).all()
