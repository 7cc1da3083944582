"""Looks through a packed corpus for faces and voices that do not belong to their person, and for repetitions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from facegen.collect.review.features import MOST_UNSEEN, FeatureReview, Rows, review_features
from facegen.collect.review.outliers import THRESHOLD, robust_z
from facegen.collect.review.plain_features import PLAIN
from facegen.collect.review.repetitions import Repetition, Repetitions
from facegen.core.interfaces import Recogniser
from facegen.core.progress import Observer
from facegen.data.corpus.reader import Corpus
from facegen.data.importers.clip_files import digest

LEAST_PEOPLE = 5
"""So many are needed to say whose faces agree unusually little."""
_CHUNK_ROWS = 16


@dataclass(frozen=True)
class Finding:
    """One row to look at.

    Attributes:
        row: number of the face in the corpus.
        why: what speaks against it, a sentence each, the strongest first.
        score: how strongly: the highest of its robust z.
        distance, typical: to the rest of its person, and what is usual for that person; None for repetitions alone.
        like: the person whom it is nearer to; None where it is nobody.
        earlier: the row that it repeats; None where it repeats none.
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
    """What was found.

    Attributes:
        corpus: that was looked through.
        rows: its faces.
        opinions: of each recogniser.
        findings: the rows to look at, the most suspicious first, repetitions last.
        uneven: {person: robust z} of people whose faces agree unusually little, so that two of them may be mixed.
        unjudged: how many rows have too few others of their person to be compared with.
        threshold: above which a row is listed.
    """

    corpus: Corpus
    rows: Rows
    opinions: tuple[FeatureReview, ...]
    findings: tuple[Finding, ...]
    uneven: Mapping[int, float]
    unjudged: int
    threshold: float

    @property
    def words(self) -> str:
        """How it was looked for."""
        compared = [f"{opinion.what}s by {opinion.name} features" for opinion in self.opinions]
        weak = "; plain features are weak, and miss many" if any(o.name == PLAIN for o in self.opinions) else ""
        return f"{' and '.join(compared)}, listed above z = {self.threshold:g}{weak}"

    def counts(self) -> dict[int, tuple[int, int, int]]:
        """{person: (faces, those that do not fit, those that only repeat another one)}."""
        counts = {person: [int(number), 0, 0] for person, number in enumerate(np.bincount(self.rows.person))}
        for finding in self.findings:
            counts[int(self.rows.person[finding.row])][1 if finding.score > 0 else 2] += 1
        return {person: (faces, fit, repeated) for person, (faces, fit, repeated) in counts.items()}


def review(
    corpus: Corpus,
    recognisers: Mapping[str, Recogniser],
    *,
    threshold: float = THRESHOLD,
    cache: Path | None = None,
    observer: Observer | None = None,
) -> Review:
    """Look through a corpus.

    Args:
        corpus: any packed one.
        recognisers: {name: recogniser} whose features are compared.
        threshold: robust standard deviations above which a row is listed.
        cache: a folder for features, which may be dear to compute; safetensors, keyed by hashes.
        observer: told how far it is.
    Raises:
        DataError: the corpus, or a recogniser, does not serve.
    """
    observer = observer or Observer()
    rows = Rows.of(corpus)
    opinions = tuple(review_features(corpus, rows, recognisers, cache, observer))
    repetitions = _repetitions(corpus, rows, observer)
    reasons: dict[int, list[tuple[float, str]]] = {}
    for opinion in opinions:
        _add_reasons(reasons, opinion, corpus, threshold)
    findings = [_finding(row, said, opinions, threshold) for row, said in reasons.items()]
    findings.sort(key=lambda finding: (-finding.score, finding.row))
    listed = {finding.row: place for place, finding in enumerate(findings)}
    for repetition in repetitions:
        why = _why_repeated(corpus, rows, repetition)
        if repetition.row in listed:
            there = findings[listed[repetition.row]]
            findings[listed[repetition.row]] = replace(there, why=(*there.why, why), earlier=repetition.earlier)
        else:
            listed[repetition.row] = len(findings)
            findings.append(Finding(repetition.row, (why,), 0.0, None, None, None, repetition.earlier))
    judged = [np.isfinite(opinion.standing.distance) | opinion.unseen for opinion in opinions]
    unjudged = int((~np.stack(judged).any(0)).sum()) if judged else len(rows)
    return Review(corpus, rows, opinions, tuple(findings), _uneven(opinions, rows, threshold), unjudged, threshold)


def _add_reasons(
    reasons: dict[int, list[tuple[float, str]]], opinion: FeatureReview, corpus: Corpus, threshold: float
) -> None:
    standing, what = opinion.standing, opinion.what
    who = corpus.header.identities
    for row in np.flatnonzero(standing.is_others(threshold)).tolist():
        name = who[int(standing.nearest[row])]
        verb = {"face": "looks more like", "voice": "sounds more like"}[what]
        reasons.setdefault(row, []).append((float(standing.nearer_z[row]), f"{verb} {name} ({opinion.name})"))
    for row in np.flatnonzero(standing.is_far(threshold)).tolist():
        text = (
            f"{what} far from the rest: {standing.distance[row]:.2f}, usually {standing.typical[row]:.2f} "
            f"({opinion.name})"
        )
        reasons.setdefault(row, []).append((float(standing.z[row]), text))
    # A moment without a voice may be a pause; a picture without a face is none of its person.
    if what == "face" and 0 < opinion.unseen.mean() <= MOST_UNSEEN:
        for row in np.flatnonzero(opinion.unseen).tolist():
            reasons.setdefault(row, []).append((threshold, f"no {what} is found in it ({opinion.name})"))


def _finding(
    row: int, reasons: list[tuple[float, str]], opinions: tuple[FeatureReview, ...], threshold: float
) -> Finding:
    ordered = sorted(reasons, key=lambda reason: -reason[0])
    far = max(opinions, key=lambda opinion: float(np.nan_to_num(opinion.standing.z[row], nan=-np.inf)))
    like = next((int(o.standing.nearest[row]) for o in opinions if o.standing.is_others(threshold)[row]), None)
    distance, typical = float(far.standing.distance[row]), float(far.standing.typical[row])
    known = np.isfinite(distance)
    return Finding(
        row, tuple(text for _, text in ordered), min(ordered[0][0], 1e6), distance if known else None,
        typical if known else None, like, None,
    )  # fmt: skip


def _why_repeated(corpus: Corpus, rows: Rows, repetition: Repetition) -> str:
    name = corpus.header.identities[int(rows.person[repetition.earlier])]
    clip, frame = int(rows.clip[repetition.earlier]), int(rows.frame[repetition.earlier])
    return f"{repetition.kind} as clip {clip}, face {frame}, of {name}"


def _repetitions(corpus: Corpus, rows: Rows, observer: Observer) -> list[Repetition]:
    seen = Repetitions()
    found: list[Repetition] = []
    heard: set[tuple[int, int]] = set()
    observer.start("compare pictures and sound", len(rows))
    for some in torch.arange(len(rows)).split(_CHUNK_ROWS):
        for row, face in zip(some.tolist(), corpus.faces(rows.clip[some], rows.frame[some]).numpy(), strict=True):
            person = int(rows.person[row])
            found += seen.of_face(row, face, person, int(rows.video[row]))
            track = int(corpus.index.track[rows.clip[row]])
            # Clips of one person that share a track are one recording; the same track of two people is a mistake.
            if track >= 0 and (track, person) not in heard:
                heard.add((track, person))
                found += seen.of_speech(row, _digest_of_track(corpus, row, rows, track))
        observer.advance(int(some[-1]) + 1)
    observer.finish()
    return found


def _digest_of_track(corpus: Corpus, row: int, rows: Rows, track: int) -> bytes:
    length = int(corpus.index.track_offsets[track + 1] - corpus.index.track_offsets[track])
    return digest(corpus.speech(rows.clip[row : row + 1], torch.tensor([0]), length).numpy())


def _uneven(opinions: tuple[FeatureReview, ...], rows: Rows, threshold: float) -> dict[int, float]:
    found: dict[int, float] = {}
    for opinion in opinions:
        people = np.unique(rows.person)
        if opinion.what != "face" or len(people) < LEAST_PEOPLE:
            continue
        typical = np.array([opinion.standing.typical[rows.person == each][0] for each in people])
        for person, z in zip(people.tolist(), robust_z(typical).tolist(), strict=True):
            if z > threshold:
                found[person] = max(z, found.get(person, 0.0))
    return found
