"""Conditioner: raw waveforms, after SEGAN."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import Batch, DataSpec
from facegen.core.interfaces import Conditioner
from facegen.parts.layers.lengths import shortest
from facegen.parts.layers.perceptron import hidden_layers
from facegen.parts.layers.precision import Float32Linear, to_float32
from facegen.parts.layers.segan_blocks import segan_blocks
from facegen.parts.layers.waveform import SpeechLevel, too_short

Count = Annotated[int, Field(ge=1)]


class WaveformSegan(Conditioner):
    """Strided convolutions and dense layers on the raw waveform.

    c = dense(pool(LeakyReLU_0.3(BN(conv_6(... LeakyReLU_0.3(BN(conv_1(x)))))))),
    x_t = s_t - a s_t-1,   s = speech / max |speech|

    Engine:
        data: supplies speech_samples.
    Settings:
        condition_dim: width of the encoding.
        widths: channels of the convolutions; the authors' code has 16, 32, 128, 256, 512, 1024.
        kernel: width of each convolution, in steps.
        stride: stride of each convolution, in steps.
        pooled_steps: number of steps that the dense layers read; other numbers of steps are averaged to it. The six
            convolutions leave 16 of 4 s at 16 kHz; 1 is the mean over time.
        head_widths: widths of the dense layers before the last, each followed by a ReLU.
        normalise: divide each row by its largest amplitude first.
        pre_emphasis: a, which raises high frequencies; 0 switches it off.
        standardise: batch norm without weights on the encoding, which keeps its scale equal to that of the noise.
            Encodings that only a generator trains can otherwise grow until the generator ignores the noise.
    Shape:
        speech (B, samples), float in [-1, 1] -> (B, condition_dim)
    Raises:
        RecipeError: the speech is shorter than the convolutions need.
    Source:
        Roldan Sanchez 2018, sections III-A (levels) and IV-D: widths, kernel, stride, batch norm, 128 numbers. Dense
        layers, slope, padding and a = 0.95: as in the authors' code. Averaging to other durations is ours, and so is
        standardise, which PASE (Pascual et al. 2019) has.
    """

    needs = frozenset({"speech"})

    def __init__(
        self,
        data: DataSpec,
        *,
        condition_dim: Count = 128,
        widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 128, 256, 512, 1024, 1024),
        kernel: Annotated[int, Field(ge=2)] = 15,
        stride: Count = 4,
        pooled_steps: Count = 16,
        head_widths: tuple[Count, ...] = (256, 128),
        normalise: bool = True,
        pre_emphasis: Annotated[float, Field(ge=0, lt=1)] = 0.95,
        standardise: bool = False,
    ) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        self.level = SpeechLevel("waveform_segan", normalise=normalise, pre_emphasis=pre_emphasis)
        self.blocks = segan_blocks(1, widths, kernel, stride)
        self.pool = nn.AdaptiveAvgPool2d((1, pooled_steps))
        dims = (widths[-1] * pooled_steps, *head_widths)
        self.head = nn.Sequential(*hidden_layers(dims[0], head_widths), Float32Linear(dims[-1], condition_dim))
        self.standard: nn.Module = nn.BatchNorm1d(condition_dim, affine=False) if standardise else nn.Identity()
        needed = shortest(self.blocks)
        if 0 < data.speech_samples < needed:  # a corpus without speech is refused elsewhere
            raise too_short("waveform_segan", data.speech_samples, needed, "lower stride or cut widths")

    def forward(self, batch: Batch) -> Tensor:
        hidden = self.blocks(self.level(batch)[:, None, None])
        encoding: Tensor = self.standard(self.head(self.pool(to_float32(hidden)).flatten(1)))
        return encoding
