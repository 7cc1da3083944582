from collections.abc import Mapping
from importlib import import_module
from secrets import token_hex
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from facegen import Evaluation, Logger, PluginError, RunInfo

ID_FILE = "wandb_id"
"""File in the run folder with the id of the run at Weights & Biases, so that a resumed training continues it."""


class Wandb(Logger):
    """Run of Weights & Biases: scalars, figures of evaluations, and sample grids if asked for.

    Offline, the run is stored in the run folder under wandb/, and nothing leaves the machine before `wandb sync`. A
    resumed training is a further folder there, of the same run: `wandb sync --append`.

    Engine:
        run: supplies the name, the recipe and the folder.
    Settings:
        project: name of the project.
        entity: user or team that owns it; "" for the default one of the account.
        tags: tags of the run.
        mode: "offline" stores the run on this machine; "online" uploads it while it trains.
        images: also log sample grids. They contain faces of the corpus: ask yourself whether its people agreed to an
            upload.
    Source:
        Ours; https://docs.wandb.ai.
    """

    def __init__(
        self,
        run: RunInfo,
        *,
        project: str = "facegen",
        entity: str = "",
        tags: tuple[str, ...] = (),
        mode: Literal["offline", "online"] = "offline",
        images: bool = False,
    ) -> None:
        self._info, self._images = run, images
        self._project, self._entity, self._tags, self._mode = project, entity or None, tags, mode
        self._run: Any = None

    def run_started(self) -> None:
        self._run = self._open()

    def step_logged(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        self._run.log({f"{stage}/{name}": value for name, value in values.items()} | {f"{stage}/step": step})

    def image(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        if self._images:
            self._run.log({f"images/{name}": _wandb().Image(pixels), "images/step": step})

    def evaluation_finished(self, evaluation: Evaluation) -> None:
        run = self._open()
        figures = {f"evaluation/{evaluation.name}/{key}": figure.value for key, figure in evaluation.figures.items()}
        run.log(figures | {"evaluation/step": evaluation.step or 0})
        if self._images and evaluation.picture is not None:
            run.log({f"images/{evaluation.name}": _wandb().Image(str(evaluation.picture))})
        run.finish()

    def run_ended(self, status: str) -> None:
        self._run.finish(exit_code=0 if status == "finished" else 1)

    def _open(self) -> Any:
        wandb = _wandb()
        stored = self._info.folder / ID_FILE
        if not stored.exists():
            stored.write_text(token_hex(4), encoding="utf-8")
        run = wandb.init(
            project=self._project, entity=self._entity, tags=self._tags, mode=self._mode, name=self._info.folder.name,
            id=stored.read_text(encoding="utf-8"), resume="allow" if self._mode == "online" else None,
            dir=str(self._info.folder),
            config={"recipe": dict(self._info.recipe), "versions": dict(self._info.versions)},
            settings=wandb.Settings(console="off", silent=True, x_disable_stats=True),
        )  # fmt: skip
        for prefix in ("match", "train", "monitor", "images", "evaluation"):
            run.define_metric(f"{prefix}/*", step_metric="train/step" if prefix == "monitor" else f"{prefix}/step")
        return run


def _wandb() -> Any:
    try:
        return import_module("wandb")
    except ImportError as error:
        raise PluginError(f"{error}; install it with `pip install 'facegen-loggers[wandb]'`") from error
