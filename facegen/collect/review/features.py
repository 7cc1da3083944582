"""Features of all faces of a corpus, and of the speech around them, by recognisers."""

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
"""Duration of the speech window around a face that is embedded."""
MAX_UNDETECTED_SHARE = 0.2
"""If a recogniser detects nothing in a larger share of the rows than this, missing detections are not reported."""
_CHUNK_ROWS = 16
_READS = {"face": "faces", "voice": "speech"}


@dataclass(frozen=True)
class Rows:
    """Table of the faces of a corpus, int64.

    Attributes:
        clip, frame: (N,) numbers of clip and frame.
        person: (N,) number of the person in the corpus.
        video: (N,) number of the video or utterance, from 0.
        start_samples: (N,) start of the speech window in its track; -1 without speech.
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
        """Build the table of all faces, in the order of the index."""
        index = corpus.index
        lengths = index.frame_offsets.diff()
        clip = torch.arange(len(lengths)).repeat_interleave(lengths)
        frame = torch.arange(len(clip)) - index.frame_offsets[clip]
        video = torch.stack([index.identity, index.utterance]).unique(dim=1, return_inverse=True)[1][clip]
        return cls(clip, frame, index.identity[clip].numpy(), video.numpy(), _starts(corpus, clip))


@dataclass(frozen=True)
class FeatureReview:
    """Scores of all faces by one recogniser.

    Attributes:
        name: name of the recogniser.
        modality: "face" or "voice".
        scores: outlier scores.
        undetected: (N,) true if the recogniser detected no face or voice.
        features: (N, d) features; NaN if undetected.
    """

    name: str
    modality: str
    scores: OutlierScores
    undetected: NDArray[np.bool_]
    features: NDArray[np.float64]


def review_features(
    corpus: Corpus, rows: Rows, recognisers: Mapping[str, Recogniser], cache: Path | None, observer: Observer
) -> Iterator[FeatureReview]:
    """Compute features and outlier scores, one `FeatureReview` per recogniser and modality.

    Args:
        corpus, rows: corpus, and the table of its faces.
        recognisers: {name: recogniser}.
        cache: folder for computed features (safetensors, keyed by hashes); None caches nothing.
        observer: receives progress and warnings.
    """
    has_speech = "speech" in corpus.header.columns
    length = round(WINDOW_SECONDS * corpus.header.sample_rate_hz)

    def face(recogniser: Recogniser, chunk: Tensor) -> Tensor:
        return recogniser.embed_faces(corpus.faces(rows.clip[chunk], rows.frame[chunk]))

    def voice(recogniser: Recogniser, chunk: Tensor) -> Tensor:
        speech = corpus.speech(rows.clip[chunk], rows.start_samples[chunk], length)
        return recogniser.embed_speech(speech, corpus.header.sample_rate_hz)

    for name, recogniser in recognisers.items():
        for modality, embed in (("face", face), ("voice", voice)):
            if _READS[modality] not in recogniser.embeds or (modality == "voice" and not has_speech):
                continue
            features = _features(corpus, name, modality, recogniser, embed, len(rows), cache, observer)
            undetected = np.asarray(np.isnan(features).any(axis=1), np.bool_)
            scores = compare_identities(features, rows.person, rows.video)
            if undetected.mean() > MAX_UNDETECTED_SHARE:
                share = f"{undetected.sum():,} of {len(rows):,} rows"
                observer.warn(f"{name} detects no {modality} in {share}; these rows are not compared")
            yield FeatureReview(name, modality, scores, undetected, features)


def _features(
    corpus: Corpus, name: str, modality: str, recogniser: Recogniser, embed: Callable[[Recogniser, Tensor], Tensor],
    num_rows: int, cache: Path | None, observer: Observer,
) -> NDArray[np.float64]:  # fmt: skip
    key = " ".join([recogniser.fingerprint(), modality, *(shard.sha256 for shard in corpus.header.shards)])
    path = cache / f"review-{hashlib.sha256(key.encode()).hexdigest()[:24]}.safetensors" if cache else None
    cached = load_cached(path)
    if cached is not None:
        return cached["features"].double().numpy()
    parts = []
    observer.start(f"{name}: {modality}s", num_rows)
    for chunk in torch.arange(num_rows).split(_CHUNK_ROWS):
        parts.append(embed(recogniser, chunk).float().cpu())
        observer.advance(int(chunk[-1]) + 1)
    observer.finish()
    features = torch.cat(parts)
    save_cached(path, {"features": features})
    return features.double().numpy()


def _starts(corpus: Corpus, clip: Tensor) -> Tensor:
    """Compute the start of each face's speech window; the start of its track if the time of the face is unknown."""
    index = corpus.index
    if "speech" not in corpus.header.columns:
        return torch.full_like(clip, -1)
    length = round(WINDOW_SECONDS * corpus.header.sample_rate_hz)
    last = (index.track_offsets.diff()[index.track[clip]] - length).clamp(min=0)
    return (index.frame_time_samples - length // 2).clamp(min=0).minimum(last)
