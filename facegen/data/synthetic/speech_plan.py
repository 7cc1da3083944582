"""Random words of a synthetic speaker, as smooth articulation targets per frame."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from facegen.data.synthetic import phones
from facegen.data.synthetic.counter import uniform

# A syllable has five slots: onset, burst, vowel, coda, pause; a missing one has duration 0.
_VOWEL, _PAUSE = 2, 4
_DRAWS = 9  # random numbers per syllable
_SHORTEST_SYLLABLE_SECONDS = 0.075
_SHORTEST_STRETCH = 0.45
_FORMANT_GLIDE_SECONDS = 0.05
_SOURCE_GLIDE_SECONDS = 0.02
_MELODY_GLIDE_SECONDS = 0.2
_RESET_GLIDE_SECONDS = 0.1


@dataclass
class SpeechPlan:
    """Articulation targets per frame, (batch, frames) each; the names are those of `phones.Phone`.

    Attributes:
        formants_hz: (batch, frames, 3), for a male vocal tract of standard length.
        melody: pitch movement in units of the speaker's pitch range, about -2 to 2.
        vowel: True in a vowel whose formants have reached their targets.
    """

    formants_hz: Tensor
    voicing: Tensor
    aspiration: Tensor
    frication: Tensor
    friction_hz: Tensor
    friction_width_hz: Tensor
    nasal: Tensor
    melody: Tensor
    vowel: Tensor


def _choose(share: Tensor, weights: dict[str, float]) -> Tensor:
    """Choose options by their relative frequencies: uniform numbers in [0, 1) -> indices."""
    edges = torch.tensor(list(weights.values()), device=share.device).cumsum(0)
    return torch.bucketize(share * edges[-1], edges, right=True).clamp_max(len(weights) - 1)


def _glide(track: Tensor, num_frames: float) -> Tensor:
    """Smooth (batch, frames, channels) over time with a Hann window."""
    half = max(1, round(num_frames / 2))
    window = torch.hann_window(2 * half + 1, periodic=False, device=track.device)[1:-1]
    batch, frames, channels = track.shape
    rows = track.transpose(1, 2).reshape(batch * channels, 1, frames)
    rows = pad(rows, (half - 1, half - 1), mode="replicate")
    smooth = conv1d(rows, (window / window.sum())[None, None])
    return smooth.reshape(batch, channels, frames).transpose(1, 2)


def _words(draws: Tensor, stretch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the sounds of syllables, (batch, syllables, 5), their durations in seconds, and the ends of phrases.

    Args:
        draws: (batch, syllables, 9) uniform numbers.
        stretch: (batch,) factor of all durations.
    """
    device = draws.device
    onset, vowel, coda, stress, gap, phrase, variation, length, _ = draws.unbind(2)
    onset_sounds = torch.tensor([phones.consonant_index(name) for name in phones.ONSETS], device=device)
    onset_bursts = torch.tensor([phones.burst_index(name) for name in phones.ONSETS], device=device)
    coda_sounds = torch.tensor([phones.consonant_index(name) for name in phones.CODAS], device=device)
    chosen = _choose(onset, phones.ONSETS)
    sounds = torch.stack(
        (
            onset_sounds[chosen],
            onset_bursts[chosen],
            (vowel * len(phones.VOWELS)).long(),
            coda_sounds[_choose(coda, phones.CODAS)],
            torch.full_like(chosen, phones.SILENCE_INDEX),
        ),
        2,
    )
    table = torch.tensor(phones.TABLE, device=device)
    seconds = table[:, phones.FIELDS.index("seconds")][sounds]
    seconds = seconds * (0.85 + 0.3 * variation[..., None])
    ends_phrase = phrase < 0.12
    final = 1 + 0.4 * ends_phrase
    seconds[..., _VOWEL] *= (0.6 + 0.8 * stress) * final
    seconds[..., _PAUSE] = torch.where(ends_phrase, 0.15 + 0.55 * length, 0.05 * (gap < 0.25))
    return sounds, seconds * stretch[:, None, None], ends_phrase


def plan_speech(seed: int, clip: Tensor, stretch: Tensor, num_frames: int, frame_seconds: float) -> SpeechPlan:
    """Plan random words of the requested duration for each clip.

    Args:
        seed: random seed of the corpus.
        clip: (batch,) int64 numbers of the clips; each has its own words.
        stretch: (batch,) factor of all durations, relative to a normal pace.
        num_frames, frame_seconds: number of frames, and their duration.
    """
    seconds_needed = num_frames * frame_seconds + 1.0
    num_syllables = math.ceil(seconds_needed / (_SHORTEST_SYLLABLE_SECONDS * _SHORTEST_STRETCH))
    draws = uniform(seed, "syllables", clip, num_syllables * _DRAWS).view(len(clip), num_syllables, _DRAWS)
    sounds, seconds, ends_phrase = _words(draws, stretch.clamp_min(_SHORTEST_STRETCH))

    # A clip starts at a random place in its first syllable, like a crop of longer speech.
    first = seconds[:, :1, : _VOWEL + 1].sum((1, 2))
    ends = seconds.flatten(1).cumsum(1) - first[:, None] * uniform(seed, "start", clip, 1)
    times = (torch.arange(num_frames, device=clip.device) * frame_seconds).expand(len(clip), num_frames).contiguous()
    slot = torch.searchsorted(ends, times, right=True).clamp_max(ends.shape[1] - 1)
    stress = 0.35 + 0.65 * draws[..., 3].gather(1, slot // 5)
    target = torch.tensor(phones.TABLE, device=clip.device)[sounds.flatten(1).gather(1, slot)]
    tracks, settled = _articulate(target, stress, frame_seconds)
    melody = _melody(draws, ends, ends_phrase, times, slot // 5, frame_seconds)
    return SpeechPlan(**tracks, melody=melody, vowel=settled & (slot % 5 == _VOWEL))


def _articulate(target: Tensor, stress: Tensor, frame_seconds: float) -> tuple[dict[str, Tensor], Tensor]:
    """Interpolate between targets, (batch, frames, fields); also return where the formants have reached them."""
    columns = dict(zip(phones.FIELDS, target.unbind(2), strict=True))
    formant_target = target[..., :3].log()
    formants = _glide(formant_target, _FORMANT_GLIDE_SECONDS / frame_seconds)
    tracks = {"formants_hz": formants.exp()}
    columns["voicing"] = columns["voicing"] * stress
    for names, seconds in (
        (("voicing", "aspiration", "frication"), _SOURCE_GLIDE_SECONDS),
        (("friction_hz", "friction_width_hz", "nasal"), 2 * _SOURCE_GLIDE_SECONDS),
    ):
        glided = _glide(torch.stack([columns[name] for name in names], 2), seconds / frame_seconds)
        tracks |= dict(zip(names, glided.unbind(2), strict=True))
    return tracks, (formants - formant_target).abs().amax(2) < 0.01


def _melody(
    draws: Tensor, ends: Tensor, ends_phrase: Tensor, times: Tensor, syllable: Tensor, frame_seconds: float
) -> Tensor:
    """Compute the melody: accents on stressed syllables, on a line that falls within each phrase."""
    accent = (draws[..., 3] - 0.5) * 2 + (draws[..., 8] - 0.5)
    accents = _glide(accent.gather(1, syllable)[..., None], _MELODY_GLIDE_SECONDS / frame_seconds)[..., 0]
    syllable_ends = ends[:, _PAUSE::5]
    last_end = torch.where(ends_phrase, syllable_ends, torch.zeros_like(syllable_ends)).cummax(1).values
    phrase_start = pad(last_end[:, :-1], (1, 0)).gather(1, syllable)
    declination = 1.0 - 2.0 * (1 - torch.exp(-(times - phrase_start) / 1.2))
    return accents + _glide(declination[..., None], _RESET_GLIDE_SECONDS / frame_seconds)[..., 0]
