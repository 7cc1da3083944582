"""Transforms of torchaudio, and sizes of spectra."""

import warnings
from collections.abc import Callable

import torch
from torch import nn

from facegen.core.optional_imports import torchaudio


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
