"""A bank of band-pass filters with learnable edges."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_EDGE_HZ = 50.0


class SincFilters(nn.Module):
    """Band-pass filters of a waveform, each described by two learnt numbers.

    g[n; f1, f2] = w[n] (2 f2 sinc(2 pi f2 n) - 2 f1 sinc(2 pi f1 n)) / (2 (f2 - f1)),   sinc(x) = sin(x) / x
    f1 = min(50 Hz + |low|, rate / 2 - 50 Hz),   f2 = min(50 Hz + |low| + 50 Hz + |band|, rate / 2),
    w the Hamming window

    At the start low and low + band are neighbours among points that lie evenly in mel from 30 Hz to 100 Hz below half
    the rate: the bands reach from 80 Hz to half the rate, each 50 Hz into the next.

    Args:
        num_filters: how many.
        kernel_samples: length of each, odd.
        sample_rate_hz: of the waveform.
        stride_samples: step between outputs.
    Shape:
        (B, samples) -> (B, num_filters, 1, ceil(samples / stride_samples)), channels_last
    Source:
        Ravanelli and Bengio 2018, equations 4 to 7. Mirrored edges and the phases of the stride are ours.
    """

    low: Tensor
    band: Tensor
    time: Tensor
    window: Tensor

    def __init__(self, num_filters: int, kernel_samples: int, sample_rate_hz: int, stride_samples: int = 1) -> None:
        super().__init__()
        self.kernel_samples, self.stride_samples = kernel_samples, stride_samples
        self.half_rate_hz = sample_rate_hz / 2
        edges = _mel_points(num_filters + 1, 30.0, self.half_rate_hz - 2 * _EDGE_HZ)
        self.low = nn.Parameter(edges[:-1])
        self.band = nn.Parameter(edges.diff())
        half = kernel_samples // 2
        time = torch.arange(-half, half + 1, dtype=torch.float32) / sample_rate_hz
        self.register_buffer("time", time, persistent=False)
        self.register_buffer("window", torch.hamming_window(kernel_samples, periodic=False), persistent=False)

    def edges(self) -> tuple[Tensor, Tensor]:
        """Lower and upper edge of every band, in Hz: (num_filters,) each."""
        low = _EDGE_HZ + self.low.abs()
        high = (low + _EDGE_HZ + self.band.abs()).clamp(max=self.half_rate_hz)
        return low.clamp(max=self.half_rate_hz - _EDGE_HZ), high

    def filters(self) -> Tensor:
        """Impulse responses: (num_filters, kernel_samples)."""
        low, high = (edge[:, None] for edge in self.edges())
        # torch.sinc is sin(pi x) / (pi x): 2 f sinc(2 pi f t) becomes 2 f sinc(2 f t).
        ideal = high * torch.sinc(2 * high * self.time) - low * torch.sinc(2 * low * self.time)
        return self.window * ideal / (high - low)

    def forward(self, speech: Tensor) -> Tensor:
        half, stride = self.kernel_samples // 2, self.stride_samples
        num = -(-speech.shape[1] // stride)
        taps = -(-self.kernel_samples // stride)
        # A strided convolution of one channel is a dense one over as many channels as the stride has phases, which
        # is several times faster: row t of the folded waveform holds the samples of one stride.
        padded = functional.pad(speech[:, None], (half, half), mode="reflect")[:, 0]
        padded = functional.pad(padded, (0, max((num + taps - 1) * stride - padded.shape[1], 0)))
        phases = padded[:, : (num + taps - 1) * stride].reshape(len(speech), 1, num + taps - 1, stride)
        kernels = functional.pad(self.filters(), (0, taps * stride - self.kernel_samples))
        kernels = kernels.reshape(-1, 1, taps, stride)
        return functional.conv2d(phases.permute(0, 3, 1, 2), kernels.permute(0, 3, 1, 2))


def _mel_points(num: int, low_hz: float, high_hz: float) -> Tensor:
    """Frequencies that lie evenly in mel(f) = 2595 log10(1 + f / 700)."""
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (low_hz, high_hz))
    return 700 * (10 ** (torch.linspace(low, high, num) / 2595) - 1)
