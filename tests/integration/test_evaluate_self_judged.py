"""`--judge own`: the run's own match stage judges, and every place names the report self-judged."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_runs import RECIPES, settings

from facegen.cli.main import main
from facegen.core.progress import Observer
from facegen.evaluation.model_figures import summarise_evaluations
from facegen.training.runs.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny run that was evaluated by its own match stage."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        words = ["train", RECIPES / "speech_relid.toml", "--preset", "small", *settings(), "--out", folder / "run"]
        assert main([str(word) for word in words]) == 0
        assert main(["evaluate", str(folder / "run"), "--judge", "own", "--num-clips", "20"]) == 0
        yield folder / "run"


def test_no_judge_is_trained(run: Path) -> None:
    assert not list((run.parent / "cache").rglob("judges/*/run.json"))


def test_every_file_names_it_self_judged(run: Path) -> None:
    folder = run / "evaluation"
    report = json.loads((folder / "heldout_people-self-judged.json").read_text())
    assert report["self_judged"] and report["judge"].startswith("self-judged: the run's own softmax matching, seed 0")
    assert report["judge_key"].startswith("own ")
    assert any(note.startswith("self-judged: ") for note in report["notes"])
    assert (folder / "heldout_people-self-judged.md").read_text().splitlines()[0].endswith(", self-judged")
    assert "self-judged: the judge is the match stage" in (folder / "report.html").read_text()
    assert not (folder / "heldout_people.json").exists()


def test_it_holds_the_quantities_of_the_paper(run: Path) -> None:
    """QTA 1 to 3 of Choi et al. 2020."""
    figures = json.loads((run / "evaluation" / "heldout_people-self-judged.json").read_text())["figures"]
    keys = {figure["key"] for metric in figures.values() for figure in metric if figure["value"] is not None}
    assert {"correlation.generated", "preference.over_true", "matching.f2v.2.generated", "retrieval.r1.l1"} <= keys


def test_it_has_no_verdicts_and_is_left_out_of_model_files(run: Path) -> None:
    page = json.loads((run / "evaluation" / "report.json").read_text())
    assert list(page["evaluations"]) == ["heldout_people-self-judged"] and page["verdicts"] == {}
    assert summarise_evaluations(Run.open(run), Observer()) == []


def test_compare_reads_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gallery of the layout is named, and is not filled up to the paper's."""
    words = ["compare", str(run), "--judge", "own", "--num-clips", "20", "--layout", "retrieval", "--format", "json"]
    capsys.readouterr()
    assert main(words) == 0
    printed = capsys.readouterr()
    table = json.loads(printed.out)
    assert "evaluating" not in printed.err
    ours = [row for row in table["rows"] if row["method"] == "run"]
    assert [row["distance"] for row in ours] == ["L1", "L2", "CD"]
    assert all("self-judged" in row["source"] and row["gallery"] == "20" for row in ours)
    assert any("the gallery has 20 faces instead of 5000" in note for note in table["notes"])


def test_a_recipe_without_a_match_stage_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = [word for value in settings()[1::2] if not value.startswith("match.") for word in ("--set", value)]
    words = ["train", RECIPES / "name_acgan.toml", "--preset", "small", *tiny, "--out", tmp_path / "run"]
    assert main([str(word) for word in words]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "run"), "--judge", "own", "--split", "train", "--num-clips", "20"]) == 1
    assert "has no [match]" in " ".join(capsys.readouterr().err.split())
