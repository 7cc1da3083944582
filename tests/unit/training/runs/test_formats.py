"""Runs and checkpoints in the form of version 0.1.0 are refused with what to do."""

import json
from pathlib import Path

import pytest
import torch
from tiny_training import tiny_recipe

from facegen.core.batch import DataSpec
from facegen.core.errors import CheckpointError
from facegen.inference.load import load_face_pipeline
from facegen.training.runs.earlier_runs import stored_draft
from facegen.training.runs.run import Run

DATA = DataSpec(16, identities=tuple("abcd"), columns=frozenset({"faces", "identity"}))
REFUSED = "format 1; this facegen reads format 2: train the run again, or use the version of facegen that wrote it"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", tiny_recipe(game=True), DATA)


def in_old_form(path: Path) -> None:
    """Rewrite run.json with the keys of version 0.1.0."""
    data = json.loads(path.read_text())["data"]
    about = {"format": 1, "facegen": "0.1.0", "packages": {"torch": "2.13.0"}, "plugins": {}, "data": data}
    path.write_text(json.dumps(about))


def test_an_old_run_is_refused(run: Run) -> None:
    in_old_form(run.path / "run.json")
    with pytest.raises(CheckpointError, match=rf"^{run.path / 'run.json'}: {REFUSED}$"):
        Run.open(run.path)


def test_an_old_draft_inside_a_run_is_refused(run: Run) -> None:
    draft = Run.create(run.path / "draft", tiny_recipe(), DATA)
    in_old_form(draft.path / "run.json")
    with pytest.raises(CheckpointError, match=rf"^{draft.path / 'run.json'}: {REFUSED}$"):
        stored_draft(run.path)


def test_an_old_checkpoint_is_refused(run: Run) -> None:
    folder = run.checkpoint_folder("train", 3)
    folder.mkdir(parents=True)
    for name in ("artist", "average", "discriminator"):
        (folder / f"{name}.safetensors").touch()
    (folder / "state.json").write_text(json.dumps({"format": 1, "stage": "train", "step": 3}))
    with pytest.raises(CheckpointError, match=rf"^{folder / 'state.json'}: {REFUSED}$"):
        load_face_pipeline(run, torch.device("cpu"))
    with pytest.raises(CheckpointError, match=REFUSED):
        run.newest("train")


@pytest.mark.parametrize("content", ["[]", "3", '"text"'])
def test_metadata_that_is_no_table_is_refused(run: Run, content: str) -> None:
    (run.path / "run.json").write_text(content)
    with pytest.raises(CheckpointError, match="the run is damaged"):
        Run.open(run.path)
