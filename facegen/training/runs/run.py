"""Run folder: everything that is needed to resume, generate and evaluate, without the corpus."""

import json
import math
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
from facegen.core.text.toml_text import parse_toml
from facegen.training.runs.checkpoint import read_step
from facegen.training.runs.formats import RUN_FORMAT, require_format

METADATA, RECIPE, LOG, DRAFT_FOLDER = "run.json", "recipe.toml", "log.jsonl", "draft"
PACKAGES = ("torch", "numpy", "safetensors", "pydantic")


@dataclass(frozen=True)
class Run:
    """Folder of one run.

    recipe.toml      the resolved recipe
    run.json         shape and fingerprint of the corpus, versions of packages and plugins
    log.jsonl        logged values, one line per `log_steps`
    samples/         grids of faces, by step
    draft/           recipe and corpus description of the run that it refines
    checkpoints/     <stage>-<step>/, and match/ for the finished match stage
    events/          TensorBoard events, one folder per stage

    Attributes:
        path: the folder.
        recipe: resolved.
        data: shape of the corpus.
        corpus_fingerprint: hash of the corpus, independent of its path; empty if none was recorded.
        versions: {package: version} of facegen, the packages that compute and the plugins, when the run was created.
    """

    path: Path
    recipe: Recipe
    data: DataSpec
    corpus_fingerprint: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the folder; of a model file that was unpacked, the name of the file without its suffix."""
        return self.path.resolve().name

    @classmethod
    def create(cls, path: Path, recipe: Recipe, data: DataSpec, corpus_fingerprint: str = "") -> "Run":
        """Create a run; `run.json` is written last, so a folder that has it is complete.

        Args:
            path: the folder; created if it is missing.
            recipe, data: of the training.
            corpus_fingerprint: hash of the corpus, independent of its path.
        """
        path.mkdir(parents=True, exist_ok=True)
        write_file(path / RECIPE, recipe_text(recipe))
        versions = current_versions(recipe)
        metadata = {"format": RUN_FORMAT, "versions": versions, "corpus_fingerprint": corpus_fingerprint}
        write_file(path / METADATA, json_text({**metadata, "data": data.to_json()}, indent=1))
        return cls(path, recipe, data, corpus_fingerprint, versions)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Open an existing run.

        Raises:
            CheckpointError: the folder is missing, is no run, has the format of another version, or its recipe is
                refused.
        """
        if not (path / METADATA).is_file():
            reason = "there is no such folder" if not path.exists() else f"holds no {METADATA}, so it is no run"
            raise CheckpointError(f"{path}: {reason}; `facegen train RECIPE` creates a run")
        try:
            metadata = json.loads((path / METADATA).read_text(encoding="utf-8"))
            require_format(path / METADATA, metadata, RUN_FORMAT)
            data = DataSpec.from_json(metadata["data"])
            tables = parse_toml((path / RECIPE).read_text(encoding="utf-8"))
            fingerprint, versions = str(metadata["corpus_fingerprint"]), dict(metadata["versions"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path}: the run is damaged: {error}; restore it from a copy") from None
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
        """True if the match stage is finished."""
        return self.match_folder.exists()

    @property
    def is_finished(self) -> bool:
        """True if all stages of the recipe are finished."""
        if self.recipe.train is None:
            return self.is_matched
        newest = self.newest("train")
        return newest is not None and newest[1] >= self.recipe.train.steps

    def checkpoint_folder(self, stage: str, step: int) -> Path:
        """Return the folder of a stage's checkpoint at a step."""
        return self.path / "checkpoints" / f"{stage}-{step:08d}"

    def checkpoints(self, stage: str) -> list[Path]:
        """List a stage's checkpoints, oldest first."""
        return sorted((self.path / "checkpoints").glob(f"{stage}-[0-9]*"))

    def newest(self, stage: str) -> tuple[Path, int] | None:
        """Return a stage's newest checkpoint and its step; None if there is none.

        Raises:
            CheckpointError: the checkpoint is damaged.
        """
        folders = self.checkpoints(stage)
        return (folders[-1], read_step(folders[-1])) if folders else None

    def generator_checkpoint(self) -> Path:
        """Return the newest checkpoint of the train stage, which holds a generator.

        Raises:
            CheckpointError: there is none yet.
        """
        newest = self.newest("train")
        if newest is None:
            raise CheckpointError(f"{self.path}: no generator was saved yet; resume with `facegen train ... --resume`")
        return newest[0]

    def prune_checkpoints(self, stage: str, keep: int) -> None:
        """Remove all but the newest checkpoints of a stage; each is renamed first, so none is ever incomplete."""
        folders = self.checkpoints(stage)
        for folder in folders[: max(len(folders) - keep, 0)]:
            removed = folder.with_name(f".{folder.name}{PART}")
            remove(removed)
            move(folder, removed)
            remove(removed)

    def remove_leftovers(self) -> None:
        """Remove what a killed process left: unfinished files, and checkpoints of the finished match stage."""
        for folder in (self.path, self.path / "checkpoints", self.path / "samples"):
            restore_folders(folder)
            for unfinished in (path for end in (PART, REPLACED) for path in folder.glob(f".*{end}")):
                remove(unfinished)
        if self.is_matched:
            self.prune_checkpoints("match", 0)

    def log(self, stage: str, step: int, values: dict[str, Any]) -> None:
        """Append one line to log.jsonl; "not_finite" holds the values that JSON has no number for, as text."""
        not_finite = {name: str(v) for name, v in values.items() if isinstance(v, float) and not math.isfinite(v)}
        line = {"stage": stage, "step": step, **values} | ({"not_finite": not_finite} if not_finite else {})
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(json_text(line) + "\n")

    def sync_log(self) -> None:
        """Sync log.jsonl to the disk."""
        if (self.path / LOG).exists():
            sync_file(self.path / LOG)

    def read_log(self) -> list[dict[str, Any]]:
        """Read all lines of log.jsonl, without lines that a crash cut short."""
        return [entry for _, entry in self._log_lines()]

    def rewind(self, stage: str, step: int) -> None:
        """Remove log lines and sample grids after a step of a stage, from which training resumes.

        Args:
            stage: "match", or "train", to which the monitor's lines belong, too.
            step: the last step to keep.
        """

        def is_kept(entry: dict[str, Any]) -> bool:
            of_match = entry["stage"] == "match"
            return (of_match and stage != "match") or (entry["step"] <= step and of_match == (stage == "match"))

        kept = [line + "\n" for line, entry in self._log_lines() if is_kept(entry)]
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
    """Format the text of a run's `recipe.toml`."""
    return f"# Resolved from {Path(recipe.source).name} by facegen {__version__}.\n{tomli_w.dumps(recipe.tables)}"


def current_versions(recipe: Recipe) -> dict[str, str]:
    """Look up the versions of facegen, the packages that compute, and the packages of a recipe's parts."""
    installed = {"facegen": __version__}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            installed[package] = version(package)
    sources = {config.part.source for configs in recipe.configs.values() for config in configs}
    return {source.package: source.version for source in sources} | installed
