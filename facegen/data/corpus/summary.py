"""Summary of a packed corpus: counts, and faults to look at before training."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facegen.core.clips import Clips
from facegen.core.image_sharpness import sharpness
from facegen.core.progress import Observer
from facegen.core.recipe.tables import Split
from facegen.data.corpus.dataset import Packed

SPLITS: tuple[Split, ...] = ("train", "heldout_utterances", "heldout_people")
SAMPLE_CLIPS = 2000
"""Number of clips on which quality is measured, at equal distances in the corpus; counts cover all clips."""
CHUNK_CLIPS = 256
BLURRED_SHARPNESS = 0.08
"""Faces below this value look out of focus; chosen by viewing a thousand AVSpeech faces in order of sharpness."""
FLAT_DEVIATION = 8.0
"""Standard deviation of the grey levels below which a face has almost no contrast."""
SHORT_SECONDS = 1.0
QUIET_LEVEL = 0.003
"""Root mean square as a share of full scale; -50 dB."""
CLIPPED_SHARE = 1e-3
CHECKED_SECONDS = 10.0
"""Length of the beginning of a track whose level and clipping are measured."""


@dataclass(frozen=True)
class Quality:
    """Number of sampled clips with each fault.

    Attributes:
        num_clips: number of sampled clips.
        blurred, flat: clips whose first face is out of focus, or has almost no contrast.
        median_sharpness: median `sharpness` of the first faces.
        short, quiet, clipped: clips whose speech is shorter than 1 s, nearly silent, or clipped at full scale.
    """

    num_clips: int
    blurred: int
    flat: int
    median_sharpness: float
    short: int
    quiet: int
    clipped: int


@dataclass(frozen=True)
class CorpusSummary:
    """Content of a corpus, or of one of its splits.

    Attributes:
        people, clips, faces, tracks: counts.
        speech_seconds: total duration of all tracks.
        attributes: {column: {class: number of people}}; class -1 is unknown.
        splits: {split: {"people": , "clips": , "faces": }} counts.
        consent: {text: number of clips}; empty if the corpus has no consent column.
        quality: faults found in a sample of the clips.
    """

    people: int
    clips: int
    faces: int
    tracks: int
    speech_seconds: float
    attributes: dict[str, dict[int, int]]
    splits: dict[str, dict[str, int]]
    consent: dict[str, int]
    quality: Quality

    def to_json(self) -> dict[str, Any]:
        """Convert to dictionaries and numbers that JSON can hold."""
        return asdict(self)


def summarise(packed: Packed, split: Split | None = None, observer: Observer | None = None) -> CorpusSummary:
    """Count the content of a corpus, or of one split, and measure the quality of a sample.

    Raises:
        DataError: the corpus is damaged.
    """
    by_split = {name: packed.clips(name) for name in SPLITS}
    chosen = [by_split[split]] if split else list(by_split.values())
    clip = torch.cat([clips.clip for clips in chosen]).sort().values
    index = packed.corpus.index
    tracks = index.track[clip].unique()
    lengths = index.track_offsets.diff()[tracks[tracks >= 0]]
    return CorpusSummary(
        people=len(index.identity[clip].unique()),
        clips=len(clip),
        faces=sum(int(clips.num_frames.sum()) for clips in chosen),
        tracks=len(lengths),
        speech_seconds=int(lengths.sum()) / packed.corpus.header.sample_rate_hz,
        attributes={
            name: _people_of_class(index.identity[clip], labels[clip]) for name, labels in index.attributes.items()
        },
        splits={name: _counts(clips) for name, clips in by_split.items()},
        consent=_consent(packed, clip),
        quality=_quality(packed, clip, observer or Observer()),
    )


def evenly_spaced(clip: Tensor, num: int) -> Tensor:
    """Select `num` clips at equal distances, or all clips if there are fewer."""
    if len(clip) <= num:
        return clip
    return clip[torch.linspace(0, len(clip) - 1, num).long()]


def _people_of_class(identity: Tensor, labels: Tensor) -> dict[int, int]:
    # One number for class and person: `unique` of pairs takes twenty times as long.
    num_people = int(identity.max()) + 1 if len(identity) else 1
    people = (labels * num_people + identity).unique().div(num_people, rounding_mode="floor")
    classes, counts = people.unique(return_counts=True)
    return dict(zip(classes.tolist(), counts.tolist(), strict=True))


def _counts(clips: Clips) -> dict[str, int]:
    return {"people": len(clips.person.unique()), "clips": len(clips), "faces": int(clips.num_frames.sum())}


def _consent(packed: Packed, clip: Tensor) -> dict[str, int]:
    column = packed.corpus.index.strings.get("consent")
    if column is None:
        return {}
    counts: dict[str, int] = {}
    for text in column.at(clip):
        counts[text or "unknown"] = counts.get(text or "unknown", 0) + 1
    return counts


def _quality(packed: Packed, clip: Tensor, observer: Observer) -> Quality:
    sample = evenly_spaced(clip, SAMPLE_CLIPS)
    sharpnesses: list[float] = []
    flat = 0
    observer.start("check quality", len(sample))
    for start in range(0, len(sample), CHUNK_CLIPS):
        chunk = sample[start : start + CHUNK_CLIPS]
        faces = packed.corpus.faces(chunk, torch.zeros_like(chunk)).numpy()
        sharpnesses += [sharpness(face) for face in faces]
        flat += sum(float(face.std()) < FLAT_DEVIATION for face in faces)
        observer.advance(start + len(chunk))
    observer.finish()
    has_speech = "speech" in packed.spec.columns
    faults = [_speech_faults(packed, number) for number in sample.tolist()] if has_speech else []
    return Quality(
        num_clips=len(sample),
        blurred=sum(value < BLURRED_SHARPNESS for value in sharpnesses),
        flat=flat,
        median_sharpness=float(np.median(sharpnesses)) if sharpnesses else 0.0,
        short=sum(short for short, _, _ in faults),
        quiet=sum(quiet for _, quiet, _ in faults),
        clipped=sum(clipped for _, _, clipped in faults),
    )


def _speech_faults(packed: Packed, clip: int) -> tuple[bool, bool, bool]:
    """Check the beginning of a clip's speech: (is short, is quiet, is clipped)."""
    index, rate = packed.corpus.index, packed.corpus.header.sample_rate_hz
    length = int(index.track_offsets.diff()[index.track[clip]])
    num_samples = min(length, round(CHECKED_SECONDS * rate))
    samples = packed.corpus.speech(torch.tensor([clip]), torch.tensor([0]), num_samples)[0].double()
    level = float(samples.square().mean().sqrt()) / 32768
    clipped = float((samples.abs() >= 32767).double().mean())
    return length < SHORT_SECONDS * rate, level < QUIET_LEVEL, clipped > CLIPPED_SHARE
