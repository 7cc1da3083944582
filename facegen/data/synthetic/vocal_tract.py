"""Transfer functions of the vocal tract: resonances of mouth and nose."""

import math

import torch
from torch import Tensor

from facegen.data.synthetic.voice_parameters import VoiceParameters

_NEUTRAL_HZ = (500.0, 1500.0, 2500.0)
_BANDWIDTHS_HZ = (60.0, 80.0, 110.0)
_MURMUR_POLE_HZ, _MURMUR_ZERO_HZ, _MURMUR_BANDWIDTH_HZ = 900.0, 650.0, 120.0
_POSTURE = 0.04
HIGHEST_HZ = 8000.0


def resonance(frequency_hz: Tensor, centre_hz: Tensor, bandwidth_hz: Tensor) -> Tensor:
    """Compute the denominator of a resonance, 1 at 0 Hz: 1 - (f / F)^2 + i f B / F^2."""
    ratio = frequency_hz / centre_hz.square()
    return torch.complex(1 - ratio * frequency_hz, ratio * bandwidth_hz)


def neutral_tract(frequency_hz: Tensor, body: VoiceParameters, posture: Tensor) -> Tensor:
    """Compute the resonances of a uniform tube without the lowest three, (batch, 1, bins).

    The transfer function of a tube closed at one end is 1 / cos(pi f / 2 F1), the product of its resonances at odd
    multiples of F1 (Fant 1960). Multiplication by the lowest three denominators removes these resonances, which the
    formants of the vowel replace.

    Args:
        frequency_hz: (bins,) frequencies.
        body: voice parameters of the speakers.
        posture: (batch,) in [0, 1], posture of the throat in this clip; it shifts the remaining resonances.
    """
    scale = (body.formant_scale * (_POSTURE * (2 * posture - 1)).exp())[:, None, None]
    loss_hz = 50.0 + 0.025 * frequency_hz
    tube = torch.cos(torch.complex(frequency_hz, -loss_hz / 2) * (math.pi / 1000.0) / scale)
    free = [resonance(frequency_hz, hz * scale, 50.0 + 0.025 * hz * scale) for hz in _NEUTRAL_HZ]
    return free[0] * free[1] * free[2] / tube


def speaker_formants(plan_formants_hz: Tensor, body: VoiceParameters) -> Tensor:
    """Scale the formant targets of a plan to the speaker: (batch, frames, 3) -> (batch, frames, 3)."""
    factors = torch.stack((body.first_scale, body.front_scale, body.front_scale), 1)
    return plan_formants_hz * (factors * body.formant_scale[:, None])[:, None]


def mouth(frequency_hz: Tensor, formants_hz: Tensor, nasal: Tensor, body: VoiceParameters) -> Tensor:
    """Compute the time-varying transfer function, (batch, frames, bins), a factor beside `neutral_tract`.

    An open velum adds a pole and a zero, which coincide and cancel when the velum is closed.

    Args:
        frequency_hz: (bins,) frequencies.
        body: voice parameters of the speakers.
        formants_hz: (batch, frames, 3) formants of the speaker.
        nasal: (batch, frames) opening of the velum, 0 to 1.
    """
    damping = body.nasal_damping[:, None]
    widths = (_BANDWIDTHS_HZ[0] * damping, *(torch.full_like(damping, hz) for hz in _BANDWIDTHS_HZ[1:]))
    scale = (body.formant_scale * body.murmur_scale)[:, None]
    pole_hz = _MURMUR_POLE_HZ * scale
    zero_hz = pole_hz * (_MURMUR_ZERO_HZ / _MURMUR_POLE_HZ) ** nasal
    bandwidth_hz = torch.full_like(pole_hz, _MURMUR_BANDWIDTH_HZ)[..., None]
    poles = resonance(frequency_hz, pole_hz[..., None], bandwidth_hz)
    for formant_hz, width_hz in zip(formants_hz.unbind(2), widths, strict=True):
        poles = poles * resonance(frequency_hz, formant_hz[..., None], width_hz[..., None])
    return resonance(frequency_hz, zero_hz[..., None], bandwidth_hz) / poles
