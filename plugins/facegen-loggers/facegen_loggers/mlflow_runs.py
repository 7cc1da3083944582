import math
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from time import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen import Evaluation, Logger, PluginError, RunInfo

ID_FILE = "mlflow_id"
"""File in the run folder with the id of the run in MLflow, so that a resumed training continues it."""
STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
MAX_PARAMS = 100
"""Largest number of parameters in one request."""


class Mlflow(Logger):
    """Run of MLflow: parameters, scalars, figures of evaluations, and sample grids if asked for.

    Offline, all runs of one folder share the database mlflow.db beside them, and their files are in mlartifacts/:
    `mlflow ui --backend-store-uri sqlite:///runs/mlflow.db`. MLflow cannot discard values: if a killed training
    is resumed, it has the steps since the checkpoint twice.

    Engine:
        run: supplies the name, the recipe and the folder.
    Settings:
        experiment: name of the experiment.
        tracking_uri: address of a server, or of a database; "" for mlflow.db beside the run folder.
        images: also log sample grids. They contain faces of the corpus: ask yourself whether its people agreed to an
            upload.
    Source:
        Ours; https://mlflow.org/docs.
    """

    def __init__(
        self, run: RunInfo, *, experiment: str = "facegen", tracking_uri: str = "", images: bool = False
    ) -> None:
        self._info, self._experiment, self._images = run, experiment, images
        self._uri = tracking_uri or f"sqlite:///{run.folder.parent / 'mlflow.db'}"
        self._client: Any = None
        self._id = ""

    def run_started(self) -> None:
        self._open()

    def step_logged(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        self._log({f"{stage}/{name}": value for name, value in values.items()}, step)

    def image(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        if self._images:
            self._client.log_image(self._id, pixels, artifact_file=f"{name}/step_{step:08d}.png")

    def evaluation_finished(self, evaluation: Evaluation) -> None:
        self._open()
        figures = {f"{evaluation.name}/{key}": figure.value for key, figure in evaluation.figures.items()}
        self._log(figures, evaluation.step or 0)
        self._client.log_artifact(self._id, str(evaluation.table), artifact_path="evaluation")
        if self._images and evaluation.picture is not None:
            self._client.log_artifact(self._id, str(evaluation.picture), artifact_path="evaluation")

    def run_ended(self, status: str) -> None:
        self._client.set_terminated(self._id, STATUS[status])

    def _open(self) -> None:
        mlflow = _import("mlflow")
        self._client = mlflow.MlflowClient(tracking_uri=self._uri)
        stored = self._info.folder / ID_FILE
        if not stored.exists():
            stored.write_text(self._create(), encoding="utf-8")
        self._id = stored.read_text(encoding="utf-8")

    def _create(self) -> str:
        experiment = self._client.get_experiment_by_name(self._experiment)
        files = (self._info.folder.parent / "mlartifacts").as_uri() if self._uri.startswith("sqlite:") else None
        number = (
            self._client.create_experiment(self._experiment, artifact_location=files)
            if experiment is None
            else experiment.experiment_id
        )
        created = self._client.create_run(number, run_name=self._info.folder.name)
        entities = _import("mlflow.entities")
        params = [entities.Param(key, value) for key, value in _flat(self._info.recipe)]
        for some in _batches(params, MAX_PARAMS):
            self._client.log_batch(created.info.run_id, params=some)
        return str(created.info.run_id)

    def _log(self, values: Mapping[str, float], step: int) -> None:
        metric, milliseconds = _import("mlflow.entities").Metric, int(time() * 1000)
        metrics = [metric(name, value, milliseconds, step) for name, value in values.items() if math.isfinite(value)]
        for some in _batches(metrics, MAX_PARAMS):
            self._client.log_batch(self._id, metrics=some)


def _flat(tables: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted key, text) of every value of nested tables and lists of tables."""
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
            yield from _flat({str(number): entry for number, entry in enumerate(value)}, f"{above}{key}.")
        else:
            yield f"{above}{key}", str(value)


def _batches(entries: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _import(module: str) -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        return import_module(module)
    except ImportError as error:
        raise PluginError(f"{error}; install it with `pip install 'facegen-loggers[mlflow]'`") from error
