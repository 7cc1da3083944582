"""Review list as one HTML file without external resources: each listed face beside typical faces of its person."""

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from facegen.collect.review.review import Finding, Review
from facegen.collect.review.review_list import COLUMNS, FILE_NAME, clip_source, face_seconds, review_table, write_output
from facegen.core.html_pages import render_page, template_text
from facegen.core.text.json_text import json_text

PACKAGE = "facegen.collect"
PAGE_NAME = "review.html"
NUM_TYPICAL = 8
NUM_LIKE = 3
MAX_FACES = 600
"""Largest number of listed faces on the page, so that a browser can show it; the list has all."""
_PIXELS = 112
_QUALITY = 85


def write_page(review: Review, path: Path) -> None:
    """Write the page atomically.

    Raises:
        DataError: the file cannot be written.
    """
    write_output(path, to_html(review).encode())


@dataclass(frozen=True)
class ShownFace:
    """Image of a face as a data URI."""

    alt: str
    source: str


@dataclass(frozen=True)
class Card:
    """Listed face, its reasons, and faces to compare it with.

    Attributes:
        place: number of its row in the list.
        picture: the face.
        score: its z, or "duplicate".
        reasons: sentences.
        others, others_label: duplicated face or faces of the nearer person, and their label.
        source, moment: source, and place in the corpus and in its speech.
    """

    place: int
    picture: ShownFace
    score: str
    reasons: Sequence[str]
    others: Sequence[ShownFace]
    others_label: str
    source: str
    moment: str


@dataclass(frozen=True)
class Person:
    """Person of the corpus, with typical faces and listed faces."""

    name: str
    about: str
    typical: Sequence[ShownFace]
    cards: Sequence[Card]


def to_html(review: Review) -> str:
    """Render the page."""
    shown = review.findings[:MAX_FACES]
    places = {finding.row: place for place, finding in enumerate(review.findings)}
    by_person: dict[int, list[Finding]] = {}
    for finding in shown:
        by_person.setdefault(int(review.rows.person[finding.row]), []).append(finding)
    for person in review.uneven:
        by_person.setdefault(person, [])
    folder, script = review.corpus.folder.name, template_text(PACKAGE, "review.js")
    table = json_text([list(COLUMNS), *review_table(review)], ensure_ascii=False)
    values = {
        "title": f"{folder}: faces to look at",
        "folder": folder,
        "list_name": FILE_NAME,
        "counts": _counts(review, len(shown)),
        "method": review.method,
        "people": [_person(review, person, findings, places) for person, findings in by_person.items()],
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "table": table.replace("<", "\\u003c"),  # the end of a script element must not stand in it
    }
    return render_page(PACKAGE, "review.html.j2", values)


def _counts(review: Review, shown: int) -> str:
    suspicious = sum(finding.score > 0 for finding in review.findings)
    text = (
        f"{suspicious:,} of {len(review.rows):,} faces do not fit their person, "
        f"{len(review.findings) - suspicious:,} more are duplicates."
    )
    if review.unjudged:
        text += f" {review.unjudged:,} are not compared: their person has too few others."
    if shown < len(review.findings):
        text += f" The {shown:,} highest scores are shown; {FILE_NAME} has all."
    return f"{text} Tick the faces to drop, and save the list."


def _person(review: Review, person: int, findings: list[Finding], places: dict[int, int]) -> Person:
    rows = np.flatnonzero(review.rows.person == person)
    videos = len(np.unique(review.rows.video[rows]))
    about = f"{len(rows):,} faces of {videos:,} {'source' if videos == 1 else 'sources'}"
    if videos == 1:
        about += "; with a single source, the face that most of it shows is taken for the person"
    if person in review.uneven:
        about += (
            f"; their mutual distances are unusually large (robust z {review.uneven[person]:.1f}), so two people may "
            f"be mixed: check all of them"
        )
    return Person(
        review.corpus.header.identities[person],
        about,
        [_face(review, row) for row in _typical(review, person, NUM_TYPICAL)],
        [_card(review, finding, places[finding.row]) for finding in findings],
    )


def _card(review: Review, finding: Finding, place: int) -> Card:
    corpus, row = review.corpus, finding.row
    clip, frame = int(review.rows.clip[row]), int(review.rows.frame[row])
    moment = face_seconds(corpus, row)
    where = f"clip {clip}, face {frame}" + (f", {moment} s into its speech" if moment else "")
    compared: Sequence[int] = ()
    label = ""
    if finding.earlier is not None:
        compared, label = [finding.earlier], "duplicate of"
    elif finding.like is not None:
        compared, label = _typical(review, finding.like, NUM_LIKE), corpus.header.identities[finding.like]
    score = f"z {finding.score:.1f}" if finding.score else "duplicate"
    others = [_face(review, other) for other in compared]
    source = clip_source(corpus, clip)
    return Card(place, _face(review, row), score, finding.why, others, label, source, where)


def _typical(review: Review, person: int, num: int) -> list[int]:
    """Choose the faces of a person that are nearest to the rest, from as many videos as possible."""
    rows = np.flatnonzero(review.rows.person == person)
    distances = [faces.scores.distance for faces in review.feature_reviews if faces.modality == "face"]
    distance = distances[0][rows] if distances else np.zeros(len(rows))
    by_distance: list[int] = rows[np.argsort(np.nan_to_num(distance, nan=np.inf), kind="stable")].tolist()
    listed = {finding.row for finding in review.findings}
    ordered = [row for row in by_distance if row not in listed] or by_distance
    first_of_video: dict[int, int] = {}
    for row in ordered:
        first_of_video.setdefault(int(review.rows.video[row]), row)
    chosen = list(first_of_video.values())[:num]
    return chosen + [row for row in ordered if row not in set(chosen)][: num - len(chosen)]


def _face(review: Review, row: int) -> ShownFace:
    face = review.corpus.faces(review.rows.clip[row : row + 1], review.rows.frame[row : row + 1])[0].numpy()
    picture = Image.fromarray(face)
    if picture.width > _PIXELS:
        picture = picture.resize((_PIXELS, _PIXELS), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, format="JPEG", quality=_QUALITY)
    data = base64.b64encode(content.getvalue()).decode()
    return ShownFace(f"clip {int(review.rows.clip[row])}", f"data:image/jpeg;base64,{data}")
