"""Glottal source: a band-limited pulse train with jitter and shimmer."""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from facegen.data.synthetic.counter import normal

# The pulse is a sinc under a raised cosine, so that it can lie between samples without aliasing.
_PULSE_REACH_SAMPLES = 8


def interpolate(track: Tensor, frame_samples: int) -> Tensor:
    """Interpolate linearly between frames: (batch, frames) -> (batch, (frames - 1) * frame_samples)."""
    share = torch.arange(frame_samples, device=track.device) / frame_samples
    start, step = track[:, :-1, None], track.diff(dim=1)[..., None]
    return torch.addcmul(start, step, share).flatten(1)


def glottal_phase(f0_hz: Tensor, frame_samples: int, sample_rate_hz: int) -> Tensor:
    """Integrate f0 to cycles since the start, (batch, samples) float64; float32 is too coarse after a minute.

    Within a frame f0 is linear, so that the phase is quadratic.
    """
    f0 = f0_hz.double() / sample_rate_hz
    whole = pad((f0[:, 1:] + f0[:, :-1]).cumsum(1) * (frame_samples / 2), (1, 0))[:, :-1]
    step = torch.arange(frame_samples, device=f0.device, dtype=torch.float64)
    slope = f0.diff(dim=1)[..., None] / (2 * frame_samples)
    return (whole[..., None] + step * (f0[:, :-1, None] + step * slope)).flatten(1)


def pulses(
    seed: int, clip: Tensor, phase: Tensor, f0: Tensor, jitter: Tensor, shimmer: Tensor, num_pulses: int
) -> Tensor:
    """Generate a pulse train, (batch, samples), with a pulse where the phase passes an integer.

    Args:
        seed: random seed of the corpus.
        clip: (batch,) int64 numbers of the clips.
        phase: (batch, samples) cycles, float64.
        f0: (batch, samples) cycles per sample.
        jitter, shimmer: (batch,) standard deviations of the time of a pulse, in periods, and of its log amplitude.
        num_pulses: number of pulses, at least the largest phase.
    """
    number = phase.round()
    distance = (phase - number).float()
    number = number.long()
    # Deviations are limited to two standard deviations, so that a pulse stays in its own period.
    deviations = normal(seed, "pulses", clip, 2 * num_pulses).clamp(-2, 2).view(len(clip), num_pulses, 2)
    delay = (deviations[..., 0] * jitter[:, None]).gather(1, number)
    amplitude = (deviations[..., 1] * shimmer[:, None]).exp().gather(1, number)
    samples = ((distance - delay) / f0).clamp(-_PULSE_REACH_SAMPLES, _PULSE_REACH_SAMPLES)
    window = torch.cos(samples * (math.pi / 2 / _PULSE_REACH_SAMPLES)).square()
    return amplitude * torch.sinc(samples) * window
