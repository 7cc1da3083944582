"""Run report as one HTML file that contains its pictures and loads no other files."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, features

from facegen.core.html_pages import render_page
from facegen.core.readable_files import read_bytes, real_path
from facegen.data.media.generated_media import stored_xmp
from facegen.evaluation.render.tables import figure_table
from facegen.evaluation.report import Picture, Report, number
from facegen.evaluation.run_report import RunReport
from facegen.evaluation.verdicts.questions import QUESTIONS, figure_keys

PACKAGE = "facegen.evaluation.render"
GRID = "voices_and_noises"
_GRID_CAPTION = "People in rows: the true face, then faces generated from the person's condition, one noise per column."
_MEDIA = {".png": "image/png", ".webp": "image/webp", ".svg": "image/svg+xml"}
_QUALITY = 88


@dataclass(frozen=True)
class Section:
    """Section of the page; its key is the anchor, and selects the template of the body."""

    key: str
    heading: str
    body: Any = None


@dataclass(frozen=True)
class ShownPicture:
    """Picture as a data URI, with its caption."""

    name: str
    caption: str
    source: str


@dataclass(frozen=True)
class ShownPictures:
    """Pictures of one evaluation: grids of faces, and plots."""

    name: str
    grids: Sequence[ShownPicture]
    plots: Sequence[ShownPicture]


def to_html(report: RunReport) -> str:
    """Render the page."""
    values = {"report": report, "sections": list(_sections(report)), "number": number}
    return render_page(PACKAGE, "report.html.j2", values)


def _sections(report: RunReport) -> Iterator[Section]:
    """Yield the sections that have content."""
    if report.verdicts:
        yield Section("words", "Verdicts")
    yield Section("measured", "What was measured")
    if report.gaps:
        yield Section("generalisation", "Known and unseen")
    for question, keys in figure_keys(report.reports).items():
        if keys:
            yield Section(question, QUESTIONS[question], figure_table(keys, report.reports))
    pictures = [_pictures(report.folder, evaluation) for evaluation in report.reports]
    shown = [of_report for of_report in pictures if of_report.grids or of_report.plots]
    if shown:
        yield Section("pictures", "Pictures", shown)
    curves = _shown(report.folder, report.curves)
    if curves:
        yield Section("training", "Training", curves)


def _pictures(folder: Path, evaluation: Report) -> ShownPictures:
    pictures = list(evaluation.pictures)
    if evaluation.picture is not None:
        pictures.insert(0, Picture(GRID, _GRID_CAPTION, evaluation.picture.name))
    plots = [picture for picture in pictures if picture.file.endswith(".svg")]
    grids = [picture for picture in pictures if picture not in plots]
    return ShownPictures(evaluation.name, _shown(folder, grids), _shown(folder, plots))


def _shown(folder: Path, pictures: Sequence[Picture]) -> list[ShownPicture]:
    """Return the pictures that exist in the folder."""
    sources = [(picture, data_uri(folder, picture.file)) for picture in pictures]
    return [ShownPicture(p.name.replace("_", " "), p.caption, source) for p, source in sources if source]


def data_uri(folder: Path, file: str) -> str:
    """Encode a picture of the folder as a data URI; "" if it does not exist, or lies outside the folder."""
    path = folder / file
    media = _MEDIA.get(path.suffix.lower())
    if media is None or not real_path(path).is_relative_to(real_path(folder)) or not path.is_file():
        return ""
    content = read_bytes(path)
    if media == "image/png" and features.check("webp"):
        content, media = _smaller(content, media)
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"


def _smaller(content: bytes, media: str) -> tuple[bytes, str]:
    """Convert a PNG to WebP if that is smaller."""
    webp = io.BytesIO()
    with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
        xmp = stored_xmp(picture)
        picture.convert("RGB").save(webp, format="WEBP", quality=_QUALITY, method=4, xmp=xmp)
    return (webp.getvalue(), "image/webp") if webp.tell() < len(content) else (content, media)
