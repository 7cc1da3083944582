"""A dossier as one HTML file: pictures inside, nothing from outside. Names and notes are data, and escaped as such."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image, features

from facegen.evaluation.dossier import Dossier
from facegen.evaluation.page_style import STYLE
from facegen.evaluation.page_tables import figures_table, gaps_table
from facegen.evaluation.questions import QUESTIONS, figure_names
from facegen.evaluation.report import Picture, Report
from facegen.evaluation.verdicts import UNDECIDED

GRID = "voices_and_noises"
_MEDIA = {".png": "image/png", ".webp": "image/webp", ".svg": "image/svg+xml"}
_QUALITY = 88
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may load: nothing but what stands in the file."""
_HOW_TO_READ = (
    "Figures are what a judge said of real faces and of generated ones. Bars run from 0 to 1, or from -1 to 1: the dot "
    "is the value, the band its 95% interval (people are resampled, not clips), the dashed line what guessing would "
    "give. A judge has learnt from the training people, too: figures of real faces say how much it can tell at all. A "
    "generated face is one of many that fit; it is no portrait of anybody."
)


def to_html(dossier: Dossier) -> str:
    """The page."""
    title = f"{dossier.run}: evaluation"
    sections = {
        "measured": ("What was measured", _measured(dossier)),
        "words": ("In words", _words(dossier)),
        "generalisation": ("Known and unseen", _generalisation(dossier)),
    }
    for question, names in figure_names(dossier.reports).items():
        if names:
            sections[question] = (QUESTIONS[question], figures_table(names, dossier.reports))
    sections["pictures"] = ("Pictures", "".join(_pictures(dossier, report) for report in dossier.reports))
    sections["training"] = ("Training", _plots(dossier, dossier.curves))
    shown = {key: (head, body) for key, (head, body) in sections.items() if body}
    links = "".join(f'<a href="#{key}">{escape(head)}</a>' for key, (head, _) in shown.items())
    bodies = "".join(
        f'<section id="{key}"><h2>{escape(head)}</h2>{body}</section>' for key, (head, body) in shown.items()
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(dossier.run)}</h1>"
        f'<p class="soft">Recipe {escape(dossier.recipe)}, measured by facegen {escape(dossier.facegen)}</p>'
        f"<nav>{links}</nav><p>{escape(_HOW_TO_READ)}</p>\n{bodies}\n"
        f"<footer><small>The same as JSON and as Markdown stand beside this file.</small></footer></body></html>\n"
    )


def _measured(dossier: Dossier) -> str:
    rows = []
    for report in dossier.reports:
        step = "matching only" if report.step is None else f"step {report.step}"
        faces = f"{report.num_noises} faces each" if report.num_noises else "no faces drawn"
        cells = (
            f"{escape(report.name)}<small>{escape(report.people)}</small>",
            f"{report.num_clips} clips of {report.num_people} people<small>{faces}, {step}</small>",
            escape(report.corpus),
            escape(report.judge),
        )
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    notes = "".join(f"<p>{escape(note)}.</p>" for note in dossier.notes)
    head = "<tr><th>split</th><th>rows</th><th>corpus</th><th>judge</th></tr>"
    return f'<div class="wide"><table>{head}{"".join(rows)}</table></div>{notes}'


def _words(dossier: Dossier) -> str:
    parts = []
    for split, found in dossier.verdicts.items():
        items = []
        for verdict in found:
            undecided = verdict.kind == UNDECIDED
            shade, said = (UNDECIDED, "") if undecided else (verdict.severity, f"{verdict.severity}: ")
            name = f"<b>{escape(said + verdict.kind)}</b>"
            items.append(f'<li class="{escape(shade)}">{name} {escape(verdict.sentence)}</li>')
        parts.append(f'<h3>{escape(split)}</h3><ul class="verdicts">{"".join(items)}</ul>')
    return "".join(parts)


def _generalisation(dossier: Dossier) -> str:
    if not dossier.gaps:
        return ""
    said = (
        "What is lost from people and clips of the training split to those that were held out. The judge learnt from "
        "the training split, too, so that real faces have a gap of their own: what generated faces lose beyond it is "
        "the run's. Gaps whose interval leaves out 0 are bold; intervals take both splits for independent."
    )
    return f"<p>{escape(said)}</p>{gaps_table(dossier.gaps)}"


def _pictures(dossier: Dossier, report: Report) -> str:
    pictures = list(report.pictures)
    if report.picture is not None:
        caption = "Rows of people: the true face first, then faces drawn of each under the same noises."
        pictures.insert(0, Picture(GRID, caption, report.picture.name))
    plots = [picture for picture in pictures if picture.file.endswith(".svg")]
    grids = "".join(_grid(dossier, picture) for picture in pictures if picture not in plots)
    body = grids + _plots(dossier, plots)
    return f"<h3>{escape(report.name)}</h3>{body}" if body else ""


def _grid(dossier: Dossier, picture: Picture) -> str:
    source = data_uri(dossier.folder, picture.file)
    if not source:
        return ""
    text = escape(picture.caption)
    image = f'<img src="{source}" alt="{escape(picture.name.replace("_", " "))}">'
    return f'<figure><div class="wide">{image}</div><figcaption>{text}</figcaption></figure>'


def _plots(dossier: Dossier, pictures: Sequence[Picture]) -> str:
    figures = []
    for picture in pictures:
        source = data_uri(dossier.folder, picture.file)
        if source:
            text = escape(picture.caption)
            figures.append(f'<figure><img src="{source}" alt="{text}"><figcaption>{text}</figcaption></figure>')
    return f'<div class="plots">{"".join(figures)}</div>' if figures else ""


def data_uri(folder: Path, file: str) -> str:
    """A picture of the folder as it stands in a page; "" where there is none, or it lies elsewhere."""
    path = folder / file
    media = _MEDIA.get(path.suffix.lower())
    if media is None or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        return ""
    content = path.read_bytes()
    if media == "image/png" and features.check("webp"):
        content, media = _smaller(content, media)
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"


def _smaller(content: bytes, media: str) -> tuple[bytes, str]:
    """As WebP, where that is smaller."""
    packed = io.BytesIO()
    with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
        picture.convert("RGB").save(packed, format="WEBP", quality=_QUALITY, method=4)
    return (packed.getvalue(), "image/webp") if packed.tell() < len(content) else (content, media)
