"""Filter of the vocal tract, which varies over time."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from facegen.data.synthetic.counter import uniform
from facegen.data.synthetic.speech_plan import SpeechPlan
from facegen.data.synthetic.vocal_tract import HIGHEST_HZ, mouth, neutral_tract, resonance
from facegen.data.synthetic.voice_parameters import VoiceParameters

# A filtered frame extends beyond its window: the glottal pulse before it, the formants after it.
_FRAMES_BEFORE, _FRAMES_OF_FFT = 1, 6
_USUAL_F0_HZ = 160.0  # at which pulses have their nominal amplitude


class SpeechFilter:
    """Filter of the sources in overlapping frames, in the frequency domain.

    Constant parts of a clip (neutral tract, tilt of the pulse) are computed once.
    """

    def __init__(self, seed: int, clip: Tensor, body: VoiceParameters, frame_samples: int, sample_rate_hz: int) -> None:
        bins = torch.fft.rfftfreq(_FRAMES_OF_FFT * frame_samples, 1 / sample_rate_hz, device=clip.device)
        self.body, self.frame_samples, self.num_bins = body, frame_samples, len(bins)
        self.frequency_hz = f = bins[bins <= HIGHEST_HZ]
        self.tract = neutral_tract(f, body, uniform(seed, "posture", clip, 1)[:, 0])
        gain = (_USUAL_F0_HZ / body.f0_hz)[:, None, None]
        self.pulse = gain * 1j * f / (1 + 1j * f / body.tilt_hz[:, None, None])

    def __call__(self, sources: Tensor, f0_hz: Tensor, formants_hz: Tensor, plan: SpeechPlan) -> Tensor:
        """Filter pulses and breath noise: (2, batch, (frames - 1) * frame_samples) -> (batch, samples)."""
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
        pulses, breath = spectra
        glottal_hz = (f0_hz[:, at] * body.open_scale[:, None])[..., None]
        pulses = pulses * self.pulse / (glottal_hz * resonance(f, glottal_hz, -glottal_hz))
        leak = (plan.aspiration + body.breath[:, None] * plan.voicing)[:, at, None]
        friction = (f - plan.friction_hz[:, at, None]) / plan.friction_width_hz[:, at, None]
        friction = torch.exp(-0.5 * friction.square()) * plan.frication[:, at, None]
        tract = self.tract * mouth(f, formants_hz[:, at], plan.nasal[:, at], body)
        return (pulses + breath * leak) * tract + breath * friction
