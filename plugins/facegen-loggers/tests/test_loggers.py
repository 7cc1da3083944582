"""Loggers of Weights & Biases and MLflow, offline: the contract, and what can be read back."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from facegen import Evaluation, Figure, PluginError, RunInfo
from facegen.testing import check_part

PARTS = {"wandb": "facegen_loggers.wandb_runs:Wandb", "mlflow": "facegen_loggers.mlflow_runs:Mlflow"}
RECIPE = {"run": {"name": "a", "seed": 3}, "objective": [{"type": "relid", "weight": 0.5}], "train": {"steps": 4}}


def part(name: str) -> Any:
    module, _, attribute = PARTS[name].partition(":")
    return getattr(import_module(module), attribute)


@pytest.fixture
def run(tmp_path: Path) -> RunInfo:
    (tmp_path / "runs" / "a").mkdir(parents=True)
    return RunInfo(tmp_path / "runs" / "a", RECIPE, {"facegen": "0.1.0"})


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.filterwarnings("ignore")  # of the packages
def test_keeps_the_contract(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    monkeypatch.setenv("WANDB_SILENT", "true")
    check_part("logger", part(name))
    check_part("logger", part(name), images=True)


@pytest.mark.parametrize("name", PARTS)
def test_a_missing_package_is_named_with_its_remedy(name: str, run: RunInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PluginError, match=rf"install it with `pip install 'facegen-loggers\[{name}\]'`"):
        part(name)(run).run_started()


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_one_run_with_its_values(run: RunInfo) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    for start, status in ((0, "interrupted"), (2, "finished")):
        logger = part("mlflow")(run, images=False)
        logger.run_started()
        logger.stage_started("train", start)
        for step in (start + 1, start + 2):
            logger.step_logged("train", step, {"loss": 1 / step})
        logger.run_ended(status)
    figure = Figure("matching.v2f", "V-F", 0.25)
    table, picture = run.folder / "train.md", run.folder / "train.png"
    table.write_text("# train\n")
    picture.write_bytes(b"a face")
    part("mlflow")(run).evaluation_finished(Evaluation("train", 4, {figure.key: figure}, table, picture))
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{run.folder.parent / 'mlflow.db'}")
    (stored,) = client.search_runs([client.get_experiment_by_name("facegen").experiment_id])
    assert (stored.info.run_name, stored.info.status) == ("a", "FINISHED")
    assert stored.data.params == {
        "run.name": "a", "run.seed": "3", "objective.0.type": "relid", "objective.0.weight": "0.5", "train.steps": "4",
    }  # fmt: skip
    history = client.get_metric_history(stored.info.run_id, "train/loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.25)]
    assert stored.data.metrics["train/matching.v2f"] == 0.25
    files = [file.name for file in (run.folder.parent / "mlartifacts").rglob("*") if file.is_file()]
    assert files == ["train.md"]  # no picture, as nobody asked for it


def test_wandb_gets_one_run_with_its_values(run: RunInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for the package, whose offline files are not public."""
    calls: list[tuple[str, Any]] = []

    class FakeRun:
        def log(self, values: Any) -> None:
            calls.append(("log", values))

        def define_metric(self, name: str, step_metric: str) -> None: ...

        def finish(self, exit_code: int = 0) -> None:
            calls.append(("finish", exit_code))

    class FakeWandb:
        Settings = staticmethod(lambda **settings: settings)
        Image = staticmethod(lambda pixels: pixels)

        @staticmethod
        def init(**options: Any) -> FakeRun:
            calls.append(("init", options))
            return FakeRun()

    monkeypatch.setitem(sys.modules, "wandb", FakeWandb)
    for step in (1, 2):
        logger = part("wandb")(run, project="faces")
        logger.run_started()
        logger.step_logged("train", step, {"loss": 0.5})
        logger.image("samples", step, None)
        logger.run_ended("interrupted" if step == 1 else "finished")
    inits = [options for name, options in calls if name == "init"]
    assert {(options["id"], options["project"], options["mode"], options["name"]) for options in inits} == {
        ((run.folder / "wandb_id").read_text(), "faces", "offline", "a")
    }
    assert [(name, values) for name, values in calls if name != "init"] == [
        ("log", {"train/loss": 0.5, "train/step": 1}), ("finish", 1),
        ("log", {"train/loss": 0.5, "train/step": 2}), ("finish", 0),
    ]  # fmt: skip
