"""Filter of vocal tract, microphone and room, which varies over time."""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from facegen.data.synthetic.counter import uniform
from facegen.data.synthetic.speech_plan import SpeechPlan
from facegen.data.synthetic.vocal_tract import HIGHEST_HZ, mouth, neutral_tract, resonance
from facegen.data.synthetic.voice_parameters import VoiceParameters

# A filtered frame extends beyond its window: the glottal pulse before it, the formants after it.
_FRAMES_BEFORE, _FRAMES_OF_FFT = 2, 10
_RIPPLES, _RIPPLE_DECIBELS = 3, 7.0


class SpeechFilter:
    """Filter of the sources in overlapping frames, in the frequency domain.

    Constant parts of a clip (neutral tract, microphone, room, tilt of the pulse) are computed once.
    """

    def __init__(self, seed: int, clip: Tensor, body: VoiceParameters, frame_samples: int, sample_rate_hz: int) -> None:
        bins = torch.fft.rfftfreq(_FRAMES_OF_FFT * frame_samples, 1 / sample_rate_hz, device=clip.device)
        self.body, self.frame_samples, self.num_bins = body, frame_samples, len(bins)
        self.frequency_hz = f = bins[bins <= HIGHEST_HZ]
        draws = uniform(seed, "channel", clip, 3 + 3 * _RIPPLES)
        self.microphone = _microphone(f, draws)
        self.tract = neutral_tract(f, body, draws[:, 0]) * self.microphone
        self.pulse = 1j * f / (1 + 1j * f / body.tilt_hz[:, None, None])
        self.room = _room(f, draws) * self.microphone

    def __call__(self, sources: Tensor, f0_hz: Tensor, formants_hz: Tensor, plan: SpeechPlan) -> Tensor:
        """Filter pulses, breath and room noise: (3, batch, (frames - 1) * frame_samples) -> (batch, samples)."""
        batch, num_frames = f0_hz.shape
        hop = self.frame_samples
        # Frame k covers the samples (k - 1) * hop to (k + 1) * hop.
        sources = pad(sources, (hop, hop))
        speech = sources.new_zeros(batch, num_frames + _FRAMES_OF_FFT, hop)
        # On a CPU the working set should fit into the cache.
        values = 1 << (18 if sources.device.type == "cpu" else 24)
        at_once = max(1, values // (batch * self.num_bins))
        for first in range(0, num_frames, at_once):
            last = min(first + at_once, num_frames)
            spectra = self._spectra(sources[..., first * hop : (last + 1) * hop])
            filtered = self._filter(spectra, f0_hz, formants_hz, plan, slice(first, last))
            filtered = pad(filtered, (0, self.num_bins - filtered.shape[-1]))
            pieces = torch.fft.irfft(filtered, _FRAMES_OF_FFT * hop).unflatten(2, (_FRAMES_OF_FFT, hop))
            # Frames are added in a fixed order, so that the sum does not depend on the grouping.
            for place in reversed(range(_FRAMES_OF_FFT)):
                speech[:, first + place : last + place] += pieces[:, :, place]
        return speech.flatten(1)[:, (_FRAMES_BEFORE + 1) * hop :]

    def _spectra(self, sources: Tensor) -> Tensor:
        """Compute spectra up to 8 kHz of Hann frames that overlap by half."""
        hop = self.frame_samples
        frames = sources.unfold(2, 2 * hop, hop) * torch.hann_window(2 * hop, device=sources.device)
        frames = pad(frames, (_FRAMES_BEFORE * hop, (_FRAMES_OF_FFT - 2 - _FRAMES_BEFORE) * hop))
        return torch.fft.rfft(frames)[..., : len(self.frequency_hz)]

    def _filter(self, spectra: Tensor, f0_hz: Tensor, formants_hz: Tensor, plan: SpeechPlan, at: slice) -> Tensor:
        """Compute the speech spectra of the frames `at`.

        The glottal pulse is an anticausal resonance followed by a spectral tilt (Doval & d'Alessandro 2003).
        """
        f, body = self.frequency_hz, self.body
        pulses, breath, room = spectra
        glottal_hz = (f0_hz[:, at] * body.open_scale[:, None])[..., None]
        pulses = pulses * self.pulse / (glottal_hz * resonance(f, glottal_hz, -glottal_hz))
        leak = (plan.aspiration + body.breath[:, None] * plan.voicing)[:, at, None]
        friction = (f - plan.friction_hz[:, at, None]) / plan.friction_width_hz[:, at, None]
        friction = torch.exp(-0.5 * friction.square()) * plan.frication[:, at, None] * self.microphone
        tract = self.tract * mouth(f, formants_hz[:, at], plan.nasal[:, at], body)
        return (pulses + breath * leak) * tract + breath * friction + room * self.room


def _microphone(frequency_hz: Tensor, draws: Tensor) -> Tensor:
    """Draw the gain of the channel, (batch, 1, bins): a tilt, a high-pass, and ripples that grow with frequency.

    The ripples are about as fine as the formants and differ between clips, so that the speaker shows in the changes of
    the spectrum, and hardly in its mean.
    """
    octave = torch.log2(frequency_hz.clamp_min(50.0) / 1000.0)
    decibels = (draws[:, 1, None] - 0.5) * 11.0 * octave
    depth_decibels = _RIPPLE_DECIBELS * frequency_hz / (frequency_hz + 2000.0)
    for depth, fineness, place in draws[:, 3:].T.reshape(_RIPPLES, 3, -1, 1):
        milliseconds = 0.3 + 0.9 * fineness
        ripple = torch.cos(2 * math.pi * (frequency_hz / 1000.0 * milliseconds + place))
        decibels = decibels + depth * depth_decibels * ripple
    rumble = (frequency_hz / 60.0).square()
    return (10 ** (decibels / 20) * rumble / (1 + rumble))[:, None]


def _room(frequency_hz: Tensor, draws: Tensor) -> Tensor:
    """Draw the gain of the room noise, (batch, 1, bins)."""
    decibels = -62.0 + 22.0 * draws[:, 2, None, None]
    return 10 ** (decibels / 20) / (1 + frequency_hz / 400.0)
