"""Conditioner: raw waveforms through learned band-pass filters."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Conditioner
from facegen.parts.layers.precision import Float32Linear, to_float32
from facegen.parts.layers.waveform import Pooling, SpeechLevel, TimePooling, too_short

Count = Annotated[int, Field(ge=1)]
_EDGE_HZ = 50.0


class WaveformSincnet(Conditioner):
    """Learned band-pass filters and a stack of convolutions on the raw waveform, pooled over time.

    c = W mean_t h_t + b,   h = block_7(... block_1(block_0(speech / max |speech|))),
    block_0 = PReLU(BN(sinc filters)),   block_i = PReLU(BN(conv))

    Engine:
        data: supplies sample_rate_hz and speech_samples.
    Settings:
        condition_dim: width of the encoding.
        num_filters: number of band-pass filters.
        kernel_samples: length of a filter; odd (251 = 16 ms at 16 kHz).
        sinc_stride_samples: stride of the filters.
        log_energy_samples: window over which each filter's log energy replaces its output; 0 keeps the output. The
            blocks then read a spectrogram with learned bands, on which a small network trains in minutes; their
            strides must shrink accordingly.
        channels, kernels, strides: of the convolutions; one number per block each.
        pooling: mean over time, or mean and standard deviation.
        normalise: divide each row by its largest amplitude first.
    Shape:
        speech (B, samples), float in [-1, 1] -> (B, condition_dim)
    Raises:
        RecipeError: kernel_samples is even, channels, kernels and strides differ in length, or the speech is shorter
            than the network needs.
    Source:
        Choi, Park and Lee 2020, section 3.1: SincNet and seven blocks. The blocks' sizes are those of PASE (Pascual
        et al. 2019); pooling and width are our choice; log_energy_samples, "mean_std" and normalise are ours.
    """

    needs = frozenset({"speech"})

    def __init__(
        self,
        data: DataSpec,
        *,
        condition_dim: Count = 128,
        num_filters: Count = 64,
        kernel_samples: Annotated[int, Field(ge=3)] = 251,
        sinc_stride_samples: Count = 1,
        log_energy_samples: Annotated[int, Field(ge=0)] = 0,
        channels: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 128, 128, 256, 256, 512, 512),
        kernels: Annotated[tuple[Count, ...], Field(min_length=1)] = (20, 11, 11, 11, 11, 11, 11),
        strides: Annotated[tuple[Count, ...], Field(min_length=1)] = (10, 2, 1, 2, 1, 2, 2),
        pooling: Pooling = "mean",
        normalise: bool = True,
    ) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        problems = []
        if kernel_samples % 2 == 0:
            problems.append(f"kernel_samples = {kernel_samples}: must be odd")
        if not len(channels) == len(kernels) == len(strides):
            problems.append(
                f"channels, kernels and strides have {len(channels)}, {len(kernels)} and {len(strides)} numbers; "
                "must be one per block"
            )
        if problems:
            raise RecipeError(*(f"waveform_sincnet: {problem}" for problem in problems))

        self.level = SpeechLevel("waveform_sincnet", normalise=normalise, pre_emphasis=0.0)
        self.log_energy_steps = -(-log_energy_samples // sinc_stride_samples)
        self.filters = SincFilters(num_filters, kernel_samples, data.sample_rate_hz, sinc_stride_samples)
        self.norm = nn.BatchNorm2d(num_filters)
        # A log energy below the mean carries as much information as one above it.
        self.activation = nn.Identity() if log_energy_samples else nn.PReLU(num_filters, init=0.0)
        sizes = zip((num_filters, *channels[:-1]), channels, kernels, strides, strict=True)
        self.blocks = nn.Sequential(*(_Block(*size) for size in sizes))
        self.pool = TimePooling(pooling)
        self.head = Float32Linear(channels[-1] * self.pool.times_wider, condition_dim)
        if data.speech_samples:  # a corpus without speech is refused elsewhere
            self._check_length(data.speech_samples, kernels, strides)

    def _check_length(self, speech_samples: int, kernels: tuple[int, ...], strides: tuple[int, ...]) -> None:
        needed = 1
        for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
            needed = max((needed - 1) * stride + kernel - sum(_padding(kernel, stride)), kernel // 2 + 1)
        needed *= max(self.log_energy_steps, 1)
        needed = max((needed - 1) * self.filters.stride_samples + 1, self.filters.kernel_samples // 2 + 1)
        if speech_samples < needed:
            raise too_short("waveform_sincnet", speech_samples, needed, "lower strides or kernels")

    def forward(self, batch: Batch) -> Tensor:
        hidden = self.filters(self.level(batch))
        if self.log_energy_steps:
            energy = functional.avg_pool2d(to_float32(hidden).square(), (1, self.log_energy_steps))
            hidden = (energy + 1e-6).log()
        hidden = self.blocks(self.activation(self.norm(hidden)))
        encoding: Tensor = self.head(self.pool(hidden.flatten(2)))
        return encoding


class _Block(nn.Module):
    """PReLU(BN(conv)) along time, as a 2D convolution of height 1: channels_last is faster and conv1d has none."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.pad = _padding(kernel, stride)
        self.conv = nn.Conv2d(in_channels, out_channels, (1, kernel), stride=(1, stride), bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.activation = nn.PReLU(out_channels, init=0.0)

    def forward(self, hidden: Tensor) -> Tensor:
        padded = functional.pad(hidden, (*self.pad, 0, 0), mode="reflect")
        return self.activation(self.norm(self.conv(padded)))


def _padding(kernel: int, stride: int) -> tuple[int, int]:
    """Return PASE's padding: half the kernel, one less in front of an even or strided kernel."""
    less = kernel > 1 and (stride > 1 or kernel % 2 == 0)
    return kernel // 2 - less, kernel // 2


class SincFilters(nn.Module):
    """Band-pass filters of a waveform, each with two learned numbers.

    g[n; f1, f2] = w[n] (2 f2 sinc(2 pi f2 n) - 2 f1 sinc(2 pi f1 n)) / (2 (f2 - f1)),   sinc(x) = sin(x) / x
    f1 = min(50 Hz + |low|, rate / 2 - 50 Hz),   f2 = min(50 Hz + |low| + 50 Hz + |band|, rate / 2),
    w the Hamming window   (equations 4 to 7)

    Initially low and low + band are neighbours among points that are evenly spaced in mel from 30 Hz to 100 Hz below
    half the rate: the bands cover 80 Hz to half the rate, and each overlaps the next by 50 Hz.

    Args:
        num_filters: number of filters.
        kernel_samples: length of each; odd.
        sample_rate_hz: of the waveform.
        stride_samples: step between outputs.
    Shape:
        (B, samples) -> (B, num_filters, 1, ceil(samples / stride_samples)), channels_last
    Source:
        Ravanelli and Bengio 2018, equations 4 to 7. Mirrored edges and the phases of the stride are ours. torchaudio
        has no filters with learned edges.
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
        """Compute the lower and upper edge of every band, in Hz: (num_filters,) each."""
        low = _EDGE_HZ + self.low.abs()
        high = (low + _EDGE_HZ + self.band.abs()).clamp(max=self.half_rate_hz)
        return low.clamp(max=self.half_rate_hz - _EDGE_HZ), high

    def filters(self) -> Tensor:
        """Compute the impulse responses: (num_filters, kernel_samples)."""
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
        phases = padded[:, : (num + taps - 1) * stride].reshape(speech.shape[0], 1, num + taps - 1, stride)
        kernels = functional.pad(self.filters(), (0, taps * stride - self.kernel_samples))
        kernels = kernels.reshape(-1, 1, taps, stride)
        return functional.conv2d(phases.permute(0, 3, 1, 2), kernels.permute(0, 3, 1, 2))


def _mel_points(num: int, low_hz: float, high_hz: float) -> Tensor:
    """Return frequencies that are evenly spaced in mel(f) = 2595 log10(1 + f / 700)."""
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (low_hz, high_hz))
    return 700 * (10 ** (torch.linspace(low, high, num) / 2595) - 1)
