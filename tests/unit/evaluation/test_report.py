"""Written reports: every figure is there, and null stands for what is not a number."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from facegen.core.errors import CheckpointError
from facegen.core.evidence import Figure
from facegen.evaluation.report import Report, cells_of, number, report_name


def report(folder: Path, picture: Path | None = None) -> Report:
    figures = {
        "matching": [
            Figure("matching.v2f.2.real", "V-F 2-way, real", 0.875, 0.8125, 0.9375, 0.5),
            Figure.missing("matching.v2f.10.real", "V-F 10-way, real", "3 | 4 people", chance=0.1),
            Figure("share", "share", 0.5, math.nan, math.inf, deviation=math.nan, num_people=1),
        ],
        "frechet": [Figure("frechet.judge.distance", "frechet.judge.distance", 1234.5)],
    }
    return Report(
        run="voices", step=500, corpus="synthetic", split="heldout_people", seed=0, judge="a strict one",
        judge_key="abc", corpus_key="def", max_clips=50, num_clips=30, num_people=20, num_noises=4, figures=figures,
        table=folder / "evaluation" / "heldout_people.md", picture=picture,
    )  # fmt: skip


def test_corpora_of_one_folder_name_have_reports_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "evaluation"
    assert report_name(folder, "train", "0123456789abcdef", None) == "train"
    assert report_name(folder, "all", "0123456789abcdef", "other") == "other-all"
    replace(report(tmp_path), table=folder / "other-all.md", corpus_key="0123456789abcdef").write()
    assert report_name(folder, "all", "0123456789abcdef", "other") == "other-all", "measured again"
    assert report_name(folder, "all", "fedcba9876543210", "other") == "other-fedcba98-all"
    (folder / "other-all.json").write_text("damaged")
    assert report_name(folder, "all", "fedcba9876543210", "other") == "other-all"


def test_json_holds_every_figure_and_null_for_what_is_none(tmp_path: Path) -> None:
    report(tmp_path).write()
    content = json.loads((tmp_path / "evaluation" / "heldout_people.json").read_text(), parse_constant=pytest.fail)
    assert content["figures"]["matching"][0]["low"] == 0.8125
    assert content["figures"]["matching"][1]["value"] is None
    strange = content["figures"]["matching"][2]
    assert (strange["low"], strange["high"], strange["deviation"], strange["num_people"]) == (None, None, None, 1)
    assert strange["caveat"] == "one person only: no conclusion about others"
    assert (content["judge"], content["step"], content["picture"]) == ("a strict one", 500, None)


def test_markdown_is_a_table_whose_cells_hold(tmp_path: Path) -> None:
    report(tmp_path).write()
    lines = (tmp_path / "evaluation" / "heldout_people.md").read_text().splitlines()
    assert lines[0] == "# voices, step 500: 30 clips of 20 people, heldout_people of synthetic"
    assert "| V-F 2-way, real | 0.875 | 0.812 to 0.938 | 0.500 |  |" in lines
    assert "| V-F 10-way, real | - |  | 0.100 | not available: 3 / 4 people |" in lines
    assert "| share | 0.500 | none |  | one person only: no conclusion about others |" in lines
    start = lines.index("| figure | value | 95% interval | chance | note |")
    assert all(line.count("|") == 6 for line in lines[start:])
    assert lines[2].startswith("- **undecided** (warning): Undecided whether"), "verdicts come first"
    assert lines[start - 2].startswith("Judge: a strict one.")


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    written = report(tmp_path, tmp_path / "faces.png")
    written.write()
    read = Report.read(tmp_path / "evaluation" / "heldout_people.json")
    assert math.isnan(read.figures["matching"][1].value)
    assert read.to_json() == written.to_json()
    (tmp_path / "old.json").write_text('{"run": "voices"}')
    with pytest.raises(CheckpointError, match=r"old.json: is not a report of this version of facegen"):
        Report.read(tmp_path / "old.json")


def test_numbers_keep_what_says_something() -> None:
    assert [number(value) for value in (0.0, 0.5, 12.3456, 0.00123456, 1234.5)] == [
        "0.000", "0.500", "12.346", "0.00123", "1.23e+03",
    ]  # fmt: skip
    assert cells_of(Figure("score", "score", 2.5, deviation=0.25))[0] == "2.500 ± 0.250"
    assert cells_of(Figure("zero", "zero", 0.0, 0.0, 0.1)) == ("0.000", "0.000 to 0.100", "")
