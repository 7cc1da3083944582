"""`facegen compare`: columns per run, evaluation of runs without a report, and incomparable runs."""

import csv
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from facegen.cli.compare import LAYOUT_NAMES
from facegen.cli.main import main
from facegen.evaluation.comparison.layouts import LAYOUTS
from facegen.inference.load import DRAWING_WEIGHTS

RECIPE = """
[run]
name = "{name}"

[data]
type = "synthetic"
num_people = 8
num_heldout_people = 20
clips_per_person = 4
frames_per_clip = 1
image_pixels = {pixels}
speech_seconds = 0.3
clip_seconds = 0.3

[conditioner]
type = "one_hot"
condition_dim = 8

[generator]
type = "adain"
width = 4
max_width = 8

[discriminator]
type = "projection"
width = 4
max_width = 8

[objective]
type = "{objective}"

[train]
steps = {steps}
batch_size = 4

[judge.match]
type = "softmax"
steps = 2
batch_size = 4
num_candidates = 4

[evaluate]
split = "train"
num_clips = 20
num_noises = 2

[[metric]]
type = "matching"
num_candidates = [2]

[[metric]]
type = "identity"
"""


def train(home: Path, name: str, *, objective: str = "relativistic", pixels: int = 16, steps: int = 2) -> Path:
    path = home / f"{name}.toml"
    path.write_text(RECIPE.format(name=name, objective=objective, pixels=pixels, steps=steps))
    words = ["train", str(path), "--out", str(home / name)]
    assert main([*words, "--resume"]) == 0
    return home / name


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def runs(home: Path) -> list[str]:
    """Two runs that differ in their losses and share their judge."""
    return [str(train(home, "name_acgan")), str(train(home, "name_lsgan_ttur", objective="relid"))]


def compared(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["compare", *words]) == 0
    streams = capsys.readouterr()
    return streams.out, " ".join(streams.err.split())


def test_compare_evaluates_each_run_once(runs: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = compared(capsys, *runs)
    assert out.splitlines()[1].split()[:4] == ["figure", "name_acgan", "name_lsgan_ttur", "chance"]
    assert "identity accuracy, generated" in out
    assert "not comparable" not in out
    assert err.count("evaluating") == 2
    assert err.count("training the judge") == 1
    with Image.open(home / "compare.png") as picture:
        assert picture.width > 3 * 128
        assert picture.height > 8 * 128
    assert "evaluating" not in compared(capsys, *runs)[1]


def test_json_equals_the_reports(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    table = json.loads(compared(capsys, *runs, "--format", "json")[0])
    rows = {row["key"]: row for row in table["rows"]}
    for run, name in zip(runs, ("name_acgan", "name_lsgan_ttur"), strict=True):
        report = json.loads((Path(run) / "evaluation" / "train.json").read_text())
        for figures in report["figures"].values():
            for figure in figures:
                assert rows[figure["key"]][name]["value"] == figure["value"]
                assert rows[figure["key"]][name]["low"] == figure["low"]
    marks = sorted(rows["matching.f2v.2.generated"][name]["mark"] for name in ("name_acgan", "name_lsgan_ttur"))
    assert marks in (["", "best"], ["best", "~"])


def test_markdown_and_csv_have_a_column_per_run(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    lines = compared(capsys, *runs, "--format", "markdown")[0].splitlines()
    assert lines[2].startswith("| figure | name_acgan | name_lsgan_ttur | chance |")
    table = list(csv.reader(io.StringIO(compared(capsys, *runs, "--format", "csv")[0])))
    assert table[0][:4] == ["figure", "name_acgan", "name_lsgan_ttur", "chance"]
    assert len({len(row) for row in table}) == 1


def test_changed_weights_are_evaluated_again_and_copies_are_not(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copying changes the times of files, and training again may end at the same step."""
    compared(capsys, *runs)
    copy = tmp_path / "copied"
    shutil.copytree(runs[0], copy, copy_function=shutil.copy)
    assert "evaluating" not in compared(capsys, str(copy))[1]
    weights = next((copy / "checkpoints").glob("train-*")) / f"{DRAWING_WEIGHTS}.safetensors"
    before = weights.stat()
    tensors = load_file(weights)
    save_file({name: values + 0.01 for name, values in tensors.items()}, weights)
    os.utime(weights, (before.st_atime, before.st_mtime))
    assert f"evaluating {copy} on train" in compared(capsys, str(copy))[1]
    assert "evaluating" not in compared(capsys, str(copy))[1]


def test_several_splits_are_columns(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    printed = compared(capsys, runs[0], "--split", "train", "--split", "heldout_utterances", "--format", "json")[0]
    row = json.loads(printed)["rows"][0]
    assert {"name_acgan, train", "name_acgan, heldout_utterances"} < set(row)
    assert not any("not comparable" in note for note in json.loads(printed)["notes"])


def test_layout_table_2_has_the_rows_of_the_thesis(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    table = json.loads(compared(capsys, *runs, "--layout", "table-2", "--format", "json")[0])
    rows = {row["method"]: row for row in table["rows"]}
    assert len(rows) == 5
    assert rows["AC-GAN, projecting the one-hot vector"]["Inception Score (thesis)"] == "2.120 ± 0.044"
    ours = rows["AC-GAN, projecting the one-hot vector"]["identity score (ours)"]
    report = json.loads((Path(runs[0]) / "evaluation" / "train.json").read_text())
    figures = {figure["key"]: figure for figure in report["figures"]["identity"]}
    assert ours["value"] == figures["identity.score.generated"]["value"]
    assert ours["deviation"] == figures["identity.score.generated"]["deviation"] is not None
    assert rows["LS-GAN, projecting the input"]["run"] == "-"


def test_layouts_table_3_and_matching_show_published_values(
    runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    third = json.loads(compared(capsys, *runs, "--layout", "table-3", "--format", "json")[0])
    assert {row["Inception Score (thesis)"] for row in third["rows"]} == {"not recovered"}
    assert [row["method"] for row in third["rows"]] == ["speech", "speech, dropouts", "speech and name"]
    assert "labels of this table's rows are not recovered" in third["notes"][0]
    others = "not in this table: name_acgan, name_lsgan_ttur; the recipes of its rows are speech_lsgan"
    assert others in third["notes"][-1]
    matching = json.loads(compared(capsys, *runs, "--layout", "matching", "--format", "json")[0])
    rows = {(row["method"], row["faces"]): row for row in matching["rows"]}
    assert rows["Choi et al. 2020, AVSpeech", "real"]["F-V 2-way"] == "0.885"
    assert rows["SVHF-Net, VoxCeleb", "real"]["V-F 2-way"] == "about 0.810, unverified"
    assert rows["name_acgan", "generated"]["F-V 2-way"]["value"] is not None
    assert rows["name_acgan", "generated"]["F-V 10-way"] == "-"


def test_runs_of_other_sizes_are_drawn_but_not_compared(
    runs: list[str], home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another image size needs another judge; the picture is drawn all the same."""
    larger = str(train(home, "larger", pixels=32))
    words = [runs[0], larger, "--format", "json", "--picture", str(tmp_path / "faces.png")]
    notes = json.loads(compared(capsys, *words)[0])["notes"]
    assert notes[0].startswith("not comparable: different judges (name_acgan: softmax judge, seed 1000, trained on")
    assert not any("corpora" in note for note in notes)
    assert (tmp_path / "faces.png").exists()


def test_matching_run_has_no_picture(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = RECIPE.format(name="matching", objective="relid", pixels=16, steps=1)
    kept = text.split("[generator]")[0] + "[discriminator]" + text.split("[discriminator]")[1].split("[objective]")[0]
    kept += "[match]" + text.split("[judge.match]")[1].replace('"train"', '"heldout_utterances"')
    (home / "matching.toml").write_text(kept)
    assert main(["train", str(home / "matching.toml"), "--out", str(home / "matching")]) == 0
    out, err = compared(capsys, str(home / "matching"), "--picture", str(home / "none.png"))
    assert "no picture: no run among these draws faces" in err
    assert not (home / "none.png").exists()
    assert "V-F 2-way, real" in out


def test_reports_replace_runs_in_any_folder(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compared(capsys, *runs)
    assert main(["evaluate", runs[0], "--split", "train"]) == 0
    copies = [tmp_path / "one.json", tmp_path / "two.json"]
    shutil.copy(Path(runs[0]) / "evaluation" / "report.json", copies[0])
    shutil.copy(Path(runs[1]) / "evaluation" / "train.json", copies[1])
    out, err = compared(capsys, *map(str, copies), "--split", "train", "--format", "json", "--picture", "none.png")
    comparison = json.loads(out)
    rows = {row["key"]: row for row in comparison["rows"]}
    figures = json.loads(copies[1].read_text())["figures"]["identity"]
    assert all(rows[figure["key"]]["two"]["value"] == figure["value"] for figure in figures)
    assert {"one", "two"} < set(comparison["rows"][0])
    assert not any("not comparable" in note for note in comparison["notes"])
    assert any("not distinguishable" in note for note in comparison["notes"])
    assert "no picture: no run among these draws faces" in err
    words = [str(copies[0]), "--split", "train", "--layout", "table-2", "--format", "json"]
    table = json.loads(compared(capsys, *words)[0])
    rows = {row["method"]: row for row in table["rows"]}
    assert rows["AC-GAN, projecting the one-hot vector"]["run"] == "one"  # the page knows the recipe
    # Where the report still lies in its run, the run is drawn.
    inside = Path(runs[0]) / "evaluation" / "report.json"
    compared(capsys, str(inside), runs[1], "--split", "train", "--picture", str(tmp_path / "faces.png"))
    assert (tmp_path / "faces.png").exists()


def test_bad_reports_are_refused_with_a_reason(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compared(capsys, *runs)
    report = Path(runs[0]) / "evaluation" / "train.json"
    assert main(["compare", str(report), "--split", "heldout_people"]) == 1
    assert "has no evaluation on heldout_people; available: train" in " ".join(capsys.readouterr().err.split())
    for text in ("[1]", "{", '{"evaluations": {}, "format": 99}'):
        (tmp_path / "odd.json").write_text(text)
        assert main(["compare", str(tmp_path / "odd.json")]) == 1
        assert "odd.json: is not a report of this version of facegen" in " ".join(capsys.readouterr().err.split())


def test_missing_runs_are_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(home / "nowhere")]) == 1
    assert "`facegen train RECIPE` creates a run" in " ".join(capsys.readouterr().err.split())
    assert main(["compare"]) == 2


def test_layout_names_equal_the_layouts() -> None:
    assert tuple(LAYOUTS) == LAYOUT_NAMES
