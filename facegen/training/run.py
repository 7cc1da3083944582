"""A run folder: everything that is needed to go on, to draw and to look back, and nothing from outside."""

import json
import math
import shutil
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import tomli_w

from facegen import __version__
from facegen.core.batch import DataSpec
from facegen.core.chosen import Recipe
from facegen.core.errors import CheckpointError, FacegenError
from facegen.core.json_text import json_text
from facegen.core.recipe import check_recipe
from facegen.training.checkpoint import read_state, write_atomically

FORMAT = 1
PACKAGES = ("torch", "numpy", "safetensors", "pydantic")


@dataclass(frozen=True)
class Run:
    """One run's folder.

    recipe.toml      the recipe, resolved
    run.json         what the corpus was, versions of packages and plugins
    log.jsonl        measures, one line each
    samples/         grids of faces, by step
    draft/           what must be known of the run that it refines
    checkpoints/     <stage>-<step>/, and match/ for the finished match stage
    events/          TensorBoard
    """

    path: Path
    recipe: Recipe
    data: DataSpec
    corpus_fingerprint: str = ""

    @classmethod
    def create(cls, path: Path, recipe: Recipe, data: DataSpec, corpus_fingerprint: str = "") -> "Run":
        """Make the folder of a new run; the fingerprint recognises its corpus after that was moved."""
        (path / "checkpoints").mkdir(parents=True, exist_ok=True)
        (path / "samples").mkdir(exist_ok=True)
        header = f"# Resolved from {Path(recipe.source).name} by facegen {__version__}.\n"
        write_atomically(path / "recipe.toml", header + tomli_w.dumps(recipe.tables))
        plugins = {
            choice.part.source.package: choice.part.source.version
            for choices in recipe.choices.values()
            for choice in choices
        }
        about = {
            "format": FORMAT,
            "facegen": __version__,
            "packages": _versions(),
            "plugins": plugins,
            "data": data.to_json(),
            "corpus_fingerprint": corpus_fingerprint,
        }
        write_atomically(path / "run.json", json_text(about, indent=1))
        return cls(path, recipe, data, corpus_fingerprint)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Open an existing run.

        Raises:
            CheckpointError: the folder is missing, is no run, or its recipe no longer checks.
        """
        about = path / "run.json"
        if not about.is_file():
            what = "there is no such folder" if not path.exists() else "holds no run.json, so it is no run of facegen"
            raise CheckpointError(f"{path}: {what}; a run is made by `facegen train RECIPE`")
        try:
            values = json.loads(about.read_text(encoding="utf-8"))
            data, fingerprint = DataSpec.from_json(values["data"]), str(values.get("corpus_fingerprint", ""))
            tables = tomllib.loads((path / "recipe.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path}: the run is damaged: {error}") from None
        try:
            recipe = check_recipe(tables, str(path / "recipe.toml"))
        except FacegenError as error:
            raise CheckpointError(*error.problems) from error
        return cls(path, recipe, data, fingerprint)

    @property
    def match_folder(self) -> Path:
        """Checkpoint of the finished match stage."""
        return self.path / "checkpoints" / "match"

    @property
    def is_matched(self) -> bool:
        """The match stage is over."""
        return self.match_folder.exists()

    @property
    def is_finished(self) -> bool:
        """All stages of the recipe are over."""
        if self.recipe.train is None:
            return self.is_matched
        newest = self.newest("train")
        return newest is not None and newest[1] >= self.recipe.train.steps

    def checkpoint_folder(self, stage: str, step: int) -> Path:
        """Where a stage's checkpoint of a step stands."""
        return self.path / "checkpoints" / f"{stage}-{step:08d}"

    def checkpoints(self, stage: str) -> list[Path]:
        """A stage's checkpoints, oldest first."""
        return sorted((self.path / "checkpoints").glob(f"{stage}-[0-9]*"))

    def newest(self, stage: str) -> tuple[Path, int] | None:
        """A stage's newest checkpoint and its step."""
        found = self.checkpoints(stage)
        return (found[-1], int(read_state(found[-1])["step"])) if found else None

    def drawing_checkpoint(self) -> Path:
        """The newest checkpoint that can draw.

        Raises:
            CheckpointError: training has not come that far.
        """
        newest = self.newest("train")
        if newest is None:
            raise CheckpointError(f"{self.path}: no generator was saved yet; `facegen train ... --resume` goes on")
        return newest[0]

    def forget_old(self, stage: str, keep: int) -> None:
        """Remove all but the newest checkpoints of a stage."""
        found = self.checkpoints(stage)
        for folder in found[: max(len(found) - keep, 0)]:
            shutil.rmtree(folder)

    def log(self, stage: str, step: int, values: dict[str, Any]) -> None:
        """Append one line to log.jsonl; "not_finite" says which numbers JSON cannot hold, and what they were."""
        strange = {name: str(v) for name, v in values.items() if isinstance(v, float) and not math.isfinite(v)}
        line = {"stage": stage, "step": step, **values} | ({"not_finite": strange} if strange else {})
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json_text(line) + "\n")

    def read_log(self) -> list[dict[str, Any]]:
        """All lines of log.jsonl; a line that a crash cut short is left out."""
        path = self.path / "log.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        entries = []
        for line in lines:
            try:
                entries.append(json.loads(line))
            except ValueError:
                continue
        return entries

    def rewind_log(self, stage: str, step: int) -> None:
        """Drop what was logged after a checkpoint that training goes on from."""
        kept = [entry for entry in self.read_log() if entry["stage"] != stage or entry["step"] <= step]
        write_atomically(self.path / "log.jsonl", "".join(json_text(entry) + "\n" for entry in kept))


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
