"""Measured costs: every kind of work that a training does is counted as often as the training does it."""

from pathlib import Path

import pytest
from tiny_training import tiny_recipe

from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.data.loading.resident import resident_bytes
from facegen.training.check import measure
from facegen.training.check.clip_sample import ClipSample
from facegen.training.check.measure import measure_stages
from facegen.training.check.stopwatch import Stopwatch
from facegen.training.distributed import Distributed
from facegen.training.train import open_dataset, train


def test_counts_are_those_of_a_real_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny_recipe(game=True, match__steps=5, train__steps=7, train__sample_steps=3, match__checkpoint_steps=2)
    forecasts = measure_stages(recipe, open_dataset(recipe), Distributed.join("cpu"), Observer())
    watch = Stopwatch(Observer(), Distributed.join("cpu").device)
    train(recipe, tmp_path / "run", resume=False, observer=watch, interruption=Interruption())
    for name in ("step", "log", "checkpoint", "monitor", "sample grid"):
        predicted = sum(cost.count for stage in forecasts for cost in stage.costs or () if cost.name == name)
        assert predicted == len(watch.sections.get(name, [])), name
    assert all(cost.seconds >= 0 for stage in forecasts for cost in stage.costs or ())


def test_memory_grows_with_the_corpus_that_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "_peak_bytes", lambda device: 2**20)
    recipe = tiny_recipe(data__num_people=200)
    dataset = open_dataset(recipe)
    needs = frozenset({"identity"})
    sample = ClipSample(dataset, measure.LEAST_CLIPS, needs)
    whole = resident_bytes(dataset, dataset.clips("train"), needs)
    (stage,) = measure_stages(recipe, dataset, Distributed.join("cpu"), Observer())
    assert stage.memory_bytes is not None
    held = whole - resident_bytes(sample, sample.clips("train"), needs)
    # Rendered faces are copied once more while they are written to the cache.
    assert stage.memory_bytes - 2**20 == held + whole > 2 * 100 * 16 * 16 * 3


def test_a_sample_holds_clips_of_the_training_split_alone() -> None:
    dataset = open_dataset(tiny_recipe())
    sample = ClipSample(dataset, 5, frozenset())
    train_clips = set(dataset.clips("train").clip.tolist())
    assert len(sample.clips("train")) == 5 and set(sample.clips("train").clip.tolist()) <= train_clips
    assert sample.clips("heldout_people") is not sample.clips("train")
    assert not sample.is_rendered
