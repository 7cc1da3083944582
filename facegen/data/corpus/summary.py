"""What a packed corpus is like: counts, and what should be looked at before training."""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.core.clips import Clips
from facegen.core.progress import Observer
from facegen.core.recipe.tables import Split
from facegen.data.corpus.dataset import Packed

SPLITS: tuple[Split, ...] = ("train", "heldout_utterances", "heldout_people")
SAMPLE_CLIPS = 2000
"""Quality is measured on so many clips, spread over the corpus; counts are of all."""
CHUNK_CLIPS = 256
SHARPNESS_PIXELS = 128
BLURRED_SHARPNESS = 0.012
"""Faces below it look out of focus; set by looking at a thousand faces of AVSpeech in the order of `sharpness`."""
FLAT_DEVIATION = 8.0
"""Grey levels: below it a picture shows next to nothing."""
SHORT_SECONDS = 1.0
QUIET_LEVEL = 0.003
"""Root mean square of full scale: -50 dB."""
CLIPPED_SHARE = 1e-3
LISTENED_SECONDS = 10.0


@dataclass(frozen=True)
class Quality:
    """How many of the clips that were looked at have a fault.

    Attributes:
        num_clips: how many were looked at.
        blurred, flat: their first face is out of focus, or shows next to nothing.
        median_sharpness: as in `sharpness`.
        short, quiet, clipped: their speech is shorter than 1 s, nearly silent, or cut off at full scale.
    """

    num_clips: int
    blurred: int
    flat: int
    median_sharpness: float
    short: int
    quiet: int
    clipped: int


@dataclass(frozen=True)
class Survey:
    """What a corpus, or one split of it, holds.

    Attributes:
        people, clips, faces, tracks: how many.
        speech_seconds: of all tracks together.
        attributes: {column: {class: people}}, -1 where unknown.
        splits: {split: {"people": , "clips": , "faces": }}.
        consent: {text: clips}, empty where nothing is said.
        quality: faults, by looking at some of the clips.
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
        """Plain values."""
        return asdict(self)


def survey(packed: Packed, split: Split | None = None, observer: Observer | None = None) -> Survey:
    """Look through a corpus, or one split of it.

    Raises:
        DataError: the corpus is damaged.
    """
    by_split = {name: packed.clips(name) for name in SPLITS}
    chosen = [by_split[split]] if split else list(by_split.values())
    clip = torch.cat([clips.clip for clips in chosen]).sort().values
    index = packed.corpus.index
    tracks = index.track[clip].unique()
    lengths = index.track_offsets.diff()[tracks[tracks >= 0]]
    return Survey(
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


def sharpness(face: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of a face at 128 pixels, over the variance of the face: a dark face is not blurred."""
    whole = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.resize(whole, (SHARPNESS_PIXELS, SHARPNESS_PIXELS), interpolation=cv2.INTER_AREA)
    variance = float(grey.var())
    return float(cv2.Laplacian(grey, cv2.CV_32F).var()) / variance if variance > 0 else 0.0


def spread(clip: Tensor, num: int) -> Tensor:
    """So many clips at equal distances, all where there are fewer."""
    if len(clip) <= num:
        return clip
    return clip[torch.linspace(0, len(clip) - 1, num).long()]


def _people_of_class(identity: Tensor, labels: Tensor) -> dict[int, int]:
    people = torch.stack([labels, identity]).unique(dim=1)[0]
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
    looked = spread(clip, SAMPLE_CLIPS)
    sharp: list[float] = []
    flat = 0
    observer.start("look through", len(looked))
    for start in range(0, len(looked), CHUNK_CLIPS):
        some = looked[start : start + CHUNK_CLIPS]
        faces = packed.corpus.faces(some, torch.zeros_like(some)).numpy()
        sharp += [sharpness(face) for face in faces]
        flat += sum(float(face.std()) < FLAT_DEVIATION for face in faces)
        observer.advance(start + len(some))
    observer.finish()
    heard = [_hear(packed, number) for number in looked.tolist()] if "speech" in packed.spec.columns else []
    return Quality(
        num_clips=len(looked),
        blurred=sum(value < BLURRED_SHARPNESS for value in sharp),
        flat=flat,
        median_sharpness=float(np.median(sharp)) if sharp else 0.0,
        short=sum(short for short, _, _ in heard),
        quiet=sum(quiet for _, quiet, _ in heard),
        clipped=sum(clipped for _, _, clipped in heard),
    )


def _hear(packed: Packed, clip: int) -> tuple[bool, bool, bool]:
    """Whether the beginning of a clip's speech is short, quiet, clipped."""
    index, rate = packed.corpus.index, packed.corpus.header.sample_rate_hz
    length = int(index.track_offsets.diff()[index.track[clip]])
    heard = min(length, round(LISTENED_SECONDS * rate))
    samples = packed.corpus.speech(torch.tensor([clip]), torch.tensor([0]), heard)[0].double()
    level = float(samples.square().mean().sqrt()) / 32768
    clipped = float((samples.abs() >= 32767).double().mean())
    return length < SHORT_SECONDS * rate, level < QUIET_LEVEL, clipped > CLIPPED_SHARE
