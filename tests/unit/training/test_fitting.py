"""Transforms that are fitted to the conditions of the training split."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import WORLD, tiny_recipe

from facegen.core.batch import Condition
from facegen.core.interfaces import ConditionTransform
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import check_recipe
from facegen.data.loading.rows import Rows
from facegen.inference.load import load_face_pipeline
from facegen.training import train
from facegen.training.build import build_networks
from facegen.training.encodings import encode_once
from facegen.training.fitting import fit_transforms, is_fitted
from facegen.training.loop import Interrupted
from facegen.training.runs.run import Run

COMPONENTS = {"type": "principal_components", "num_components": 2, "clamp": 50.0}


def with_components(**changes):
    recipe = tiny_recipe(game=True, conditioner__trained="frozen", **changes)
    tables = {name: values for name, values in recipe.tables.items() if name != "match"}
    return check_recipe({**tables, "condition": [COMPONENTS, {"type": "linear", "width": 3}]}, "tiny.toml")


def fitted(pipeline, rows, encodings):
    fit_transforms(pipeline, rows, encodings, 0, "fp32", WORLD, Observer())
    return pipeline


@pytest.fixture
def rows():
    recipe = with_components()
    settings = recipe.config("dataset").engine
    return Rows(
        train.open_dataset(recipe), settings, "train", frozenset({"identity"}), torch.device("cpu"), Observer()
    )  # fmt: skip


def pipeline_of(rows):
    recipe = with_components()
    networks = build_networks(recipe, rows.dataset.spec)
    networks.encoders.freeze()
    return networks.face_pipeline


def test_cached_and_computed_encodings_give_the_same_components(rows):
    cached, computed = pipeline_of(rows), pipeline_of(rows)
    encodings = encode_once(rows, cached, "fp32", Observer())
    fitted(cached, rows, encodings)
    fitted(computed, rows, None)
    condition = cached.condition(None, encodings.values).generator
    first = cached.transforms[0](Condition(*[encodings.values] * 3, {}), None).generator
    torch.testing.assert_close(first.mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(first.T.cov(), torch.eye(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(condition, computed.condition(None, encodings.values).generator, atol=1e-3, rtol=1e-3)
    assert computed.training == cached.training


def test_later_transforms_are_fitted_to_the_result_of_earlier_ones(rows):
    class Recorder(ConditionTransform):
        condition_dim = 2

        def fit(self, condition):
            self.seen = condition

        def forward(self, condition, batch):
            return condition

    pipeline, recorder = pipeline_of(rows), Recorder()
    pipeline.transforms[1] = recorder
    fitted(pipeline, rows, None)
    torch.testing.assert_close(recorder.seen.T.cov(), torch.eye(2), atol=1e-3, rtol=0)


def test_only_transforms_that_override_fit_are_fitted(rows):
    pipeline = pipeline_of(rows)
    assert [is_fitted(transform) for transform in pipeline.transforms] == [True, False]


def test_components_are_part_of_the_run_and_the_same_after_an_interruption(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(train, "dry_run", lambda recipe, data, _: build_networks(recipe, data))
    recipe, stop = with_components(), Interruption()

    class StoppingObserver(Observer):
        def advance(self, done: int, values: object = None) -> None:
            stop.signal_number = 2 if self.trains else 0

        def start(self, stage: str, total: int, done: int = 0) -> None:
            self.trains = stage == "train"

    train.train(recipe, tmp_path / "whole", resume=False, observer=Observer(), interruption=Interruption())
    with pytest.raises(Interrupted):
        train.train(recipe, tmp_path / "resumed", resume=False, observer=StoppingObserver(), interruption=stop)
    refitted = []
    monkeypatch.setattr("facegen.training.trainer.fit_transforms", lambda *_: refitted.append(1))
    train.train(recipe, tmp_path / "resumed", resume=True, observer=Observer(), interruption=Interruption())
    assert not refitted
    newest = Run.open(tmp_path / "resumed").generator_checkpoint()
    whole, resumed = (
        load_file(tmp_path / name / "checkpoints" / newest.name / "ema.safetensors") for name in ("whole", "resumed")
    )
    assert whole.keys() == resumed.keys() and all(torch.equal(whole[key], resumed[key]) for key in whole)
    deviations = whole["transforms.0.deviations"]
    assert deviations.shape == (2,) and (deviations != 1).all()
    pipeline = load_face_pipeline(Run.open(tmp_path / "resumed"), torch.device("cpu"))
    assert torch.equal(pipeline.transforms[0].deviations, deviations)
