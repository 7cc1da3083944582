"""The page: it loads nothing from elsewhere, and data never becomes markup."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from reports import report, share

from facegen.core.evidence import Figure
from facegen.data.media.generated_media import save_picture
from facegen.data.media.marking import Mark
from facegen.evaluation.render.html import data_uri, to_html
from facegen.evaluation.render.markdown import to_markdown
from facegen.evaluation.render.tables import bar_of, figure_table
from facegen.evaluation.report import Picture
from facegen.evaluation.run_report import RunReport
from facegen.evaluation.verdicts.generalisation import find_gaps
from facegen.evaluation.verdicts.verdict import Verdict

NASTY = '<script>alert("1")</script> & "quotes" | [x](y)'
LABEL = "V-F 10-way, generated"
VOID = {"meta", "img", "br", "line", "circle"}


class Checked(HTMLParser):
    """A parser that asserts that elements are nested, and keeps their attributes and text."""

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
    page = Checked()
    page.feed(html)
    assert page.open == []
    return page


def run_report(folder: Path) -> RunReport:
    """Return a report of two splits, with names and notes that would break a page, and a picture."""
    evaluation = folder / "evaluation"
    evaluation.mkdir()
    Image.effect_noise((40, 30), 90).convert("RGB").save(evaluation / "train.png")
    (evaluation / "plot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>plot</text></svg>')
    figures = {
        "matching": [share("matching.v2f.10.real", 0.6), share("matching.v2f.10.generated", 0.5, label=LABEL)],
        "theirs": [Figure("theirs.nasty", NASTY, 1.5, note=NASTY), Figure.missing("theirs.absent", "absent", "why")],
    }
    known = report(
        folder, "train", figures, run=NASTY, judge=NASTY, corpus=NASTY, picture=evaluation / "train.png",
        pictures=(Picture("distances", NASTY, "plot.svg"), Picture("stolen", "x", "../secret.png")),
    )  # fmt: skip
    unseen = report(folder, "heldout_people", {"matching": [share("matching.v2f.10.generated", 0.2, label=LABEL)]})
    return RunReport(
        run=NASTY, recipe=NASTY, facegen="1", folder=evaluation, reports=[known, unseen],
        gaps=find_gaps([known, unseen]), verdicts={"train": [Verdict("collapse", "bad", NASTY)]},
        curves=[Picture("01", NASTY, "plot.svg")], notes=[NASTY],
    )  # fmt: skip


def test_data_stays_data_and_nothing_comes_from_outside(tmp_path: Path) -> None:
    html = to_html(run_report(tmp_path))
    page = checked(html)
    assert "<script" not in html
    assert page.text.count(NASTY) >= 8
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            address = attributes.get(name)
            assert address is None or address.startswith("data:image/" if tag == "img" else "#"), address
    assert not re.search(r"url\(|@import|https?:", html)
    policy = [a.get("content") for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags


def test_every_link_has_its_section(tmp_path: Path) -> None:
    page = checked(to_html(run_report(tmp_path)))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    ids = [f"#{attributes['id']}" for tag, attributes in page.tags if tag == "section"]
    assert links == ids
    assert ids == ["#words", "#measured", "#generalisation", "#belonging", "#other", "#pictures", "#training"]


def test_a_smaller_copy_of_a_picture_keeps_its_mark(tmp_path: Path) -> None:
    noise = Image.effect_noise((60, 60), 90).convert("RGB")
    save_picture(noise, tmp_path / "face.png", Mark("a_run", 3))
    kind, content = data_uri(tmp_path, "face.png").split(";base64,")
    assert kind == "data:image/webp"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert b"digitalsourcetype/trainedAlgorithmicMedia" in picture.info["xmp"]


def test_pictures_are_inside_and_none_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    page = checked(to_html(run_report(tmp_path)))
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
    drawn = bar_of(Figure("share", "share", 0.5, 0.25, 1.0, 0.0), 0.0)
    assert drawn is not None
    assert (drawn.value, drawn.low, drawn.high, drawn.chance, drawn.middle) == (56.0, 29.5, 109.0, 3.0, 6.0)
    below = bar_of(Figure("correlation", "correlation", 0.5, 0.4, 0.6), -1.0)
    assert below is not None and (below.value, below.chance) == (82.5, None)
    assert bar_of(Figure("distance", "distance", 8.6, 8.0, 9.0), 0.0) is None
    assert bar_of(Figure("alone", "alone", 0.5), 0.0) is None


def test_a_bar_is_drawn_where_it_stands(tmp_path: Path) -> None:
    """0.5, from 0.45 to 0.55, and chance 0.1, on an axis from 0 to 1 that is 106 long and begins at 3."""
    html = to_html(run_report(tmp_path))
    assert '<circle class="value" cx="56.0" cy="6.0" r="2.6"/>' in html
    assert '<line class="range" x1="50.7" y1="6.0" x2="61.3" y2="6.0"/>' in html
    assert '<line class="chance" x1="13.6" y1="0" x2="13.6" y2="12"/>' in html


def test_one_row_has_one_axis() -> None:
    figures = [Figure("r", "r", 0.5, 0.4, 0.6), Figure("r", "r", 0.0, -0.1, 0.1)]
    reports = [report(Path(), name, {"m": [figure]}) for name, figure in zip(("train", "x"), figures, strict=True)]
    (row,) = figure_table(["r"], reports).rows
    assert [cell.bar.label for cell in row.cells if cell.bar] == [
        "0.500 on an axis from -1 to 1", "0.000 on an axis from -1 to 1",
    ]  # fmt: skip


def test_notes_stand_once_where_they_are_the_same() -> None:
    figure = Figure("f", "f", 2.0, note="of all")
    reports = [report(Path(), name, {"m": [figure]}) for name in ("train", "heldout_people")]
    (row,) = figure_table(["f"], reports).rows
    assert (row.comment, [cell.note for cell in row.cells]) == ("of all", ["", ""])
    other = report(Path(), "heldout_people", {"m": [Figure("f", "f", 2.0, note="of some")]})
    (row,) = figure_table(["f"], [reports[0], other]).rows
    assert (row.comment, [cell.note for cell in row.cells]) == ("", ["of all", "of some"])
    without = report(Path(), "heldout_people", {"m": [Figure("f", "f", 2.0)]})
    (row,) = figure_table(["f"], [reports[0], without]).rows
    assert (row.comment, [cell.note for cell in row.cells]) == ("", ["of all", ""])


def test_what_is_not_available_stands_below_with_its_reason(tmp_path: Path) -> None:
    page = checked(to_html(run_report(tmp_path)))
    assert "1 not available" in page.text
    assert "absent: not available: why" in page.text


def test_gaps_that_are_told_are_bold(tmp_path: Path) -> None:
    shown = run_report(tmp_path)
    assert '<span class="significant">0.300' in to_html(shown)
    untold = replace(shown, gaps=[replace(shown.gaps[0], low=-0.1)])
    assert 'class="significant"' not in to_html(untold)
    assert 'id="generalisation"' not in to_html(replace(shown, gaps=[]))


def test_markdown_says_the_same(tmp_path: Path) -> None:
    lines = to_markdown(run_report(tmp_path)).splitlines()
    assert "| V-F 10-way, generated | train minus heldout_people | 0.500 | 0.200 | 0.300 | 0.229 to 0.371 |" in lines
    assert "| V-F 10-way, generated | heldout_people | 0.200 | 0.150 to 0.250 | 0.100 |  |" in lines
    assert f"- **collapse** (bad): {NASTY}" in lines
    assert "![train: voices_and_noises](train.png)" in lines
    table = [line for line in lines if line.startswith("| <script>")]
    assert table and all(line.count("|") == 7 for line in table)
