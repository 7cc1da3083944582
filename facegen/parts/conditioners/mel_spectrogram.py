"""Conditioner: spectrograms of speech."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Conditioner
from facegen.core.optional_imports import torchaudio
from facegen.parts.layers.lengths import shortest
from facegen.parts.layers.perceptron import hidden_layers
from facegen.parts.layers.precision import Float32Linear, to_float32, without_autocast
from facegen.parts.layers.spectra import fft_samples_of, samples_needed, spectrum_problems, torchaudio_transform
from facegen.parts.layers.spectrum_encoders import SpectrumEncoder, encoder_problems
from facegen.parts.layers.waveform import SpeechLevel, TimePooling, too_short

Count = Annotated[int, Field(ge=1)]
_FLOOR = 1e-6
"""Added before the logarithm: about -80 dB of full scale, so that silence stays finite."""


class MelSpectrogram(Conditioner):
    """Convolutions over a log-mel or complex spectrogram, pooled over time.

    c = dense(pool_t(h_t)),   h = convolutions(BN(log(M |STFT(x)|^2 + 1e-6))),
    x_t = s_t - a s_t-1,   s = speech / max |speech|

    Engine:
        data: supplies sample_rate_hz and speech_samples.
    Settings:
        condition_dim: width of the encoding.
        spectrum: "log_mel", or "compressed": real and imaginary part of the transform, each as sign(x) |x|^0.3.
        window_samples: length of the Hann window, padded to a power of two for the transform (512 = 32 ms at 16 kHz).
        hop_samples: step between windows; at most window_samples.
        num_mels: number of bands, evenly spaced in mel from 0 to half the sample rate; not read by "compressed".
        encoder: "segan" or "voice2face" (convolutions along time, bands as channels), "cnn" (convolutions along time
            and frequency), or "speech2face" (nine convolutions without padding).
        channels: channels of the convolutions; an empty list takes 64, 128, 256, 512, 1024, 1024 for "segan",
            64, 128, 256, 512 for "cnn", 256, 384, 576, 864 for "voice2face", 64, 64, 128, 128, 128, 256, 512, 512,
            512 for "speech2face".
        kernel, stride: of the convolutions of "segan" along time, in windows; not read by the others.
        pooling: mean over time, or mean and standard deviation.
        head_widths: widths of the dense layers before the last, each followed by a ReLU.
        normalise: divide each row by its largest amplitude first.
        pre_emphasis: a, which raises high frequencies; 0 switches it off.
    Shape:
        speech (B, samples), float in [-1, 1] -> (B, condition_dim)
    Raises:
        RecipeError: hop_samples exceeds window_samples, num_mels leaves empty bands, channels do not fit the encoder,
            or the spectrum or the speech is too small for it.
    Source:
        Roldan Sanchez 2018, section V: window 512, hop 128, SEGAN. "cnn" after its section II-C on Chen et al. 2017.
        "voice2face": Wen et al. 2019, whose last convolution is linear and averaged over time, a dense layer here.
        "speech2face": Oh et al. 2019, with window 400, hop 160, "compressed", head_widths = [4096] and condition_dim =
        4096. Stride, bands, the sizes of "cnn", the batch norm of the spectrum and pooling are our choice.
    """

    needs = frozenset({"speech"})

    def __init__(
        self,
        data: DataSpec,
        *,
        condition_dim: Count = 128,
        spectrum: Literal["log_mel", "compressed"] = "log_mel",
        window_samples: Annotated[int, Field(ge=16)] = 512,
        hop_samples: Count = 128,
        num_mels: Count = 64,
        encoder: Literal["segan", "cnn", "voice2face", "speech2face"] = "segan",
        channels: tuple[Count, ...] = (),
        kernel: Annotated[int, Field(ge=2)] = 15,
        stride: Count = 2,
        pooling: Literal["mean", "mean_std"] = "mean",
        head_widths: tuple[Count, ...] = (),
        normalise: bool = True,
        pre_emphasis: Annotated[float, Field(ge=0, lt=1)] = 0.95,
    ) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        mel = spectrum == "log_mel"
        planes, bins = (1, num_mels) if mel else (2, fft_samples_of(window_samples) // 2 + 1)
        problems = spectrum_problems(data.sample_rate_hz, window_samples, hop_samples, num_mels if mel else 0)
        problems += encoder_problems(encoder, bins, channels)
        if problems:
            raise RecipeError(*(f"mel_spectrogram: {problem}" for problem in problems))

        self.level = SpeechLevel("mel_spectrogram", normalise=normalise, pre_emphasis=pre_emphasis)
        self.spectrum = (
            LogMel(data.sample_rate_hz, window_samples, hop_samples, num_mels)
            if mel
            else CompressedSpectrum(window_samples, hop_samples)
        )
        self.norm = nn.BatchNorm1d(planes * bins)
        self.encoder = SpectrumEncoder(encoder, planes, bins, channels, kernel=kernel, stride=stride)
        self.pool = TimePooling(pooling)
        dims = (self.encoder.features * self.pool.times_wider, *head_widths)
        self.head = nn.Sequential(*hidden_layers(dims[0], head_widths), Float32Linear(dims[-1], condition_dim))
        needed = samples_needed(shortest(self.encoder.blocks), window_samples, hop_samples)
        if 0 < data.speech_samples < needed:  # a corpus without speech is refused elsewhere
            raise too_short("mel_spectrogram", data.speech_samples, needed, "lower hop_samples or stride")

    def forward(self, batch: Batch) -> Tensor:
        spectrum = self.spectrum(self.level(batch))
        levelled = self.norm(spectrum.flatten(1, 2)).view_as(spectrum)
        encoding: Tensor = self.head(self.pool(self.encoder(levelled)))
        return encoding


class LogMel(nn.Module):
    """Logarithm of the power in bands that are evenly spaced in mel.

    log(M |STFT(speech)|^2 + 1e-6),   mel(f) = 2595 log10(1 + f / 700 Hz)

    M are triangles of height 1 from 0 to half the rate. The Hann windows are padded to a power of two; frame t is
    centred at sample t hop_samples. The parts are torchaudio's Spectrogram and MelScale. Its MelSpectrogram takes the
    root of the power and squares it again: one more rounding, no less time, and weights that differ by 3e-5 after two
    steps of Adam.

    Args:
        sample_rate_hz: of the speech.
        window_samples, hop_samples: of the transform.
        num_mels: number of bands.
    Shape:
        (B, samples) -> (B, 1, num_mels, 1 + samples // hop_samples)
    """

    def __init__(self, sample_rate_hz: int, window_samples: int, hop_samples: int, num_mels: int) -> None:
        super().__init__()
        num_bins = fft_samples_of(window_samples) // 2 + 1
        self.transform = _fourier_transform(window_samples, hop_samples)
        self.bands = torchaudio_transform(
            lambda: torchaudio().transforms.MelScale(num_mels, sample_rate_hz, n_stft=num_bins)
        )

    def forward(self, speech: Tensor) -> Tensor:
        with without_autocast(speech.device):
            power = torch.view_as_real(self.transform(to_float32(speech))).square().sum(dim=-1)
            # torchaudio returns the bands transposed; the layers behind read them in order.
            return (self.bands(power) + _FLOOR).log()[:, None].contiguous()


class CompressedSpectrum(nn.Module):
    """Real and imaginary part of the Fourier transform, each as sign(x) |x|^0.3.

    The windows are those of LogMel.

    Args:
        window_samples, hop_samples: of the transform.
    Shape:
        (B, samples) -> (B, 2, bins, 1 + samples // hop_samples)
    Source:
        Oh et al. 2019 (Speech2Face).
    """

    def __init__(self, window_samples: int, hop_samples: int) -> None:
        super().__init__()
        self.transform = _fourier_transform(window_samples, hop_samples)

    def forward(self, speech: Tensor) -> Tensor:
        with without_autocast(speech.device):
            parts = torch.view_as_real(self.transform(to_float32(speech)))
            return (parts.sign() * parts.abs().pow(0.3)).permute(0, 3, 1, 2)


def _fourier_transform(window_samples: int, hop_samples: int) -> nn.Module:
    """(B, samples) -> (B, bins, 1 + samples // hop_samples), complex"""
    fft_samples = fft_samples_of(window_samples)
    return torchaudio_transform(
        lambda: torchaudio().transforms.Spectrogram(fft_samples, window_samples, hop_samples, power=None)
    )
