"""What recognisers have of every face of a corpus, and of the speech around it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.collect.review.outliers import OutlierScores, compare_identities
from facegen.core.cache import load_cached, save_cached
from facegen.core.interfaces import Recogniser
from facegen.core.progress import Observer
from facegen.data.corpus.reader import Corpus

WINDOW_SECONDS = 4.0
"""Of speech around a face that is listened to."""
MOST_UNSEEN = 0.2
"""Where a recogniser finds nothing in more of the rows than this, that says nothing about a single one."""
_CHUNK_ROWS = 16
_READS = {"face": "faces", "voice": "speech"}


@dataclass(frozen=True)
class Rows:
    """The faces of a corpus, one row each, int64.

    Attributes:
        clip, frame: (N,) which one.
        person: (N,) number in the corpus's list.
        video: (N,) from 0, of the videos or clips that hold them.
        start_samples: (N,) of the speech around each, in its track; -1 without speech.
    """

    clip: Tensor
    frame: Tensor
    person: NDArray[np.int64]
    video: NDArray[np.int64]
    start_samples: Tensor

    def __len__(self) -> int:
        return len(self.clip)

    @classmethod
    def of(cls, corpus: Corpus) -> "Rows":
        """All faces, in the order of the index."""
        index = corpus.index
        lengths = index.frame_offsets.diff()
        clip = torch.arange(len(lengths)).repeat_interleave(lengths)
        frame = torch.arange(len(clip)) - index.frame_offsets[clip]
        video = torch.stack([index.identity, index.utterance]).unique(dim=1, return_inverse=True)[1][clip]
        return cls(clip, frame, index.identity[clip].numpy(), video.numpy(), _starts(corpus, clip))


@dataclass(frozen=True)
class FeatureReview:
    """What one recogniser has of all rows, in words of the list.

    Attributes:
        name: of the recogniser.
        what: "face" or "voice".
        standing: how each row stands to its person.
        unseen: (N,) where it found nothing.
        features: (N, d).
    """

    name: str
    what: str
    standing: OutlierScores
    unseen: NDArray[np.bool_]
    features: NDArray[np.float64]


def review_features(
    corpus: Corpus, rows: Rows, recognisers: Mapping[str, Recogniser], cache: Path | None, observer: Observer
) -> Iterator[FeatureReview]:
    """What each recogniser has of what it judges, and how each row stands to its person by that.

    Args:
        corpus, rows: what is looked at.
        recognisers: {name: recogniser}.
        cache: a folder for features, which may be dear to compute; safetensors, keyed by hashes.
        observer: told how far it is.
    """
    hears = "speech" in corpus.header.columns
    length = round(WINDOW_SECONDS * corpus.header.sample_rate_hz)

    def face(recogniser: Recogniser, some: Tensor) -> Tensor:
        return recogniser.embed_faces(corpus.faces(rows.clip[some], rows.frame[some]))

    def voice(recogniser: Recogniser, some: Tensor) -> Tensor:
        speech = corpus.speech(rows.clip[some], rows.start_samples[some], length)
        return recogniser.embed_speech(speech, corpus.header.sample_rate_hz)

    for name, recogniser in recognisers.items():
        for what, embed in (("face", face), ("voice", voice)):
            if _READS[what] not in recogniser.embeds or (what == "voice" and not hears):
                continue
            features = _features(corpus, name, what, recogniser, embed, len(rows), cache, observer)
            unseen = np.asarray(np.isnan(features).any(axis=1), np.bool_)
            standing = compare_identities(features, rows.person, rows.video)
            if unseen.mean() > MOST_UNSEEN:
                lost = f"{unseen.sum():,} of {len(rows):,} rows"
                observer.warn(f"{name} finds no {what} in {lost}, about which it can say nothing")
            yield FeatureReview(name, what, standing, unseen, features)


def _features(
    corpus: Corpus, name: str, what: str, recogniser: Recogniser, embed: Callable[[Recogniser, Tensor], Tensor],
    num_rows: int, cache: Path | None, observer: Observer,
) -> NDArray[np.float64]:  # fmt: skip
    said = " ".join([recogniser.fingerprint(), what, *(shard.sha256 for shard in corpus.header.shards)])
    path = cache / f"review-{hashlib.sha256(said.encode()).hexdigest()[:24]}.safetensors" if cache else None
    cached = load_cached(path)
    if cached is not None:
        return cached["features"].double().numpy()
    parts = []
    observer.start(f"{name}: {what}s", num_rows)
    for some in torch.arange(num_rows).split(_CHUNK_ROWS):
        parts.append(embed(recogniser, some).float().cpu())
        observer.advance(int(some[-1]) + 1)
    observer.finish()
    features = torch.cat(parts)
    save_cached(path, {"features": features})
    return features.double().numpy()


def _starts(corpus: Corpus, clip: Tensor) -> Tensor:
    """Where the speech around each face begins; that of a face whose moment is unknown is its track's."""
    index = corpus.index
    if "speech" not in corpus.header.columns:
        return torch.full_like(clip, -1)
    length = round(WINDOW_SECONDS * corpus.header.sample_rate_hz)
    last = (index.track_offsets.diff()[index.track[clip]] - length).clamp(min=0)
    return (index.frame_time_samples - length // 2).clamp(min=0).minimum(last)
