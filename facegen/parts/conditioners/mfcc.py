"""Conditioner: cepstral coefficients of speech."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Conditioner
from facegen.core.optional_imports import torchaudio
from facegen.parts.layers.precision import Float32Linear, to_float32, without_autocast
from facegen.parts.layers.spectra import fft_samples_of, samples_needed, spectrum_problems, torchaudio_transform
from facegen.parts.layers.spectrum_encoders import SpectrumEncoder
from facegen.parts.layers.waveform import SpeechLevel, TimePooling, too_short

Count = Annotated[int, Field(ge=1)]


class Mfcc(Conditioner):
    """Convolutions over mel-frequency cepstral coefficients, pooled over time.

    c = W pool_t(h_t) + b,   h = convolutions(BN(DCT(log(M |STFT(x)|^2 + 1e-6)))),
    x_t = s_t - a s_t-1,   s = speech / max |speech|

    Engine:
        data: supplies sample_rate_hz and speech_samples.
    Settings:
        condition_dim: width of the encoding.
        num_coefficients: number of coefficients, from the zeroth (the loudness) on.
        num_mels: number of mel bands that they are computed from, evenly spaced from 0 to half the sample rate.
        window_samples: length of the Hann window, padded to a power of two for the transform (400 = 25 ms at 16 kHz).
        hop_samples: step between windows; at most window_samples.
        channels: channels of the convolutions, each ReLU(BN(conv 3 of stride 2)); an empty list pools the coefficients
            themselves.
        pooling: mean over time, or mean and standard deviation.
        normalise: divide each row by its largest amplitude first.
        pre_emphasis: a, which raises high frequencies; 0 switches it off.
    Shape:
        speech (B, samples), float in [-1, 1] -> (B, condition_dim)
    Raises:
        RecipeError: hop_samples exceeds window_samples, num_mels leaves empty bands or is less than num_coefficients,
            or the speech is shorter than one window.
    Source:
        The input of Chung et al. 2017 in Roldan Sanchez 2018, section II-C, which gives no sizes: window, hop, bands,
        coefficients and convolutions are our choice, the convolutions after Wen et al. 2019. The coefficients are
        those of torchaudio's MFCC.
    """

    needs = frozenset({"speech"})

    def __init__(
        self,
        data: DataSpec,
        *,
        condition_dim: Count = 128,
        num_coefficients: Count = 13,
        num_mels: Count = 40,
        window_samples: Annotated[int, Field(ge=16)] = 400,
        hop_samples: Count = 160,
        channels: tuple[Count, ...] = (64, 128, 256),
        pooling: Literal["mean", "mean_std"] = "mean_std",
        normalise: bool = True,
        pre_emphasis: Annotated[float, Field(ge=0, lt=1)] = 0.95,
    ) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        problems = spectrum_problems(data.sample_rate_hz, window_samples, hop_samples, num_mels)
        if num_coefficients > num_mels:
            problems.append(f"num_coefficients = {num_coefficients}: must be at most num_mels = {num_mels}")
        if problems:
            raise RecipeError(*(f"mfcc: {problem}" for problem in problems))

        self.level = SpeechLevel("mfcc", normalise=normalise, pre_emphasis=pre_emphasis)
        bands = {
            "n_fft": fft_samples_of(window_samples),
            "win_length": window_samples,
            "hop_length": hop_samples,
            "n_mels": num_mels,
        }
        self.cepstrum = torchaudio_transform(
            lambda: torchaudio().transforms.MFCC(data.sample_rate_hz, num_coefficients, log_mels=True, melkwargs=bands)
        )
        self.norm = nn.BatchNorm1d(num_coefficients)
        encoder = SpectrumEncoder("voice2face", 1, num_coefficients, channels) if channels else None
        self.encoder = encoder or nn.Flatten(1, 2)
        self.pool = TimePooling(pooling)
        features = num_coefficients if encoder is None else encoder.features
        self.head = Float32Linear(features * self.pool.times_wider, condition_dim)
        needed = samples_needed(1, window_samples, hop_samples)
        if 0 < data.speech_samples < needed:  # a corpus without speech is refused elsewhere
            raise too_short("mfcc", data.speech_samples, needed, "lower window_samples")

    def coefficients(self, speech: Tensor) -> Tensor:
        """Compute the coefficients over time: (B, samples) -> (B, num_coefficients, frames)."""
        with without_autocast(speech.device):
            values: Tensor = self.cepstrum(to_float32(speech))
            return values

    def forward(self, batch: Batch) -> Tensor:
        levelled = self.norm(self.coefficients(self.level(batch)))
        encoding: Tensor = self.head(self.pool(self.encoder(levelled[:, None])))
        return encoding
