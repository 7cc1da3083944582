"""The review list as one HTML file: each suspicious face beside typical ones of its person; nothing from outside."""

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from facegen.collect.review.review import Finding, Review
from facegen.collect.review.review_list import COLUMNS, FILE_NAME, seconds_of, source_of, table_of, write_whole
from facegen.collect.review.style import SCRIPT, STYLE

PAGE_NAME = "review.html"
NUM_TYPICAL = 8
NUM_LIKE = 3
MOST_FACES = 600
"""On the page, so that a browser can show it; the table holds all."""
_HOW_TO_READ = (
    "z is how far a face is from the rest of its person, in robust standard deviations of this corpus; other rooms, "
    "lights and ages of one person stand on the list, too, so look before you tick."
)
_PIXELS = 112
_QUALITY = 85


def write_page(review: Review, path: Path) -> None:
    """Write the page; a reader sees the old one or the new one.

    Raises:
        DataError: it cannot be written.
    """
    write_whole(path, to_html(review).encode())


def to_html(review: Review) -> str:
    """The page."""
    corpus = review.corpus
    title = f"{corpus.folder.name}: faces to look at"
    shown = review.findings[:MOST_FACES]
    places = {finding.row: place for place, finding in enumerate(review.findings)}
    by_person: dict[int, list[Finding]] = {}
    for finding in shown:
        by_person.setdefault(int(review.rows.person[finding.row]), []).append(finding)
    for person in review.uneven:
        by_person.setdefault(person, [])
    sections = "".join(_person(review, person, found, places) for person, found in by_person.items())
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{_hash(SCRIPT)}'"
    table = json.dumps([list(COLUMNS), *table_of(review)], ensure_ascii=False).replace("<", "\\u003c")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>"
        f"<p>{escape(_counts(review, len(shown)))}</p><p class=soft>{escape(review.words)}. {_HOW_TO_READ}</p>"
        f"<div class=bar><button id=save>Save the list</button><span id=count>nothing ticked</span>"
        f"<span class=soft>then: facegen drop {escape(corpus.folder.name)} {FILE_NAME}</span></div>\n{sections}"
        f'<script type="application/json" id="table">{table}</script><script>{SCRIPT}</script></body></html>\n'
    )


def _counts(review: Review, shown: int) -> str:
    suspicious = sum(finding.score > 0 for finding in review.findings)
    text = (
        f"{suspicious:,} of {len(review.rows):,} faces do not fit their person, "
        f"{len(review.findings) - suspicious:,} more repeat another one."
    )
    if review.unjudged:
        text += f" {review.unjudged:,} have too few others of their person to be compared with."
    if shown < len(review.findings):
        text += f" The {shown:,} most suspicious are shown; {FILE_NAME} has all."
    return f"{text} Tick what does not belong here, and save the list."


def _person(review: Review, person: int, findings: list[Finding], places: dict[int, int]) -> str:
    corpus = review.corpus
    name = corpus.header.identities[person]
    rows = np.flatnonzero(review.rows.person == person)
    videos = len(np.unique(review.rows.video[rows]))
    said = f"{len(rows):,} faces of {videos:,} {'source' if videos == 1 else 'sources'}"
    if videos == 1:
        said += "; with a single one, who is in the most of it is taken for the person"
    if person in review.uneven:
        said += (
            f"; they agree unusually little (robust z {review.uneven[person]:.1f}), so two people may be mixed: "
            f"look at all of them"
        )
    typical = "".join(_picture(review, row, "typical") for row in _typical(review, person, NUM_TYPICAL))
    cards = "".join(_card(review, finding, places[finding.row]) for finding in findings)
    return (
        f"<section><h2>{escape(name)}</h2><p class=soft>{escape(said)}</p>"
        f'<div class=person><div class="faces typical"><small>typical</small>{typical}</div>'
        f"<div class=cards>{cards}</div></div></section>\n"
    )


def _card(review: Review, finding: Finding, place: int) -> str:
    corpus, row = review.corpus, finding.row
    clip, frame = int(review.rows.clip[row]), int(review.rows.frame[row])
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in finding.why)
    moment = seconds_of(corpus, row)
    where = f"clip {clip}, face {frame}" + (f", {moment} s into its speech" if moment else "")
    beside: Sequence[int] = ()
    label = ""
    if finding.earlier is not None:
        beside, label = [finding.earlier], "repeats"
    elif finding.like is not None:
        beside, label = _typical(review, finding.like, NUM_LIKE), corpus.header.identities[finding.like]
    others = "".join(_picture(review, other, "other") for other in beside)
    others = f'<div class="faces like"><small>{escape(label)}</small>{others}</div>' if others else ""
    strength = f"z {finding.score:.1f}" if finding.score else "repetition"
    return (
        f'<label class=card><input type=checkbox value="{place}">{_picture(review, row, "suspect")}'
        f"<div class=said><b>{strength}</b><ul>{reasons}</ul>{others}"
        f"<small>{escape(source_of(corpus, clip))}<br>{escape(where)}</small></div></label>"
    )


def _typical(review: Review, person: int, num: int) -> list[int]:
    """Faces of a person that are nearest to the rest, of as many videos as can be."""
    rows = np.flatnonzero(review.rows.person == person)
    faces = [opinion.standing.distance for opinion in review.opinions if opinion.what == "face"]
    distance = faces[0][rows] if faces else np.zeros(len(rows))
    everyone: list[int] = rows[np.argsort(np.nan_to_num(distance, nan=np.inf), kind="stable")].tolist()
    listed = {finding.row for finding in review.findings}
    ordered = [row for row in everyone if row not in listed] or everyone
    first: dict[int, int] = {}
    for row in ordered:
        first.setdefault(int(review.rows.video[row]), row)
    chosen = list(first.values())[:num]
    return chosen + [row for row in ordered if row not in set(chosen)][: num - len(chosen)]


def _picture(review: Review, row: int, kind: str) -> str:
    face = review.corpus.faces(review.rows.clip[row : row + 1], review.rows.frame[row : row + 1])[0].numpy()
    picture = Image.fromarray(face)
    if picture.width > _PIXELS:
        picture = picture.resize((_PIXELS, _PIXELS), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, format="JPEG", quality=_QUALITY)
    data = base64.b64encode(content.getvalue()).decode()
    return f'<img class={kind} alt="clip {int(review.rows.clip[row])}" src="data:image/jpeg;base64,{data}">'


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
