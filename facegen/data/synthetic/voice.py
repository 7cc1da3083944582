"""Synthetic speech by source-filter synthesis, with exactly known pitch and formants."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from facegen.data.synthetic.counter import uniform
from facegen.data.synthetic.glottis import glottal_phase, interpolate, pulses
from facegen.data.synthetic.recording import record
from facegen.data.synthetic.speech_filter import SpeechFilter
from facegen.data.synthetic.speech_plan import SpeechPlan, plan_speech
from facegen.data.synthetic.vocal_tract import speaker_formants
from facegen.data.synthetic.voice_parameters import VoiceParameters, voice_parameters

_FRAME_SECONDS = 0.01
_LOWEST_F0_HZ, _HIGHEST_F0_HZ = 60.0, 420.0
_REFERENCE_RATE_HZ = 16000.0  # rate at which a pulse or noise of amplitude 1 has its nominal level


@dataclass
class Voice:
    """Synthetic speech with its true pitch and formants.

    Attributes:
        samples: (batch, samples) float32.
        f0_hz: (batch, frames) pitch.
        formants_hz: (batch, frames, 3) lowest resonances of the vocal tract.
        vowel: (batch, frames) bool, True in a vowel with constant formants.
        frame_samples: samples per frame; frame k belongs to sample k * frame_samples.
    """

    samples: Tensor
    f0_hz: Tensor
    formants_hz: Tensor
    vowel: Tensor
    frame_samples: int


def speak(people: dict[str, Tensor], seed: int, clip: Tensor, num_samples: int, sample_rate_hz: int = 16000) -> Voice:
    """Record random words of people; arguments are as for `articulate`, and `clip` also decides the recording."""
    voice = articulate(people, seed, clip, num_samples, sample_rate_hz)
    samples = _set_level(seed, clip, record(seed, clip, voice.samples, sample_rate_hz))
    return replace(voice, samples=samples)


def articulate(
    people: dict[str, Tensor], seed: int, clip: Tensor, num_samples: int, sample_rate_hz: int = 16000
) -> Voice:
    """Synthesise random words of people, as they leave the mouth.

    A row depends on its person, the seed, its clip number and the requested length, not on other rows. The source is a
    train of glottal pulses with jitter, shimmer and breath; the filter is a tube with moving formants (Fant 1960).

    Args:
        people: factors from `draw_people`, (batch,) each.
        seed: random seed of the corpus.
        clip: (batch,) int64 numbers of the clips, which decide the words.
        num_samples: length of each clip.
        sample_rate_hz: 8000 to 48000; there is no sound above 8 kHz.
    """
    frame_samples = round(_FRAME_SECONDS * sample_rate_hz)
    num_frames = math.ceil(num_samples / frame_samples) + 1
    body = voice_parameters(people)
    plan = plan_speech(seed, clip, body.stretch, num_frames, frame_samples / sample_rate_hz)
    f0_hz = _pitch(seed, clip, body, plan, frame_samples / sample_rate_hz)
    formants_hz = speaker_formants(plan.formants_hz, body)
    sources = _sources(seed, clip, body, plan, f0_hz, frame_samples, sample_rate_hz)
    speech_filter = SpeechFilter(seed, clip, body, frame_samples, sample_rate_hz)
    samples = speech_filter(sources, f0_hz, formants_hz, plan)[:, :num_samples]
    return Voice(samples, f0_hz[:, :-1], formants_hz[:, :-1], plan.vowel[:, :-1], frame_samples)


def _pitch(seed: int, clip: Tensor, body: VoiceParameters, plan: SpeechPlan, frame_seconds: float) -> Tensor:
    """Compute the pitch, (batch, frames): melody and tremor around the speaker's median."""
    draws = uniform(seed, "tremor", clip, 2)
    seconds = torch.arange(plan.melody.shape[1], device=clip.device) * frame_seconds
    rate_hz = 4.5 + 1.5 * draws[:, :1]
    tremor = torch.sin(2 * math.pi * (rate_hz * seconds + draws[:, 1:])) * body.tremor_semitones[:, None]
    semitones = plan.melody * body.melody_semitones[:, None] + tremor
    return (body.f0_hz[:, None] * (semitones / 12).exp2()).clamp(_LOWEST_F0_HZ, _HIGHEST_F0_HZ)


def _sources(
    seed: int,
    clip: Tensor,
    body: VoiceParameters,
    plan: SpeechPlan,
    f0_hz: Tensor,
    frame_samples: int,
    sample_rate_hz: int,
) -> Tensor:
    """Generate unfiltered pulses and breath noise, (2, batch, samples)."""
    phase = glottal_phase(f0_hz, frame_samples, sample_rate_hz)
    f0 = interpolate(f0_hz / sample_rate_hz, frame_samples)
    voicing = interpolate(plan.voicing, frame_samples)
    num_pulses = math.ceil(phase.shape[1] / sample_rate_hz * _HIGHEST_F0_HZ) + 2
    train = pulses(seed, clip, phase, f0, body.jitter, body.shimmer, num_pulses)
    voiced = train * voicing * (sample_rate_hz / _REFERENCE_RATE_HZ)
    # Uniform white noise is sufficient: after the filters it is nearly Gaussian.
    white = (uniform(seed, "noise", clip, phase.shape[1]) - 0.5) * math.sqrt(12 * sample_rate_hz / _REFERENCE_RATE_HZ)
    # Most air escapes while the glottis is open, just before the pulse.
    pulsing = 1 + 0.6 * voicing * torch.cos(2 * math.pi * (phase.frac() + 0.2)).float()
    return torch.stack((voiced, white * pulsing))


def _set_level(seed: int, clip: Tensor, samples: Tensor) -> Tensor:
    """Scale each clip to a random level, as for different loudness and distance; rare peaks are clipped."""
    decibels = -32.0 + 12.0 * uniform(seed, "level", clip, 1)
    power = samples.square().mean(1, keepdim=True).clamp_min(1e-12)
    return (samples * (10 ** (decibels / 20) * power.rsqrt())).clamp(-1, 1)
