"""The owner of a run folder: none yet, this run, or another one."""

import itertools
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from faults import Killed, failing
from tiny_training import WORLD, tiny_recipe

from facegen.core.errors import CheckpointError
from facegen.core.files import LOCK, file_lock
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.training.runs import claim
from facegen.training.runs.claim import claim_run
from facegen.training.runs.run import Run, recipe_text
from facegen.training.train import open_dataset

RECIPE = tiny_recipe()


class Listening(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def take(out: Path, recipe: Recipe = RECIPE, resume: bool = False) -> list[str]:
    observer = Listening()
    with claim_run(out, recipe, open_dataset(recipe), resume=resume, distributed=WORLD, observer=observer) as run:
        assert run.recipe.values == recipe.values
    return observer.warnings


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_killed_while_it_was_created_is_begun_again(tmp_path: Path, resume: bool) -> None:
    for last in itertools.count():
        out = tmp_path / "runs" / str(last)
        with failing(last, Killed()) as disk, suppress(Killed):
            take(out)
        is_created = (out / "run.json").exists()
        assert take(out, resume=resume or is_created) == []
        assert {path.name for path in out.iterdir()} <= {"run.json", "recipe.toml"}
        assert (out / "recipe.toml").read_text() == recipe_text(RECIPE)
        if not disk.failed:
            break
    assert last >= 10


@pytest.mark.parametrize("name, text", [
    ("notes.txt", "mine"),
    ("recipe.toml", "# Resolved from mine.toml by facegen 0.1.0.\n"),
    (".notes.txt.0123456789ab.part", "mine"),
    ("checkpoints", None),
])  # fmt: skip
def test_what_is_not_ours_is_left_alone(tmp_path: Path, name: str, text: str | None) -> None:
    path = tmp_path / name
    path.mkdir() if text is None else path.write_text(text)
    for resume in (False, True):
        with pytest.raises(CheckpointError, match="is not empty and holds no run; give another folder with --out"):
            take(tmp_path, resume=resume)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert text is None or path.read_text() == text


def test_one_process_at_a_time(tmp_path: Path) -> None:
    tmp_path.joinpath("run").mkdir()
    refused = pytest.raises(CheckpointError, match="another process is training this run")
    with file_lock(tmp_path / "run" / LOCK), refused:
        take(tmp_path / "run")
    dataset, observer = open_dataset(RECIPE), Observer()
    training = claim_run(tmp_path / "run", RECIPE, dataset, resume=False, distributed=WORLD, observer=observer)
    with training, refused:
        take(tmp_path / "run", resume=True)


def test_a_run_that_another_process_began_meanwhile_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_lock(path: Path) -> Any:
        Run.create(path.parent, RECIPE, open_dataset(RECIPE).spec)
        return file_lock(path)

    monkeypatch.setattr(claim, "file_lock", slow_lock)
    with pytest.raises(CheckpointError, match="holds a run already; resume it with --resume"):
        take(tmp_path / "run")


@pytest.mark.parametrize("changes, difference", [
    ({"run__seed": 4}, "run.seed (3 in the run, 4 in the recipe: must not change)"),
    ({"match__batch_size": 5}, "match.batch_size (4 in the run, 5 in the recipe: must not change)"),
    ({"match__steps": 2}, "match.steps (3 in the run, 2 in the recipe: may only become larger)"),
    ({"run__seed": 4, "run__device": "auto"}, "run.seed (3 in the run, 4 in the recipe: must not change)"),
])  # fmt: skip
def test_another_recipe_is_refused(tmp_path: Path, changes: dict[str, Any], difference: str) -> None:
    take(tmp_path / "run")
    message = re.escape(f"was started with another recipe; they differ in {difference}; --resume accepts more steps")
    with pytest.raises(CheckpointError, match=message):
        take(tmp_path / "run", tiny_recipe(**changes), resume=True)


@pytest.mark.parametrize(
    "key, value", [("corpus_fingerprint", "0" * 64), ("data", {"image_pixels": 16, "identities": ["a"]})]
)
def test_a_changed_corpus_is_refused(tmp_path: Path, key: str, value: object) -> None:
    take(tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert about["corpus_fingerprint"] == open_dataset(RECIPE).fingerprint()
    about[key] = {**about[key], **value} if isinstance(value, dict) else value
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    with pytest.raises(CheckpointError, match=r"its corpus has changed since the run was started .*restore the corpus"):
        take(tmp_path / "run", resume=True)


def test_other_versions_are_warned_about(tmp_path: Path) -> None:
    take(tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    about["versions"] |= {"torch": "1.0", "facegen-gone": "2"}
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    (warning,) = take(tmp_path / "run", resume=True)
    assert "torch 1.0 -> " in warning and "facegen-gone 2 -> none" in warning and "numpy" not in warning


def test_what_a_killed_process_left_is_tidied(tmp_path: Path) -> None:
    take(tmp_path / "run")
    checkpoints = tmp_path / "run" / "checkpoints"
    for name in ("match", "match-00000003", ".train-00000003.0123456789ab.part", "train-00000002"):
        (checkpoints / name).mkdir(parents=True)
    take(tmp_path / "run", resume=True)
    assert sorted(path.name for path in checkpoints.iterdir()) == ["match", "train-00000002"]


def test_a_run_of_another_format_is_refused(tmp_path: Path) -> None:
    take(tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 7}))
    with pytest.raises(CheckpointError, match=r"run\.json: format 7; this facegen reads format 2: train the run again"):
        Run.open(tmp_path / "run")
