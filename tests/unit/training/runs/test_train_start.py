"""[train] start: a train stage that goes on with the networks of an earlier run or of a model file."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import tiny_recipe

from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.recipe import check_recipe
from facegen.training import train
from facegen.training.build import build_networks
from facegen.training.runs.checkpoint import hash_files
from facegen.training.runs.model_export import ExportSettings, export_run
from facegen.training.runs.run import Run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


class Listening(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def say(self, message: str) -> None:
        self.messages.append(message)


def go(out: Path, recipe: Recipe, observer: Observer | None = None) -> Run:
    return train.train(recipe, out, resume=True, observer=observer or Observer(), interruption=Interruption())


@pytest.fixture(scope="module")
def earlier(runs: Path) -> Run:
    return go(runs / "earlier", tiny_recipe(game=True))


def starting(start: Path | str, **changes: Any) -> Recipe:
    """The recipe of a run that starts from another one; it has its match stage as well."""
    recipe = tiny_recipe(game=True, train__start=str(start), match__run=str(start), **changes)
    return check_recipe(recipe.tables, "second.toml")


def newest(run: Run, name: str) -> dict[str, torch.Tensor]:
    return load_file(run.generator_checkpoint() / f"{name}.safetensors")


def changed_by(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> float:
    return max(float((before[key].float() - after[key].float()).abs().max()) for key in before)


def test_networks_are_those_of_the_earlier_run(runs: Path, earlier: Run) -> None:
    tiny_steps = {side: {"learning_rate": 1e-9} for side in ("generator", "discriminator")}
    observer = Listening()
    run = go(runs / "second", starting(earlier.path, run__seed=9, **{f"train__{k}": v for k, v in tiny_steps.items()}),
             observer)  # fmt: skip
    # Steps of 1e-9 move no weight by more than 5e-9 each, but the averages of batch norm move.
    for file, theirs in (("ema", "ema"), ("face_pipeline", "ema"), ("discriminator", "discriminator")):
        before, after = newest(earlier, theirs), newest(run, file)
        learnt = {key: value for key, value in before.items() if "running" not in key and "num_batches" not in key}
        assert changed_by(learnt, after) < 1e-6
    about = json.loads((run.path / "run.json").read_text())["start"]
    folder = earlier.generator_checkpoint()
    digest = hash_files([folder / "ema.safetensors", folder / "discriminator.safetensors"])
    assert about == {"source": str(earlier.path), "step": 5, "weights": digest}
    assert any(f"networks of {earlier.path} at step 5 are trained on" in message for message in observer.messages)


def test_a_resumed_run_needs_the_earlier_one_no_more(runs: Path, earlier: Run, tmp_path: Path) -> None:
    from facegen.training.runs.model_file import ModelFile

    model = tmp_path / "model.safetensors"
    export_run(earlier, model, ExportSettings(precision="fp32"))
    assert ModelFile.open(model).metadata.step == 5
    recipe = starting(model)
    run = go(tmp_path / "run", recipe)
    record = run_record(run)
    assert record["source"] == str(model)
    model.unlink()
    assert run_record(go(tmp_path / "run", recipe)) == record


def run_record(run: Run) -> dict[str, Any]:
    start = Run.open(run.path).start
    assert start is not None
    return start.model_dump()


def test_a_run_and_its_model_file_start_alike(earlier: Run, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    export_run(earlier, model, ExportSettings(precision="fp32"))
    one, other = go(tmp_path / "one", starting(earlier.path)), go(tmp_path / "other", starting(model))
    for name in ("ema", "discriminator"):
        assert changed_by(newest(one, name), newest(other, name)) == 0
    assert run_record(one)["weights"] == run_record(other)["weights"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data__image_pixels": 32}, r"draws faces of 16 pixels, and this recipe of 32; set \[data\] image"),
        ({"generator__width": 4}, r"another shape \(generator.width = 2 there, 4 here\): face_pipeline: tensor 'gener"),
        ({"discriminator__width": 4}, r"discriminator.width = 2 there, 4 here"),
        ({"generator__noise_dim": 6}, r"another shape \(generator.noise_dim = \d+ there, 6 here\)"),
    ],
)  # fmt: skip
def test_other_networks_are_refused_before_any_work(
    earlier: Run, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=rf"second.toml: \[train\] start = '{earlier.path}': .*{message}"):
        go(tmp_path / "run", starting(earlier.path, **changes))
    assert not (tmp_path / "run").exists()


def test_other_people_get_vectors_of_their_own(earlier: Run, tmp_path: Path) -> None:
    observer = Listening()
    rates = {f"train__{side}": {"learning_rate": 1e-9} for side in ("generator", "discriminator")}
    recipe = starting(earlier.path, data__num_people=9, run__seed=9, **rates)
    with pytest.raises(RecipeError, match=r"\[match\] run = .*its encoders differ"):
        go(tmp_path / "run", recipe, observer)
    tables = {name: table for name, table in recipe.tables.items() if name != "match"}
    run = go(tmp_path / "run", check_recipe(tables, "x.toml"), observer)
    assert any("start from random weights: the corpus has other people" in message for message in observer.messages)
    before, after = newest(earlier, "ema"), newest(run, "ema")
    vectors = "encoders.parts.0.projection.weight"
    assert before[vectors].shape == (4, earlier.data.num_identities) != after[vectors].shape
    fresh = build_networks(run.recipe, run.data).encoders.state_dict()["parts.0.projection.weight"]
    assert float((after[vectors] - fresh).abs().max()) < 1e-6
    weights = [key for key in before if key.startswith("generator") and "running" not in key and "num_b" not in key]
    assert weights and changed_by({key: before[key] for key in weights}, after) < 1e-6


def test_a_run_without_a_generator_is_refused(tmp_path: Path) -> None:
    go(tmp_path / "matched", tiny_recipe())
    with pytest.raises(CheckpointError, match="has no generator: it only matches; name another run"):
        go(tmp_path / "run", starting(tmp_path / "matched"))


def test_a_match_stage_of_another_origin_is_refused(earlier: Run) -> None:
    tables = {**starting(earlier.path).tables}
    tables["match"] = {**tables["match"], "run": "elsewhere"}
    with pytest.raises(RecipeError, match=r"\[match\] run = 'elsewhere': the encoders are those of \[train\] start"):
        check_recipe(tables, "x.toml")
