"""Sound at the glottis: a band-limited train of pulses with jitter and shimmer, and breath noise."""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from facegen.data.synthetic.counter import normal

# The pulse is a sinc under a raised cosine, so that it falls between samples without aliasing.
_PULSE_REACH_SAMPLES = 8


def interpolate(track: Tensor, frame_samples: int) -> Tensor:
    """Straight lines between frames: (batch, frames) -> (batch, (frames - 1) * frame_samples)."""
    share = torch.arange(frame_samples, device=track.device) / frame_samples
    start, step = track[:, :-1, None], track.diff(dim=1)[..., None]
    return torch.addcmul(start, step, share).flatten(1)


def glottal_phase(f0_hz: Tensor, frame_samples: int, sample_rate_hz: int) -> Tensor:
    """Cycles since the start, (batch, samples) in float64: a minute of pitch outgrows float32.

    Within a frame f0 is a straight line, so the phase is a parabola.
    """
    f0 = f0_hz.double() / sample_rate_hz
    whole = pad((f0[:, 1:] + f0[:, :-1]).cumsum(1) * (frame_samples / 2), (1, 0))[:, :-1]
    step = torch.arange(frame_samples, device=f0.device, dtype=torch.float64)
    slope = f0.diff(dim=1)[..., None] / (2 * frame_samples)
    return (whole[..., None] + step * (f0[:, :-1, None] + step * slope)).flatten(1)


def pulses(
    seed: int, clip: Tensor, phase: Tensor, f0: Tensor, jitter: Tensor, shimmer: Tensor, num_pulses: int
) -> Tensor:
    """Pulse train (batch, samples), one pulse where the phase passes a whole number.

    Args:
        phase: (batch, samples) cycles, float64.
        f0: (batch, samples) cycles a sample.
        jitter, shimmer: (batch,) spread of a pulse's time in periods, and of its log amplitude.
        num_pulses: at least as many as the phase counts.
    """
    number = phase.round()
    distance = (phase - number).float()
    number = number.long()
    # Drawn spread is cut at two deviations: a pulse must stay in its own period.
    spread = normal(seed, "pulses", clip, 2 * num_pulses).clamp(-2, 2).view(len(clip), num_pulses, 2)
    late = (spread[..., 0] * jitter[:, None]).gather(1, number)
    loud = (spread[..., 1] * shimmer[:, None]).exp().gather(1, number)
    samples = ((distance - late) / f0).clamp(-_PULSE_REACH_SAMPLES, _PULSE_REACH_SAMPLES)
    window = torch.cos(samples * (math.pi / 2 / _PULSE_REACH_SAMPLES)).square()
    return loud * torch.sinc(samples) * window
