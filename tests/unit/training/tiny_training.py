"""Training small enough for hundreds of runs: a stage to follow by hand, and a recipe whose networks are tiny."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import Recipe, check_recipe
from facegen.core.recipe.tables import TrainSettings
from facegen.data.media.grids import save_png
from facegen.training.distributed import Distributed
from facegen.training.loop import run_stage
from facegen.training.runs.checkpoint import save_checkpoint
from facegen.training.runs.claim import claim_run
from facegen.training.runs.run_logger import RunLogger
from facegen.training.train import open_dataset

WORLD = Distributed(0, 1, torch.device("cpu"))
TABLES: dict[str, Any] = {
    "run": {"name": "tiny", "seed": 3, "device": "cpu"},
    "logger": [],
    "data": {
        "type": "synthetic", "image_pixels": 16, "num_people": 8, "num_heldout_people": 2, "clips_per_person": 1,
        "frames_per_clip": 1, "clip_seconds": 0.1, "speech_seconds": 0.1,
    },
    "conditioner": {"type": "one_hot", "condition_dim": 4},
    "discriminator": {"type": "projection", "width": 2, "max_width": 4},
    "match": {
        "type": "softmax", "steps": 3, "batch_size": 4, "log_steps": 2, "checkpoint_steps": 2, "num_candidates": 3,
    },
}  # fmt: skip
GAME: dict[str, Any] = {
    "generator": {"type": "dcgan", "width": 2},
    "objective": {"type": "relid"},
    "train": {
        "steps": 5, "batch_size": 4, "log_steps": 2, "checkpoint_steps": 3, "keep_checkpoints": 1, "sample_steps": 4,
        "monitor_steps": 2,
    },
}  # fmt: skip


def tiny_recipe(game: bool = False, **changes: Any) -> Recipe:
    """Return a recipe that trains in a fraction of a second; a keyword's double underscore is a dot."""
    tables = {**TABLES, **(GAME if game else {})}
    for key, value in changes.items():
        table, _, name = key.partition("__")
        tables[table] = {**tables[table], name: value}
    return check_recipe(tables, "tiny.toml")


class Walk:
    """A random walk down a slope: momentum is the optimiser's state, noise the generator's."""

    keep_checkpoints = 9

    def __init__(
        self,
        at_step: Callable[[int], object] | None = None,
        *,
        name: str = "walk",
        steps: int = 12,
        log_steps: int = 4,
        checkpoint_steps: int = 4,
        batch_size: int = 4,
    ) -> None:
        self.name, self.steps, self.log_steps, self.checkpoint_steps = name, steps, log_steps, checkpoint_steps
        self.settings = TrainSettings(batch_size=batch_size)
        self.network = nn.Linear(2, 1)
        nn.init.ones_(self.network.weight)
        nn.init.zeros_(self.network.bias)
        self.modules: Mapping[str, nn.Module] = {"network": self.network}
        self.optimisers: Mapping[str, torch.optim.Optimizer] = {
            "network": torch.optim.SGD(self.network.parameters(), 0.01, momentum=0.9)
        }
        self.at_step = at_step

    def step(self, step: int) -> dict[str, Tensor]:
        if self.at_step is not None:
            self.at_step(step)
        loss = (self.network(torch.randn(4, 2)) - 3).square().mean()
        self.optimisers["network"].zero_grad()
        loss.backward()
        self.optimisers["network"].step()
        return {"loss": loss.detach(), "index": torch.tensor(float(step))}

    def after_step(self, done_steps: int) -> None: ...


class WatchedWalk(Walk):
    """A walk that is monitored after every second step, and draws a picture after every third."""

    keep_checkpoints = 1

    def __init__(self, logger: RunLogger, **settings: Any) -> None:
        super().__init__(**settings)
        self.logger = logger

    def after_step(self, done_steps: int) -> None:
        if self.name == "train" and done_steps % 2 == 0:
            self.logger.step_logged("monitor", done_steps, {"weight": self.network.weight.sum().item()})
        if self.name == "train" and done_steps % 3 == 0:
            picture = Image.new("RGB", (2, 2), (done_steps, 0, 0))
            save_png(picture, self.logger.run.path / "samples" / f"step_{done_steps:08d}.png")


def train_walks(out: Path, recipe: Recipe, **settings: Any) -> WatchedWalk:
    """Take a run folder through two stages of walks: created, resumed, and handed over as `facegen train` does."""
    with claim_run(
        out, recipe, open_dataset(recipe), resume=True, distributed=WORLD, observer=Observer()
    ) as run:  # fmt: skip
        logger = RunLogger(run, Observer())
        sizes = {"steps": 5, "log_steps": 2, "checkpoint_steps": 3} | settings
        try:
            if not run.is_matched:
                walk = WatchedWalk(logger, name="match", **sizes)
                run_stage(walk, run, 0, WORLD, Observer(), logger, Interruption())
                save_checkpoint(run.match_folder, {"step": 5}, walk.modules, {})
                run.prune_checkpoints("match", 0)
            walk = WatchedWalk(logger, name="train", **sizes)
            run_stage(walk, run, 0, WORLD, Observer(), logger, Interruption())
        finally:
            logger.run_ended("finished")
        return walk
