"""The page: everything inside, nothing from outside, and data stays data."""

import base64
import io
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from reports import report, share

from facegen.core.evidence import Figure
from facegen.evaluation.dossier import Dossier
from facegen.evaluation.generalisation import find_gaps
from facegen.evaluation.page import data_uri, to_html
from facegen.evaluation.page_tables import bar, figures_table
from facegen.evaluation.report import Picture
from facegen.evaluation.verdicts import Verdict
from facegen.evaluation.write_dossier import to_markdown

NASTY = '<script>alert("1")</script> & "quotes" | [x](y)'
VOID = {"meta", "img", "br", "line", "circle"}


class Checked(HTMLParser):
    """Elements that close in the order in which they opened, and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(html: str) -> Checked:
    found = Checked()
    found.feed(html)
    assert found.open == []
    return found


def dossier(folder: Path) -> Dossier:
    """Two splits, names and notes that would break a page, and a picture."""
    evaluation = folder / "evaluation"
    evaluation.mkdir()
    Image.effect_noise((40, 30), 90).convert("RGB").save(evaluation / "train.png")
    (evaluation / "plot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>plot</text></svg>')
    figures = {
        "matching": [share("V-F 10-way, real", 0.6), share("V-F 10-way, generated", 0.5)],
        "theirs": [Figure(NASTY, 1.5, note=NASTY), Figure("absent", math.nan, note="not available: why")],
    }
    known = report(
        folder, "train", figures, run=NASTY, judge=NASTY, corpus=NASTY, picture=evaluation / "train.png",
        pictures=(Picture("distances", NASTY, "plot.svg"), Picture("stolen", "x", "../secret.png")),
    )  # fmt: skip
    unseen = report(folder, "heldout_people", {"matching": [share("V-F 10-way, generated", 0.2)]})
    return Dossier(
        run=NASTY, recipe=NASTY, facegen="1", folder=evaluation, reports=[known, unseen],
        gaps=find_gaps([known, unseen]), verdicts={"train": [Verdict("collapse", "bad", NASTY)]},
        curves=[Picture("01", NASTY, "plot.svg")], notes=[NASTY],
    )  # fmt: skip


def test_data_stays_data_and_nothing_comes_from_outside(tmp_path: Path) -> None:
    html = to_html(dossier(tmp_path))
    page = checked(html)
    assert "<script" not in html
    assert page.text.count(NASTY) >= 8
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            said = attributes.get(name)
            assert said is None or said.startswith("data:image/" if tag == "img" else "#"), said
    assert not re.search(r"url\(|@import|https?:", html)
    policy = [a.get("content") for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags


def test_every_link_has_its_section(tmp_path: Path) -> None:
    page = checked(to_html(dossier(tmp_path)))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    ids = [f"#{attributes['id']}" for tag, attributes in page.tags if tag == "section"]
    assert links == ids
    assert ids == ["#measured", "#words", "#generalisation", "#belonging", "#other", "#pictures", "#training"]


def test_pictures_are_inside_and_none_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    page = checked(to_html(dossier(tmp_path)))
    sources = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    assert len(sources) == 3  # the grid, the plot, the curve; not the one from above
    kind, content = sources[0].split(";base64,")
    assert kind == "data:image/webp"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert (picture.format, picture.size) == ("WEBP", (40, 30))
    assert sources[1].startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize("file", ["../secret.png", "/etc/hostname", "gone.png", "text.txt", ""])
def test_files_that_are_no_pictures_of_the_folder(file: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "in" / "text.txt").write_text("text")
    assert data_uri(tmp_path / "in", file) == ""


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "secret.png")
    assert data_uri(tmp_path / "in", "link.png") == ""


def test_a_bar_stands_where_its_numbers_are() -> None:
    drawn = bar(Figure("share", 0.5, 0.25, 1.0, 0.0), 0.0)
    assert 'cx="56.0"' in drawn
    assert 'x1="29.5" y1="6.0" x2="109.0"' in drawn
    assert 'class="chance" x1="3.0"' in drawn
    assert 'cx="82.5"' in bar(Figure("correlation", 0.5, 0.4, 0.6), -1.0)
    assert bar(Figure("distance", 8.6, 8.0, 9.0), 0.0) == ""
    assert bar(Figure("alone", 0.5), 0.0) == ""


def test_one_row_has_one_axis() -> None:
    figures = [Figure("r", 0.5, 0.4, 0.6), Figure("r", 0.0, -0.1, 0.1)]
    reports = [report(Path(), name, {"m": [figure]}) for name, figure in zip(("train", "x"), figures, strict=True)]
    assert figures_table(["r"], reports).count("axis from -1 to 1") == 2


def test_notes_stand_once_where_they_are_the_same() -> None:
    reports = [report(Path(), name, {"m": [Figure("f", 2.0, note="of all")]}) for name in ("train", "heldout_people")]
    assert figures_table(["f"], reports).count("of all") == 1
    other = report(Path(), "heldout_people", {"m": [Figure("f", 2.0, note="of some")]})
    assert figures_table(["f"], [reports[0], other]).count("of all") == 1
    assert "of some" in figures_table(["f"], [reports[0], other])


def test_what_is_not_available_stands_below_with_its_reason(tmp_path: Path) -> None:
    page = checked(to_html(dossier(tmp_path)))
    assert "1 not available" in page.text
    assert "absent: not available: why" in page.text


def test_gaps_that_are_told_are_bold(tmp_path: Path) -> None:
    shown = dossier(tmp_path)
    assert '<span class="told">0.300' in to_html(shown)
    untold = replace(shown, gaps=[replace(shown.gaps[0], low=-0.1)])
    assert 'class="told"' not in to_html(untold)
    assert 'id="generalisation"' not in to_html(replace(shown, gaps=[]))


def test_markdown_says_the_same(tmp_path: Path) -> None:
    lines = to_markdown(dossier(tmp_path)).splitlines()
    assert "| V-F 10-way, generated | train less heldout_people | 0.500 | 0.200 | 0.300 | 0.229 to 0.371 |" in lines
    assert "| V-F 10-way, generated | heldout_people | 0.200 | 0.150 to 0.250 | 0.100 |  |" in lines
    assert f"- **collapse** (bad): {NASTY}" in lines
    assert "![train: voices_and_noises](train.png)" in lines
    table = [line for line in lines if line.startswith("| <script>")]
    assert table and all(line.count("|") == 7 for line in table)
