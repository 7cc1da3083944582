"""Speech as frequencies over time."""

import warnings

import torch
from torch import Tensor, nn

from facegen.core.optional_imports import torchaudio
from facegen.parts.layers.precision import to_float32, without_autocast

_FLOOR = 1e-6
"""Added before the logarithm: about -80 dB of full scale, so that silence stays finite."""


class _Frames(nn.Module):
    """Fourier transforms of Hann windows, padded to a power of two; frame t is centred at sample t hop_samples."""

    window: Tensor

    def __init__(self, window_samples: int, hop_samples: int) -> None:
        super().__init__()
        self.hop_samples = hop_samples
        self.fft_samples = fft_samples_of(window_samples)
        self.register_buffer("window", torch.hann_window(window_samples), persistent=False)

    def samples_of(self, frames: int) -> int:
        """Least samples of so many frames: half a window is mirrored at either end, so that it must be there."""
        return max((frames - 1) * self.hop_samples, self.fft_samples // 2 + 1)

    def _transform(self, speech: Tensor) -> Tensor:
        """(B, samples) -> (B, fft_samples / 2 + 1, 1 + samples // hop_samples), complex"""
        size, hop = self.fft_samples, self.hop_samples
        return torch.stft(to_float32(speech), size, hop, len(self.window), self.window, return_complex=True)


class LogMel(_Frames):
    """log(M |STFT(speech)|^2 + 1e-6), M triangles of height 1, evenly spaced in mel from 0 to half the rate.

    mel(f) = 2595 log10(1 + f / 700 Hz)

    Args:
        sample_rate_hz: of the speech.
        window_samples, hop_samples: of the transform.
        num_mels: bands.
    Shape:
        (B, samples) -> (B, 1, num_mels, 1 + samples // hop_samples)
    """

    bank: Tensor

    def __init__(self, sample_rate_hz: int, window_samples: int, hop_samples: int, num_mels: int) -> None:
        super().__init__(window_samples, hop_samples)
        bank = _mel_bank(sample_rate_hz, self.fft_samples, num_mels)
        self.register_buffer("bank", bank.to(torch.get_default_device()), persistent=False)

    def forward(self, speech: Tensor) -> Tensor:
        with without_autocast(speech.device):
            power = torch.view_as_real(self._transform(speech)).square().sum(dim=-1)
            return (self.bank.T @ power + _FLOOR).log()[:, None]


class CompressedSpectrum(_Frames):
    """Real and imaginary part of the transform, each as sign(x) |x|^0.3.

    Args:
        window_samples, hop_samples: of the transform.
    Shape:
        (B, samples) -> (B, 2, bins, 1 + samples // hop_samples)
    Source:
        Oh et al. 2019 (Speech2Face).
    """

    def forward(self, speech: Tensor) -> Tensor:
        with without_autocast(speech.device):
            parts = torch.view_as_real(self._transform(speech))
            return (parts.sign() * parts.abs().pow(0.3)).permute(0, 3, 1, 2)


def fft_samples_of(window_samples: int) -> int:
    """The power of two that a window is padded to."""
    return 1 << (window_samples - 1).bit_length()


def spectrum_problems(sample_rate_hz: int, window_samples: int, hop_samples: int, num_mels: int) -> list[str]:
    """What is wrong with the sizes of a spectrum, a line each; num_mels is 0 where there are no bands."""
    problems = []
    if hop_samples > window_samples:
        problems.append(
            f"hop_samples = {hop_samples}: must be at most window_samples = {window_samples}, or speech is left out"
        )
    empty = 0
    if num_mels:
        bank = _mel_bank(sample_rate_hz, fft_samples_of(window_samples), num_mels)
        empty = int((bank.amax(dim=0) == 0).sum())
    if empty:
        problems.append(
            f"num_mels = {num_mels}: {empty} of the bands are narrower than the bins of a window of {window_samples} "
            "samples and would be empty; lower num_mels or raise window_samples"
        )
    return problems


def _mel_bank(sample_rate_hz: int, fft_samples: int, num_mels: int) -> Tensor:
    """(bins, num_mels), on the CPU even where parts are built on the meta device: torchaudio looks at its values."""
    with torch.device("cpu"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of empty bands, which `spectrum_problems` tells
        bank: Tensor = torchaudio().functional.melscale_fbanks(
            fft_samples // 2 + 1, 0.0, sample_rate_hz / 2, num_mels, sample_rate_hz
        )
        return bank
