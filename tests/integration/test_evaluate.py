"""`facegen evaluate`: the judge, tables, the picture and messages of refusal."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import tomli_w
import torch
from PIL import Image
from tiny_runs import RECIPES, Facegen, settings

from facegen.cli.main import main
from facegen.core.errors import DataError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.default_parts import DEFAULT_METRICS
from facegen.evaluation.evaluate import evaluate
from facegen.training.loop import Interrupted
from facegen.training.runs.run import Run

RECIPE = RECIPES / "speech_relid.toml"


class RecordingObserver(Observer):
    """Observer that records warnings and stages with their first steps."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []
        self.warnings: list[str] = []

    def start(self, stage: str, total: int, done: int = 0) -> None:
        self.stages.append((stage, done))

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a trained run, and one cache for all tests of this module, so that the judge is trained once."""
    folder = tmp_path_factory.mktemp("evaluate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        words = ["train", RECIPE, "--preset", "small", *settings(), "--out", folder / "run"]
        assert main([str(word) for word in words]) == 0
        yield folder


def begin(path: Path, **changes: object) -> RecordingObserver:
    observer = RecordingObserver()
    evaluate(path, overrides={"num_clips": 20, **changes}, observer=observer)
    return observer


def test_judge_is_trained_once_and_reused(home: Path) -> None:
    assert ("match", 0) in begin(home / "run").stages
    again = begin(home / "run", split="train")
    assert "match" not in {stage for stage, _ in again.stages}
    assert {path.name for path in (home / "run" / "evaluation").iterdir()} >= {
        f"{split}.{kind}" for split in ("heldout_people", "train") for kind in ("json", "md", "png")
    }
    with Image.open(home / "run" / "evaluation" / "heldout_people.png") as picture:
        assert picture.width > 7 * 128
        assert picture.height > 8 * 128


def test_evaluate_prints_a_table_and_its_path(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(home / "run"), "--num-clips", "20", "--full"]) == 0
    printed = capsys.readouterr().out
    assert "run, step 2: 20 clips of 20 people, heldout_people of synthetic" in printed
    assert "Judge: softmax judge, seed 1000, trained on synthetic train" in printed
    for name in ("V-F 10-way, generated, same sex", "face distance, one voice, other noise", "judge Frechet distance"):
        assert name in printed
    assert printed.splitlines()[-3:] == [
        f"Table: {home / 'run' / 'evaluation' / 'heldout_people.md'}",
        f"Faces: {home / 'run' / 'evaluation' / 'heldout_people.png'}",
        f"Report: {home / 'run' / 'evaluation' / 'report.html'}",
    ]


def test_evaluate_begins_with_verdicts_and_about_ten_figures(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(home / "run"), "--num-clips", "20"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) < 40
    assert re.search(r"^(good|warning|bad|undecided) ", printed, re.MULTILINE)
    assert printed.index("the faces follow the condition") < printed.index("95% interval  chance")
    assert re.search(r"^10 of \d\d figures; --full prints all", printed, re.MULTILINE)
    assert "face distance, one voice, other noise" not in printed


def test_json_is_reproducible(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = []
    for _ in range(2):
        assert main(["evaluate", str(home / "run"), "--num-clips", "20", "--json"]) == 0
        reports.append(json.loads(capsys.readouterr().out))
    assert reports[0] == reports[1]
    assert {"condition", "undecided"} & {verdict["kind"] for verdict in reports[0]["verdicts"]}
    assert list(reports[0]["figures"]) == list(DEFAULT_METRICS)
    for figure in reports[0]["figures"]["matching"]:
        least = -1 if figure["key"].endswith("less_real") else 0
        assert figure["value"] is None or least <= figure["low"] <= figure["value"] <= figure["high"] <= 1


def test_judge_differs_from_the_run(home: Path) -> None:
    begin(home / "run")
    folders = [path.parent for path in (home / "cache").rglob("judges/*/run.json")]
    judges = [Run.open(folder) for folder in folders]
    assert [judge.recipe.run.seed for judge in judges] == [1000]
    assert judges[0].recipe.train is None
    own = (Run.open(home / "run").match_folder / "encoders.safetensors").read_bytes()
    assert (judges[0].match_folder / "encoders.safetensors").read_bytes() != own


def test_interrupted_judge_resumes(home: Path) -> None:
    class Asked(Observer):
        def advance(self, done: int, values: Mapping[str, float] | None = None) -> None:
            if values is not None:
                interruption.signal_number = 2

    interruption = Interruption()
    given = {"num_clips": 20, "judge_seed": 7}
    with pytest.raises(Interrupted):
        evaluate(home / "run", overrides=given, observer=Asked(), interruption=interruption)
    assert ("match", 1) in begin(home / "run", judge_seed=7).stages


def test_matching_run_is_its_own_judge(
    home: Path, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = Run.open(home / "run").recipe.tables
    kept = {name: tables[name] for name in ("run", "data", "conditioner", "discriminator", "match")}
    (tmp_path / "matching.toml").write_text(tomli_w.dumps(kept))
    assert facegen("train", tmp_path / "matching.toml", "--out", tmp_path / "run") == 0
    capsys.readouterr()
    assert facegen("evaluate", tmp_path / "run", "--num-clips", 20, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["judge"] == "the run's own softmax matching, seed 0"
    assert (report["step"], report["picture"]) == (None, None)
    figures = [figure for figures in report["figures"].values() for figure in figures]
    silent = {figure["key"] for figure in figures if figure["note"] == "not available: the run draws no faces"}
    generated = {"fidelity", "retrieval", "preference.over_true"}
    assert silent >= {*generated, "sharpness.detail"}
    assert all("generated" not in figure["key"] for figure in figures if figure["key"] not in silent)
    assert not list((tmp_path / "cache").rglob("judges"))


@pytest.mark.parametrize("words, message", [
    (["--judge-seed", "0"], "judge_seed = 0: the run's own encoders have this seed"),
    (["--split", "heldout_utterances"], "the split 'heldout_utterances' of this corpus holds no clips"),
])  # fmt: skip
def test_bad_arguments_are_refused_with_a_reason(
    home: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(home / "run"), *words]) == 1
    assert message in " ".join(capsys.readouterr().err.split())


def test_folder_without_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path / "none")]) == 1
    assert "`facegen train RECIPE` creates a run" in " ".join(capsys.readouterr().err.split())


NAMES = """
[data]
type = "synthetic"
num_people = 6
num_heldout_people = 20
clips_per_person = 5
frames_per_clip = 1
image_pixels = 16
speech_seconds = 0.3
clip_seconds = 0.3

[conditioner]
type = "one_hot"
condition_dim = 8

[[condition]]
type = "gaussian_noise"

[generator]
type = "adain"
width = 4
max_width = 8

[discriminator]
type = "projection"
width = 4
max_width = 8

[objective]
type = "relativistic"

[train]
steps = 2
batch_size = 4

[judge.discriminator]
type = "projection"
width = 4
max_width = 8

[judge.match]
type = "softmax"
steps = 2
batch_size = 4
num_candidates = 4
"""


@pytest.fixture(scope="module")
def named(home: Path) -> Path:
    """A run on names without a match stage of its own."""
    (home / "names.toml").write_text(NAMES)
    assert main(["train", str(home / "names.toml"), "--out", str(home / "names")]) == 0
    return home / "names"


def test_name_run_is_evaluated_on_known_people(named: Path) -> None:
    given = {"num_clips": 24, "split": "train", "num_noises": 2}
    report = evaluate(named, overrides=given, observer=Observer())
    by_key = {figure.key: figure for figures in report.figures.values() for figure in figures}
    assert by_key["identity.accuracy.generated"].note == "6 people"
    assert by_key["identity.accuracy.real"].chance == pytest.approx(1 / 6)
    assert report.num_people == 6
    assert all(figure.note or figure.value == figure.value for figure in by_key.values())
    # The noise of the condition is drawn anew and is reproducible.
    torch.manual_seed(5)
    assert evaluate(named, overrides=given, observer=Observer()).to_json() == report.to_json()


def test_several_splits_share_one_judge(named: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(named), "--split", "train", "--split", "heldout_utterances", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [report["split"] for report in printed] == ["train", "heldout_utterances"]
    assert printed[0]["judge_key"] == printed[1]["judge_key"]
    assert (named / "evaluation" / "heldout_utterances.png").exists()


def test_people_without_a_known_name_are_refused_before_a_judge_is_trained(named: Path) -> None:
    observer = RecordingObserver()
    with pytest.raises(DataError, match="evaluate known people with --split heldout_utterances or --split train"):
        evaluate(named, overrides={"judge_seed": 77}, observer=observer)
    assert observer.stages == []


def test_recipes_with_equal_judges_train_it_once(named: Path, home: Path) -> None:
    given = {"num_clips": 20, "split": "train", "judge_seed": 5}
    observer = RecordingObserver()
    first = evaluate(named, overrides=given, observer=observer)
    assert ("match", 0) in observer.stages
    other = NAMES.replace('type = "relativistic"', 'type = "relid"').replace("[data]", "[run]\nseed = 3\n\n[data]")
    (home / "others.toml").write_text(other)
    assert main(["train", str(home / "others.toml"), "--out", str(home / "others")]) == 0
    observer = RecordingObserver()
    second = evaluate(home / "others", overrides=given, observer=observer)
    assert "match" not in {stage for stage, _ in observer.stages}
    assert (second.judge_key, second.corpus_key) == (first.judge_key, first.corpus_key)
    assert first.judge_key
