"""The marked numbers of a row, and the text of a cell."""

import csv
import io
import math
from dataclasses import replace

import pytest

from facegen.core.evidence import Better, Figure
from facegen.evaluation.comparison.comparison_table import Cell, ComparisonTable
from facegen.evaluation.comparison.layouts import marks_of


def figure(value: float, reach: float = 0.05, better: Better | None = "higher") -> Figure:
    return Figure("share", "share", value, value - reach, value + reach, better=better)


@pytest.mark.parametrize("figures, marks", [
    ([figure(0.5), figure(0.9), figure(0.85)], ["", "best", "~"]),
    ([figure(0.5, better="lower"), figure(0.9, better="lower"), None], ["best", "", ""]),
    ([figure(0.5, better=None), figure(0.9, better=None)], ["", ""]),
    ([figure(0.5), Figure("share", "share", math.nan, better="higher")], ["", ""]),
    ([Figure("score", "score", 2.0, better="higher"), Figure("score", "score", 3.0, better="higher")], ["", ""]),
    ([figure(0.5), figure(0.7), figure(math.nan)], ["", "best", ""]),
    ([replace(figure(0.5), chance=0.1), replace(figure(0.9), chance=0.02)], ["", ""]),
])  # fmt: skip
def test_the_best_and_what_cannot_be_told_from_it(figures: list[Figure | None], marks: list[str]) -> None:
    assert marks_of(figures) == marks


def test_cells() -> None:
    assert Cell.of(figure(0.5)).text == "0.500 (0.450 to 0.550)"
    assert Cell.of(Figure("score", "score", 2.5, deviation=0.25)).text == "2.500 ± 0.250"
    assert Cell.of(None).text == Cell.of(Figure("share", "share", math.nan)).text == "-"
    assert Cell.of(Figure("share", "share", math.nan, note="not available: why")).to_json()["value"] is None


def test_a_sheet_in_every_form() -> None:
    best = Cell.of(figure(0.9), "best")
    rows = [[Cell("x, y"), best], [Cell("z"), Cell.of(figure(0.8), "~")]]
    sheet = ComparisonTable("title", ["figure", "a | b"], rows, ["read"])
    assert sheet.to_markdown().splitlines() == [
        "## title", "", "| figure | a / b |", "| --- | --- |", "| x, y | **0.900 (0.850 to 0.950)** |",
        "| z | ~ 0.800 (0.750 to 0.850) |", "", "- read",
    ]  # fmt: skip
    assert list(csv.reader(io.StringIO(sheet.to_csv()))) == [
        ["key", "figure", "a | b", "a | b low", "a | b high"],
        ["share", "x, y", "0.9", repr(0.9 - 0.05), repr(0.9 + 0.05)],
        ["share", "z", "0.8", "0.75", repr(0.8 + 0.05)],
    ]
    assert sheet.to_json()["rows"][1]["a | b"]["mark"] == "~"


def test_latex_escapes_text_and_marks_the_best() -> None:
    deviating = Figure("score", "score", 2.5, deviation=0.25)
    rows = [
        [Cell("V-F, 50% & more_#"), Cell.of(figure(0.9), "best"), Cell.of(figure(0.88), "~")],
        [Cell("score"), Cell.of(deviating), Cell("-")],
    ]
    table = ComparisonTable("2 evaluations", ["figure", "name_a", "b"], rows, ["read\nthis"])
    assert table.to_latex().splitlines() == [
        "% 2 evaluations",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"figure & name\_a & b \\",
        r"\midrule",
        r"V-F, 50\% \& more\_\# & \textbf{0.900 (0.850 to 0.950)} & $\sim$ 0.880 (0.830 to 0.930) \\",
        r"score & 2.500 $\pm$ 0.250 & - \\",
        r"\bottomrule",
        r"\end{tabular}",
        "% read this",
    ]


def test_csv_has_numbers_or_nothing() -> None:
    rows = [[Cell("score"), Cell.of(Figure("score", "score", 1 / 3, deviation=0.25))],
            [Cell("share"), Cell.of(Figure("share", "share", math.nan))], [Cell("text"), Cell("-")]]  # fmt: skip
    assert ComparisonTable("title", ["figure", "a"], rows).to_csv().splitlines() == [
        "key,figure,a,a deviation", "score,score,0.3333333333333333,0.25", "share,share,,", ",text,-,",
    ]  # fmt: skip
