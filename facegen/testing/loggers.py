"""Check of loggers."""

import math
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from facegen.core.evidence import Figure
from facegen.core.logger_interface import Evaluation, Logger, RunInfo
from facegen.testing.expect import expect

NUM_STEPS, RESUMED_AT = 4, 2
PIXELS = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)


def check_logger(build: Callable[[RunInfo], Logger]) -> None:
    """Check that a logger takes the events of a run that is killed, resumed and evaluated, and changes nothing.

    Args:
        build: builds the logger of a run; each process of the run has its own.
    """
    with TemporaryDirectory() as folder:
        recipe = {"run": {"name": "run", "seed": 0}, "objective": [{"type": "relid"}], "train": {"steps": NUM_STEPS}}
        run = RunInfo(Path(folder) / "run", recipe, {"facegen": "0.1.0"})
        run.folder.mkdir()
        killed = build(run)
        expect(not list(run.folder.iterdir()), "its constructor writes files; `facegen check` builds it, too")
        _train(killed, run, 0)
        resumed = build(run)
        _train(resumed, run, RESUMED_AT)
        resumed.run_ended("finished")
        _evaluate(build(run), run)


def _train(logger: Logger, run: RunInfo, start: int) -> None:
    logger.run_started()
    for stage in ("match", "train") if start == 0 else ("train",):
        logger.stage_started(stage, start)
        for step in range(start + 1, NUM_STEPS + 1):
            values = {"generator/fake": 1.0 / step, "steps_per_second": 10.0}
            logger.step_logged(stage, step, values)
            expect(values == {"generator/fake": 1.0 / step, "steps_per_second": 10.0}, "changes the logged values")
        checkpoint = run.folder / "checkpoints" / f"{stage}-{NUM_STEPS}"
        checkpoint.mkdir(parents=True, exist_ok=True)
        logger.checkpoint_saved(stage, NUM_STEPS, checkpoint)
        expect(checkpoint.is_dir(), "moves or deletes a checkpoint")
    logger.step_logged("monitor", NUM_STEPS, {"noise_variation": 0.9, "weight_ratio": math.nan})
    logger.image("samples", NUM_STEPS, PIXELS.copy())


def _evaluate(logger: Logger, run: RunInfo) -> None:
    table, picture = run.folder / "heldout_people.md", run.folder / "heldout_people.png"
    table.write_text("# heldout_people\n", encoding="utf-8")
    Image.fromarray(PIXELS).save(picture)
    figures = {
        "matching.v2f.10.generated": Figure("matching.v2f.10.generated", "1:10", 0.4, 0.3, 0.5),
        "frechet.judge": Figure("frechet.judge", "Frechet distance", math.nan, note="too few faces"),
    }
    logger.evaluation_finished(Evaluation("heldout_people", NUM_STEPS, figures, table, picture))
    logger.evaluation_finished(Evaluation("train", None, {}, table, None))
