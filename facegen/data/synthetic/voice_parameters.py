"""Acoustic parameters of larynx and vocal tract from the hidden factors of a person."""

from dataclasses import dataclass

import torch
from torch import Tensor

# Mean speaking pitch at 25, 35, ... years: women after Stoicheff 1981, men after Hollien & Shipp 1972.
_WOMEN_HZ = (224.3, 213.3, 220.8, 199.3, 199.7, 202.2)
_MEN_HZ = (119.5, 112.2, 107.1, 118.4, 112.2, 132.1)


@dataclass
class VoiceParameters:
    """Acoustic constants of a speaker, (batch,) each.

    Attributes:
        formant_scale: factor of all resonances, relative to a male vocal tract of standard length.
        first_scale, front_scale: further factors of the first formant, and of the second and third.
        murmur_scale: factor of the resonances of the nose while the mouth is closed.
        nasal_damping: factor of the bandwidth of the first formant, relative to a voice without nasal leakage.
        f0_hz: median pitch.
        melody_semitones: size of pitch movements.
        tremor_semitones: amplitude of slow pitch oscillations.
        jitter, shimmer: standard deviations of the time of a pulse, in periods, and of its log amplitude.
        breath: amplitude of noise at the glottis.
        open_scale: frequency of the glottal formant divided by f0.
        tilt_hz: corner frequency above which the spectrum of the glottal pulse falls faster.
        stretch: factor of all durations, relative to a normal pace.
    """

    formant_scale: Tensor
    first_scale: Tensor
    front_scale: Tensor
    murmur_scale: Tensor
    nasal_damping: Tensor
    f0_hz: Tensor
    melody_semitones: Tensor
    tremor_semitones: Tensor
    jitter: Tensor
    shimmer: Tensor
    breath: Tensor
    open_scale: Tensor
    tilt_hz: Tensor
    stretch: Tensor


def voice_parameters(people: dict[str, Tensor]) -> VoiceParameters:
    """Compute acoustic constants from the hidden factors of `draw_people`."""
    male, size, tension = people["sex"], people["size"], people["tension"]
    age = (people["age"] - 18.0) / 62.0
    roughness = people["roughness"]
    # Resonances sink with age as the tract grows (Linville & Rens 2001), the first formant most (Harrington et al.
    # 2007). Women's tracts are about a sixth shorter (Fitch & Giedd 1999). Old voices are less regular (Wilcox & Horii
    # 1980; Xue & Deliyski 2001), softer and breathier, and their pitch varies more (Stoicheff 1981; Linville 1996).
    # Speakers differ more in pace than generations do (Jacewicz et al. 2009). The sizes of these effects are ours:
    # those for which a pretrained speaker encoder orders real voices by age best (docs/results/voice.md).
    return VoiceParameters(
        formant_scale=(1.17 - 0.17 * male) * (-0.07 * size - 0.04 * (age - 0.3)).exp(),
        first_scale=(0.07 * people["accent"] - 0.05 * (age - 0.3)).exp(),
        front_scale=(-0.07 * people["lips"] - 0.05 * (age - 0.3)).exp(),
        murmur_scale=(-0.22 * people["nose"]).exp(),
        nasal_damping=(0.35 * (1 + people["nose"])).exp(),
        f0_hz=_mean_pitch_hz(people) * (4.0 * people["pitch_offset"] / 12).exp2(),
        melody_semitones=(1.25 + 3.0 * people["intonation"]) * age.exp(),
        tremor_semitones=0.05 + 0.35 * age.square(),
        jitter=0.012 * (1.1 * (age - 0.5) + 0.7 * roughness).exp(),
        shimmer=0.18 * (1.1 * (age - 0.5) + 0.7 * roughness).exp(),
        breath=0.0016 * (1.1 * people["fullness"] + 0.23 - 0.46 * male + (0.7 + 0.5 * male) * (age - 0.5)).exp(),
        open_scale=1.45 * (0.25 * tension).exp(),
        tilt_hz=850.0 * (0.6 * tension - 0.8 * age).exp(),
        stretch=0.89 * (0.1 * (age - 0.5) - 0.28 * people["pace"]).exp(),
    )


def _mean_pitch_hz(people: dict[str, Tensor]) -> Tensor:
    """Interpolate the mean pitch of a sex at an age between the means of decades."""
    decade = ((people["age"] - 25.0) / 10.0).clamp(0.0, len(_WOMEN_HZ) - 1.0)
    first = decade.floor().clamp_max(len(_WOMEN_HZ) - 2.0)
    women, men = (torch.tensor(means, device=decade.device) for means in (_WOMEN_HZ, _MEN_HZ))
    means = torch.where(people["sex"][:, None] > 0, men, women)
    low, high = (means.gather(1, (first + step).long()[:, None])[:, 0] for step in (0, 1))
    return low + (high - low) * (decade - first)
