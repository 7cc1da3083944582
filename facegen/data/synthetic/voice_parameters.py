"""Acoustic parameters of larynx and vocal tract from the hidden factors of a person."""

from dataclasses import dataclass

from torch import Tensor


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
    # Pitch sinks with age in women and rises a little in men (Hollien & Shipp 1972).
    semitones = 2.5 * people["pitch_offset"] + (1 - male) * (1 - 2.0 * age) + male * (age - 0.5)
    return VoiceParameters(
        formant_scale=(1.15 - 0.15 * male) * (-0.07 * size).exp(),
        first_scale=(0.07 * people["accent"]).exp(),
        front_scale=(-0.07 * people["lips"]).exp(),
        murmur_scale=(-0.22 * people["nose"]).exp(),
        nasal_damping=(0.35 * (1 + people["nose"])).exp(),
        f0_hz=(186.0 - 74.0 * male) * (semitones / 12).exp2(),
        melody_semitones=0.4 + 1.2 * people["intonation"],
        tremor_semitones=0.05 + 0.5 * age.square(),
        jitter=0.003 + 0.02 * age,
        shimmer=0.03 + 0.17 * age,
        breath=0.0013 * (1.1 * people["fullness"] + 0.3 * (age - 0.5)).exp(),
        open_scale=1.25 * (0.25 * tension).exp(),
        tilt_hz=1900.0 * (0.85 * tension).exp(),
        stretch=(0.3 * age - 0.12 * people["pace"]).exp(),
    )
