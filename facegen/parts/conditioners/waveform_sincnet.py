"""A raw waveform, encoded."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Conditioner
from facegen.parts.layers.precision import Float32Linear, to_float32
from facegen.parts.layers.sinc import SincFilters

Count = Annotated[int, Field(ge=1)]


class WaveformSincnet(Conditioner):
    """Raw speech through learnable band-pass filters and a stack of convolutions, pooled over time.

    c = W mean_t h_t + b,   h = block_7(... block_1(block_0(speech / max |speech|))),
    block_0 = PReLU(BN(sinc filters)),   block_i = PReLU(BN(conv))

    Engine:
        data: supplies sample_rate_hz and speech_samples.
    Settings:
        condition_dim: width of the encoding.
        num_filters: band-pass filters.
        kernel_samples: length of a filter, in samples; odd (251 = 16 ms at 16 kHz).
        sinc_stride_samples: step between the filters' outputs, in samples.
        log_energy_samples: hands on each filter's log energy over windows of so many samples in place of its output;
            0 hands on the output. The blocks then see a spectrogram with learnable bands, from which a small network
            learns in minutes; their strides must shrink accordingly.
        channels, kernels, strides: of the convolutions, one number each.
        pooling: mean over time, or mean and standard deviation.
        normalise: every row is divided by its largest amplitude first.
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
        pooling: Literal["mean", "mean_std"] = "mean",
        normalise: bool = True,
    ) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        self.pooling, self.normalise = pooling, normalise
        problems = []
        if kernel_samples % 2 == 0:
            problems.append(f"kernel_samples = {kernel_samples}: must be odd")
        if not len(channels) == len(kernels) == len(strides):
            problems.append(
                f"channels, kernels and strides have {len(channels)}, {len(kernels)} and {len(strides)} numbers; "
                "must be one a block"
            )
        if problems:
            raise RecipeError(*(f"waveform_sincnet: {problem}" for problem in problems))

        self.log_energy_steps = -(-log_energy_samples // sinc_stride_samples)
        self.filters = SincFilters(num_filters, kernel_samples, data.sample_rate_hz, sinc_stride_samples)
        self.norm = nn.BatchNorm2d(num_filters)
        # Of a log energy the half below the mean says as much as the half above.
        self.activation = nn.Identity() if log_energy_samples else nn.PReLU(num_filters, init=0.0)
        sizes = zip((num_filters, *channels[:-1]), channels, kernels, strides, strict=True)
        self.blocks = nn.Sequential(*(_Block(*size) for size in sizes))
        pooled = channels[-1] * (2 if pooling == "mean_std" else 1)
        self.head = Float32Linear(pooled, condition_dim)
        if data.speech_samples:  # a corpus without speech is refused elsewhere
            self._check_length(data.speech_samples, kernels, strides)

    def _check_length(self, speech_samples: int, kernels: tuple[int, ...], strides: tuple[int, ...]) -> None:
        needed = 1
        for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
            needed = max((needed - 1) * stride + kernel - sum(_padding(kernel, stride)), kernel // 2 + 1)
        needed *= max(self.log_energy_steps, 1)
        needed = max((needed - 1) * self.filters.stride_samples + 1, self.filters.kernel_samples // 2 + 1)
        if speech_samples < needed:
            raise RecipeError(
                f"waveform_sincnet: {speech_samples} samples of speech are too short for these kernels and strides, "
                f"which need {needed}: raise data.speech_seconds, or lower strides or kernels"
            )

    def forward(self, batch: Batch) -> Tensor:
        speech = batch.speech
        if speech is None:
            raise RecipeError("waveform_sincnet: the batch holds no speech")
        if self.normalise:
            speech = speech / speech.abs().amax(dim=1, keepdim=True).clamp(min=1e-4)
        hidden = self.filters(speech)
        if self.log_energy_steps:
            energy = functional.avg_pool2d(to_float32(hidden).square(), (1, self.log_energy_steps))
            hidden = (energy + 1e-6).log()
        hidden = self.blocks(self.activation(self.norm(hidden)))
        hidden = to_float32(hidden.flatten(2))
        pooled = hidden.mean(dim=2)
        if self.pooling == "mean_std":
            deviation = (hidden.var(dim=2, correction=0) + 1e-5).sqrt()
            pooled = torch.cat([pooled, deviation], dim=1)
        return self.head(pooled)


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
    """PASE's: as far as the kernel reaches, one less in front where it is even or strides."""
    less = kernel > 1 and (stride > 1 or kernel % 2 == 0)
    return kernel // 2 - less, kernel // 2
