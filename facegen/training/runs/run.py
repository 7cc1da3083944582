"""A run folder: everything that is needed to go on, to draw and to look back, and nothing from outside."""

import json
import math
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import tomli_w

from facegen import __version__
from facegen.core.batch import DataSpec
from facegen.core.errors import CheckpointError, FacegenError
from facegen.core.files import PART, REPLACED, move, remove, restore_folders, sync_file, write_file
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.recipe import check_recipe
from facegen.core.text.json_text import json_text
from facegen.training.runs.checkpoint import read_step

FORMAT = 1
ABOUT, RECIPE, LOG = "run.json", "recipe.toml", "log.jsonl"
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
    events/          TensorBoard, a folder for each stage

    Attributes:
        path: the folder.
        recipe: resolved.
        data: shape of the corpus.
        corpus_fingerprint: recognises the corpus after it was moved; empty where none was recorded.
        versions: {package: version} of everything that computes, when the run was created.
    """

    path: Path
    recipe: Recipe
    data: DataSpec
    corpus_fingerprint: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, path: Path, recipe: Recipe, data: DataSpec, corpus_fingerprint: str = "") -> "Run":
        """Write the files that make a folder a run; `run.json` comes last, so that it stands for the whole.

        Args:
            path: the folder; made where it is missing.
            recipe, data: as trained.
            corpus_fingerprint: recognises the corpus after it was moved.
        """
        path.mkdir(parents=True, exist_ok=True)
        write_file(path / RECIPE, recipe_text(recipe))
        versions = current_versions(recipe)
        about = {"format": FORMAT, "versions": versions, "corpus_fingerprint": corpus_fingerprint}
        write_file(path / ABOUT, json_text({**about, "data": data.to_json()}, indent=1))
        return cls(path, recipe, data, corpus_fingerprint, versions)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Open an existing run.

        Raises:
            CheckpointError: the folder is missing, is no run, or its recipe no longer checks.
        """
        if not (path / ABOUT).is_file():
            what = "there is no such folder" if not path.exists() else f"holds no {ABOUT}, so it is no run of facegen"
            raise CheckpointError(f"{path}: {what}; a run is made by `facegen train RECIPE`")
        try:
            about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
            data = DataSpec.from_json(about["data"])
            tables = tomllib.loads((path / RECIPE).read_text(encoding="utf-8"))
            known, fingerprint = about["format"], str(about.get("corpus_fingerprint", ""))
            versions = dict(about.get("versions", {}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path}: the run is damaged: {error}") from None
        if known != FORMAT:
            raise CheckpointError(f"{path / ABOUT}: format {known!r}; this facegen reads format {FORMAT}")
        try:
            recipe = check_recipe(tables, str(path / RECIPE))
        except FacegenError as error:
            raise CheckpointError(*error.problems) from error
        return cls(path, recipe, data, fingerprint, versions)

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
        """A stage's newest checkpoint and its step.

        Raises:
            CheckpointError: it is damaged.
        """
        folders = self.checkpoints(stage)
        return (folders[-1], read_step(folders[-1])) if folders else None

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
        """Remove all but the newest checkpoints of a stage; each is renamed first, so that none is ever incomplete."""
        folders = self.checkpoints(stage)
        for folder in folders[: max(len(folders) - keep, 0)]:
            removed = folder.with_name(f".{folder.name}{PART}")
            remove(removed)
            move(folder, removed)
            remove(removed)

    def tidy(self) -> None:
        """Remove what a killed process left: unfinished files, and the match stage's checkpoints once it is over."""
        for folder in (self.path, self.path / "checkpoints", self.path / "samples"):
            restore_folders(folder)
            for unfinished in (path for end in (PART, REPLACED) for path in folder.glob(f".*{end}")):
                remove(unfinished)
        if self.is_matched:
            self.forget_old("match", 0)

    def log(self, stage: str, step: int, values: dict[str, Any]) -> None:
        """Append one line to log.jsonl; "not_finite" says which numbers JSON cannot hold, and what they were."""
        strange = {name: str(v) for name, v in values.items() if isinstance(v, float) and not math.isfinite(v)}
        line = {"stage": stage, "step": step, **values} | ({"not_finite": strange} if strange else {})
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(json_text(line) + "\n")

    def sync_log(self) -> None:
        """Force log.jsonl to the disk."""
        if (self.path / LOG).exists():
            sync_file(self.path / LOG)

    def read_log(self) -> list[dict[str, Any]]:
        """All lines of log.jsonl; a line that a crash cut short is left out."""
        return [entry for _, entry in self._log_lines()]

    def rewind(self, stage: str, step: int) -> None:
        """Take back everything logged or drawn after a step of a stage, from which training goes on.

        Args:
            stage: "match", or "train", to which the monitor's lines belong, too.
            step: the last one that stays.
        """

        def stays(entry: dict[str, Any]) -> bool:
            of_match = entry["stage"] == "match"
            return (of_match and stage != "match") or (entry["step"] <= step and of_match == (stage == "match"))

        kept = [line + "\n" for line, entry in self._log_lines() if stays(entry)]
        if kept or (self.path / LOG).exists():
            write_file(self.path / LOG, "".join(kept))
        for picture in (self.path / "samples").glob("step_*.png"):
            if stage == "match" or int(picture.stem.removeprefix("step_")) > step:
                picture.unlink()

    def _log_lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        path = self.path / LOG
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and {"stage", "step"} <= entry.keys():
                yield line, entry


def recipe_text(recipe: Recipe) -> str:
    """The text of a run's `recipe.toml`."""
    return f"# Resolved from {Path(recipe.source).name} by facegen {__version__}.\n{tomli_w.dumps(recipe.tables)}"


def current_versions(recipe: Recipe) -> dict[str, str]:
    """Versions of facegen, the packages that compute, and the packages that a recipe's parts come from."""
    installed = {"facegen": __version__}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            installed[package] = version(package)
    sources = {config.part.source for configs in recipe.configs.values() for config in configs}
    return {source.package: source.version for source in sources} | installed
