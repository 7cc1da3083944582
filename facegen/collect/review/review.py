"""Review of a packed corpus: faces and voices that do not fit their person, and duplicates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from facegen.collect.review.duplicates import Duplicate, DuplicateIndex
from facegen.collect.review.features import MAX_UNDETECTED_SHARE, FeatureReview, Rows, review_features
from facegen.collect.review.hog_pitch import HOG_PITCH
from facegen.collect.review.outliers import THRESHOLD, robust_z
from facegen.core.errors import DataError
from facegen.core.interfaces import Recogniser
from facegen.core.progress import Observer
from facegen.data.corpus.reader import Corpus
from facegen.data.importers.clip_files import digest

MIN_PEOPLE = 5
"""Least number of people for comparing how much the faces of each vary."""
_CHUNK_ROWS = 16

Reasons = dict[int, list[tuple[float, str]]]
"""{row: (robust z, sentence) of each reason}."""


@dataclass(frozen=True)
class Finding:
    """Row of the review list.

    Attributes:
        row: number of the face in the corpus.
        why: reasons, one sentence each, by decreasing score.
        score: highest robust z of the reasons; 0 for a duplicate that has no other reason.
        distance, typical: distance to the person's other faces, and the median for that person; None if not compared.
        like: number of the person that the row is nearer to; None if there is none.
        earlier: row that this row duplicates; None if it is not a duplicate.
    """

    row: int
    why: tuple[str, ...]
    score: float
    distance: float | None
    typical: float | None
    like: int | None
    earlier: int | None


@dataclass(frozen=True)
class Review:
    """Result of a review.

    Attributes:
        corpus: reviewed corpus.
        rows: table of its faces.
        feature_reviews: scores by each recogniser and modality.
        findings: listed rows by decreasing score; rows that are only duplicates come last.
        uneven: {person: robust z} of people whose faces vary unusually much, so that two people may be mixed.
        unjudged: number of rows that are not compared, because their person has too few others.
        threshold: robust z above which a row is listed.
    """

    corpus: Corpus
    rows: Rows
    feature_reviews: tuple[FeatureReview, ...]
    findings: tuple[Finding, ...]
    uneven: Mapping[int, float]
    unjudged: int
    threshold: float

    @property
    def method(self) -> str:
        """Description of the features and the threshold, for people."""
        compared = " and ".join(f"{scored.modality}s by {scored.name} features" for scored in self.feature_reviews)
        is_weak = any(scored.name == HOG_PITCH for scored in self.feature_reviews)
        weakness = f"; {HOG_PITCH} features are weak and miss many" if is_weak else ""
        return f"{compared}, listed above z = {self.threshold:g}{weakness}"

    def counts(self) -> dict[int, tuple[int, int, int]]:
        """Count {person: (faces, outliers, faces that are only duplicates)}."""
        counts = {person: [int(number), 0, 0] for person, number in enumerate(np.bincount(self.rows.person))}
        for finding in self.findings:
            counts[int(self.rows.person[finding.row])][1 if finding.score > 0 else 2] += 1
        return {person: (faces, outliers, duplicates) for person, (faces, outliers, duplicates) in counts.items()}


def review(
    corpus: Corpus,
    recognisers: Mapping[str, Recogniser],
    *,
    threshold: float = THRESHOLD,
    cache: Path | None = None,
    observer: Observer | None = None,
) -> Review:
    """Review a corpus.

    Args:
        corpus: any packed corpus.
        recognisers: {name: recogniser} whose features are compared.
        threshold: robust z above which a row is listed.
        cache: folder for computed features (safetensors, keyed by hashes); None caches nothing.
        observer: receives progress and warnings.
    Raises:
        DataError: the corpus or a recogniser cannot be used.
    """
    observer = observer or Observer()
    _refuse_readings(recognisers)
    rows = Rows.of(corpus)
    feature_reviews = tuple(review_features(corpus, rows, recognisers, cache, observer))
    duplicates = _find_duplicates(corpus, rows, observer)
    reasons: Reasons = {}
    for features in feature_reviews:
        _add_reasons(reasons, features, corpus, threshold)
    findings = [_finding(row, row_reasons, feature_reviews, threshold) for row, row_reasons in reasons.items()]
    findings.sort(key=lambda finding: (-finding.score, finding.row))
    places = {finding.row: place for place, finding in enumerate(findings)}
    for duplicate in duplicates:
        why = _describe_duplicate(corpus, rows, duplicate)
        if duplicate.row in places:
            outlier = findings[places[duplicate.row]]
            findings[places[duplicate.row]] = replace(outlier, why=(*outlier.why, why), earlier=duplicate.earlier)
        else:
            places[duplicate.row] = len(findings)
            findings.append(Finding(duplicate.row, (why,), 0.0, None, None, None, duplicate.earlier))
    compared = [np.isfinite(features.scores.distance) | features.undetected for features in feature_reviews]
    unjudged = int((~np.stack(compared).any(0)).sum()) if compared else len(rows)
    uneven = _uneven_people(feature_reviews, rows, threshold)
    return Review(corpus, rows, feature_reviews, tuple(findings), uneven, unjudged, threshold)


def _refuse_readings(recognisers: Mapping[str, Recogniser]) -> None:
    """Refuse recognisers whose columns are quantities of their own: angles between them mean nothing."""
    problems = [
        f"recogniser '{name}' reads {' and '.join(recogniser.readings)}, and has no features that can be compared; "
        f"choose one that has, such as dlib_faces"
        for name, recogniser in recognisers.items()
        if recogniser.readings
    ]
    if problems:
        raise DataError(*problems)


def _add_reasons(reasons: Reasons, features: FeatureReview, corpus: Corpus, threshold: float) -> None:
    scores, modality = features.scores, features.modality
    names = corpus.header.identities
    for row in np.flatnonzero(scores.is_nearer_to_other(threshold)).tolist():
        other = names[int(scores.nearest_other[row])]
        verb = {"face": "looks more like", "voice": "sounds more like"}[modality]
        reasons.setdefault(row, []).append((float(scores.margin_z[row]), f"{verb} {other} ({features.name})"))
    for row in np.flatnonzero(scores.is_far(threshold)).tolist():
        distances = f"{scores.distance[row]:.2f}, usually {scores.typical[row]:.2f}"
        text = f"{modality} far from the rest: {distances} ({features.name})"
        reasons.setdefault(row, []).append((float(scores.z[row]), text))
    # A window without a voice may be a pause, but an image without a face is always wrong.
    if modality == "face" and 0 < features.undetected.mean() <= MAX_UNDETECTED_SHARE:
        for row in np.flatnonzero(features.undetected).tolist():
            reasons.setdefault(row, []).append((threshold, f"no face is detected ({features.name})"))


def _finding(
    row: int, reasons: list[tuple[float, str]], feature_reviews: tuple[FeatureReview, ...], threshold: float
) -> Finding:
    ordered = sorted(reasons, key=lambda reason: -reason[0])
    all_scores = [features.scores for features in feature_reviews]
    farthest = max(all_scores, key=lambda scores: float(np.nan_to_num(scores.z[row], nan=-np.inf)))
    nearer = (int(s.nearest_other[row]) for s in all_scores if s.is_nearer_to_other(threshold)[row])
    distance, typical = float(farthest.distance[row]), float(farthest.typical[row])
    is_known = np.isfinite(distance)
    return Finding(
        row, tuple(text for _, text in ordered), min(ordered[0][0], 1e6), distance if is_known else None,
        typical if is_known else None, next(nearer, None), None,
    )  # fmt: skip


def _describe_duplicate(corpus: Corpus, rows: Rows, duplicate: Duplicate) -> str:
    name = corpus.header.identities[int(rows.person[duplicate.earlier])]
    clip, frame = int(rows.clip[duplicate.earlier]), int(rows.frame[duplicate.earlier])
    return f"{duplicate.kind} as clip {clip}, face {frame}, of {name}"


def _find_duplicates(corpus: Corpus, rows: Rows, observer: Observer) -> list[Duplicate]:
    index = DuplicateIndex()
    duplicates: list[Duplicate] = []
    added_tracks: set[tuple[int, int]] = set()
    observer.start("compare faces and sound", len(rows))
    for chunk in torch.arange(len(rows)).split(_CHUNK_ROWS):
        for row, face in zip(chunk.tolist(), corpus.faces(rows.clip[chunk], rows.frame[chunk]).numpy(), strict=True):
            person = int(rows.person[row])
            duplicates += index.add_face(row, face, person, int(rows.video[row]))
            track = int(corpus.index.track[rows.clip[row]])
            # Clips of one person that share a track are one recording; a track that two people share is a mistake.
            if track >= 0 and (track, person) not in added_tracks:
                added_tracks.add((track, person))
                duplicates += index.add_speech(row, _track_digest(corpus, row, rows, track))
        observer.advance(int(chunk[-1]) + 1)
    observer.finish()
    return duplicates


def _track_digest(corpus: Corpus, row: int, rows: Rows, track: int) -> bytes:
    length = int(corpus.index.track_offsets[track + 1] - corpus.index.track_offsets[track])
    return digest(corpus.speech(rows.clip[row : row + 1], torch.tensor([0]), length).numpy())


def _uneven_people(feature_reviews: tuple[FeatureReview, ...], rows: Rows, threshold: float) -> dict[int, float]:
    """Compute {person: robust z} of the typical face distances that are above the threshold."""
    uneven: dict[int, float] = {}
    people = np.unique(rows.person)
    for features in feature_reviews:
        if features.modality != "face" or len(people) < MIN_PEOPLE:
            continue
        typical = np.array([features.scores.typical[rows.person == person][0] for person in people])
        for person, z in zip(people.tolist(), robust_z(typical).tolist(), strict=True):
            if z > threshold:
                uneven[person] = max(z, uneven.get(person, 0.0))
    return uneven
