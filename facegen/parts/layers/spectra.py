"""Spectra of speech, made by torchaudio."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from facegen.core.optional_imports import torchaudio
from facegen.parts.layers.precision import to_float32, without_autocast

_FLOOR = 1e-6
"""Added before the logarithm: about -80 dB of full scale, so that silence stays finite."""


def torchaudio_transform(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a transform of torchaudio on the default device.

    It is built on the CPU and moved, because torchaudio reads the values of its tables, which the meta device does not
    have. The tables follow from the settings, so that they are no part of a run's weights.

    Args:
        build: makes the transform.
    """
    with torch.device("cpu"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about empty bands, which `spectrum_problems` reports
        transform = build()
    for module in transform.modules():
        for name, table in module.named_buffers(recurse=False):
            module.register_buffer(name, table, persistent=False)
    return transform.to(torch.get_default_device())


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


def fft_samples_of(window_samples: int) -> int:
    """Return the power of two that a window is padded to."""
    return 1 << (window_samples - 1).bit_length()


def samples_needed(frames: int, window_samples: int, hop_samples: int) -> int:
    """Return the fewest samples that make so many frames; half a window is mirrored at either end and must exist."""
    return max((frames - 1) * hop_samples, fft_samples_of(window_samples) // 2 + 1)


def spectrum_problems(sample_rate_hz: int, window_samples: int, hop_samples: int, num_mels: int) -> list[str]:
    """Return what is wrong with the sizes of a spectrum, a line each; num_mels is 0 where there are no bands."""
    problems = []
    if hop_samples > window_samples:
        problems.append(
            f"hop_samples = {hop_samples}: must be at most window_samples = {window_samples}, or speech is left out"
        )
    empty = _num_empty_bands(sample_rate_hz, window_samples, num_mels) if num_mels else 0
    if empty:
        problems.append(
            f"num_mels = {num_mels}: {empty} of the bands are narrower than the bins of a window of {window_samples} "
            "samples and would be empty; lower num_mels or raise window_samples"
        )
    return problems


def _num_empty_bands(sample_rate_hz: int, window_samples: int, num_mels: int) -> int:
    with torch.device("cpu"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about these very bands
        bank = torchaudio().functional.melscale_fbanks(
            fft_samples_of(window_samples) // 2 + 1, 0.0, sample_rate_hz / 2, num_mels, sample_rate_hz
        )
    return int((bank.amax(dim=0) == 0).sum())
