"""Dataset `synthetic`: the embedded corpus of synthetic speakers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.cache import user_cache
from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.core.interfaces import Dataset
from facegen.core.recipe.tables import DataSettings, Split
from facegen.core.text.caption_codes import CAPTION_CHARACTERS
from facegen.data.synthetic.captions import captions
from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import MEDIAN_AGE, draw_people
from facegen.data.synthetic.recording import draw_recordings
from facegen.data.synthetic.truth import FACTOR_SIDES, visible_factors
from facegen.data.synthetic.voice import speak

RENDERER_VERSION = 3
"""Version of the renderer, part of the fingerprint; it increases when the same numbers give other images or speech."""
MAX_CLIPS = 500_000
"""Largest number of clips: lists of all clips and their people are kept in memory, 1 KB each."""


class Synthetic(Dataset):
    """Synthetic speakers with known hidden factors: voices by source-filter synthesis, faces by a renderer.

    The hidden factors of a person shape both voice and face (`shared`), the face only, or the voice only; they are
    listed in `facegen.data.synthetic.people`. Every row is a function of the seed and its own number, so
    that any number of people needs no storage.

    Engine:
        request: image_pixels, speech_seconds and sample_rate_hz of the batches.
    Settings:
        num_people: number of people in the training split.
        num_heldout_people: number of people in the split `heldout_people`.
        clips_per_person: number of clips per person, each with its own words, recording, light and background; with
            two or more, the last clip of a training person belongs to `heldout_utterances`.
        frames_per_clip: number of faces per clip, each with its own pose and expression.
        clip_seconds: duration of the speech of a clip, in seconds.
        median_age: median age of the people, in years; their ages are from 18 to 80.
        seed: random seed of the corpus.
    Shape:
        faces (B, image_pixels, image_pixels, 3) uint8; speech (B, samples) int16
    Raises:
        DataError: image_pixels is above 256.
    Source:
        Ours. Source-filter synthesis after Fant 1960; the factors are ours.
    """

    is_rendered = True
    factor_sides = FACTOR_SIDES

    def __init__(
        self,
        request: DataSettings,
        *,
        num_people: Annotated[int, Field(ge=2, le=MAX_CLIPS)] = 20000,
        num_heldout_people: Annotated[int, Field(ge=2, le=MAX_CLIPS)] = 1000,
        clips_per_person: Annotated[int, Field(ge=1, le=100)] = 2,
        frames_per_clip: Annotated[int, Field(ge=1, le=100)] = 4,
        clip_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0,
        median_age: Annotated[float, Field(ge=20, le=78)] = MEDIAN_AGE,
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        if request.image_pixels > 256:
            raise DataError(f"image_pixels = {request.image_pixels}: must be at most 256 for synthetic faces")
        num_clips = (num_people + num_heldout_people) * clips_per_person
        if num_clips > MAX_CLIPS:
            raise DataError(
                f"num_people + num_heldout_people = {num_people + num_heldout_people} with clips_per_person = "
                f"{clips_per_person}: {num_clips:,} clips; at most {MAX_CLIPS:,} are allowed: all are listed in memory"
            )
        self.request = request
        self.num_people, self.num_heldout_people = num_people, num_heldout_people
        self.clips_per_person, self.frames_per_clip = clips_per_person, frames_per_clip
        self.track_samples = round(clip_seconds * request.sample_rate_hz)
        self.median_age, self.seed = median_age, seed
        self.spec = DataSpec(
            image_pixels=request.image_pixels,
            sample_rate_hz=request.sample_rate_hz,
            speech_samples=request.speech_samples,
            caption_characters=CAPTION_CHARACTERS,
            identities=tuple(f"speaker-{person}" for person in range(num_people)),
            attributes={"sex": 2},
            columns=frozenset({"faces", "identity", "speech", "caption", "sex"}),
        )
        self.cache_dir = user_cache(f"synthetic-{self.fingerprint()[:16]}")

    def fingerprint(self) -> str:
        keys: list[float] = [RENDERER_VERSION, self.seed, self.num_people, self.num_heldout_people]
        keys += [self.clips_per_person, self.frames_per_clip, self.track_samples]
        keys += [self.spec.image_pixels, self.spec.sample_rate_hz]
        keys.append(self.median_age)
        return hashlib.sha256(json.dumps(keys).encode()).hexdigest()

    def clips(self, split: Split) -> Clips:
        if split == "heldout_people":
            people = torch.arange(self.num_people, self.num_people + self.num_heldout_people)
            takes = torch.arange(self.clips_per_person)
        else:
            people = torch.arange(self.num_people)
            last = self.clips_per_person - 1
            trained = torch.arange(max(last, 1))
            takes = trained if split == "train" else torch.arange(len(trained), self.clips_per_person)
        person = people.repeat_interleave(len(takes))
        clip = person * self.clips_per_person + takes.repeat(len(people))
        identity = torch.where(person < self.num_people, person, -1)
        frames = torch.full_like(clip, self.frames_per_clip)
        samples = torch.full_like(clip, self.track_samples)
        sex = draw_people(self.seed, people, self.median_age)["sex"].long().repeat_interleave(len(takes))
        return Clips(clip, person, identity, frames, samples, {"sex": sex})

    def people(self, clip: Tensor) -> dict[str, Tensor]:
        """Draw the hidden factors of the people of some clips: {factor: (B,) float32}."""
        return draw_people(self.seed, clip // self.clips_per_person, self.median_age)

    def faces(self, clip: Tensor, frame: Tensor) -> Tensor:
        moments = draw_moments(self.seed, clip, frame)
        return render_faces(self.people(clip), moments, self.spec.image_pixels)

    def speech(self, clip: Tensor, start_samples: Tensor, num_samples: int) -> Tensor:
        track = speak(self.people(clip), self.seed, clip, self.track_samples, self.spec.sample_rate_hz).samples
        places = (start_samples[:, None] + torch.arange(num_samples, device=clip.device)) % self.track_samples
        return track.gather(1, places).mul(32767).round().to(torch.int16)

    def frame_samples(self, clip: Tensor, frame: Tensor) -> Tensor:
        return (2 * frame + 1) * self.track_samples // (2 * self.frames_per_clip)

    def consents(self, clip: Tensor) -> None:
        return None

    def captions(self, clip: Tensor) -> Sequence[str]:
        return captions(self.people(clip), self.seed, clip)

    def same_voice_faces(self, clip: Tensor) -> Tensor:
        """Render faces of people who share the factors of the voice, but have looks and a moment of their own."""
        unused_people = self.num_people + self.num_heldout_people
        person = clip // self.clips_per_person + unused_people
        others = draw_people(self.seed, person, self.median_age)
        people = {
            name: others[name] if FACTOR_SIDES[name] == "face" else values for name, values in self.people(clip).items()
        }
        moments = draw_moments(self.seed, clip + unused_people * self.clips_per_person, torch.zeros_like(clip))
        return render_faces(people, moments, self.spec.image_pixels)

    def factors(self, clip: Tensor, frame: Tensor) -> Mapping[str, Tensor]:
        known = visible_factors(self.people(clip)) | draw_moments(self.seed, clip, frame)
        known |= draw_recordings(self.seed, clip)
        return {name: known[name].cpu().double() for name in self.factor_sides}
