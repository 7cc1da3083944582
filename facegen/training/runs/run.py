"""Run folder: everything that is needed to resume, generate and evaluate, without the corpus."""

import re
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from facegen import __version__
from facegen.core.batch import DataSpec
from facegen.core.errors import CheckpointError, FacegenError
from facegen.core.files import PART, REPLACED, move, remove, restore_folders, sync_file, write_file
from facegen.core.model_schema import CorpusDescription
from facegen.core.readable_files import real_path
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.part_paths import part_paths
from facegen.core.recipe.plugin_packages import missing_packages, plugin_packages
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.run_files import METADATA, RECIPE
from facegen.core.run_schema import MAX_RECIPE_BYTES, MAX_RUN_BYTES, ChangeRecord, FileRecord, RunMetadata, StartRecord
from facegen.core.text.json_text import json_text
from facegen.core.text.toml_text import parse_toml
from facegen.training.runs.checkpoint import read_step
from facegen.training.runs.formats import read_bounded, read_json
from facegen.training.runs.log_lines import append_line, read_lines
from facegen.training.runs.part_files import (
    RunFile,
    copy_files,
    describe_files,
    opened_tables,
    read_files,
    with_run_files,
)

LOG, DRAFT_FOLDER = "log.jsonl", "draft"
PICTURE_STEP = re.compile(r"[0-9]{1,18}")
PACKAGES = ("torch", "numpy", "safetensors", "pydantic")


@dataclass(frozen=True)
class Run:
    """Folder of one run.

    recipe.toml      the resolved recipe
    run.json         shape and fingerprint of the corpus, versions of packages and plugins
    log.jsonl        logged values, one line per `log_steps`
    samples/         grids of faces, by step
    files/           copies of the files that its parts read, if there are any
    draft/           recipe and corpus description of the run that it refines
    checkpoints/     <stage>-<step>/, and match/ for the finished match stage
    events/, csv/    written by the loggers of the recipe: TensorBoard events, tables

    Attributes:
        path: the folder.
        recipe: resolved.
        data: shape of the corpus.
        corpus_fingerprint: hash of the corpus, independent of its path; empty if none was recorded.
        versions: {package: version} of facegen, the packages that compute and the plugins, when the run was created.
        start: the networks that the train stage started from; None without [train] start, and before it begins.
        changes: settings that were changed when the run was resumed, oldest first.
        files: copies of the files that its parts read.
    """

    path: Path
    recipe: Recipe
    data: DataSpec
    corpus_fingerprint: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    start: StartRecord | None = None
    changes: tuple[ChangeRecord, ...] = ()
    files: tuple[RunFile, ...] = ()

    @property
    def name(self) -> str:
        """Name of the folder; of a model file that was unpacked, the name of the file without its suffix."""
        return real_path(self.path).name

    @classmethod
    def create(cls, path: Path, recipe: Recipe, data: DataSpec, corpus_fingerprint: str = "") -> "Run":
        """Create a run; `run.json` is written last, so a folder that has it is complete.

        Args:
            path: the folder; created if it is missing.
            recipe, data: of the training.
            corpus_fingerprint: hash of the corpus, independent of its path.
        Raises:
            CheckpointError: the description of the corpus exceeds a bound.
        """
        stored, files = describe_files(recipe)
        run = cls(path, recipe, data, corpus_fingerprint, current_versions(recipe), files=tuple(files))
        text = run.metadata_text()
        path.mkdir(parents=True, exist_ok=True)
        copy_files(path, files)
        write_file(path / RECIPE, recipe_text(stored))
        write_file(path / METADATA, text)
        return replace(run, recipe=with_run_files(path, recipe, files))

    def metadata_text(self) -> str:
        """Format the text of run.json.

        Raises:
            CheckpointError: something exceeds a bound.
        """
        try:
            metadata = RunMetadata(
                versions=self.versions, plugins=plugin_packages([self.recipe]),
                corpus_fingerprint=self.corpus_fingerprint, data=CorpusDescription.of(self.data), start=self.start,
                changes=self.changes, files=tuple(FileRecord(**asdict(file)) for file in self.files),
            )  # fmt: skip
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise CheckpointError(f"{self.path}: {where} does not fit a run: {first['msg']}") from error
        return json_text(metadata.model_dump(mode="json"), indent=1)

    def with_start(self, start: StartRecord) -> "Run":
        """Record the networks that the train stage starts from."""
        run = replace(self, start=start)
        write_file(self.path / METADATA, run.metadata_text())
        return run

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

        def damage(reason: str) -> str:
            return f"{path}: the run is damaged: {reason}; restore it from a copy"

        metadata = read_json(path / METADATA, RunMetadata, MAX_RUN_BYTES, damage)
        try:
            tables = parse_toml(read_bounded(path / RECIPE, MAX_RECIPE_BYTES))
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(damage(str(error))) from None
        files = read_files(path, [record.model_dump() for record in metadata.files])
        try:
            recipe = check_recipe(tables, str(path / RECIPE))
            if part_paths(recipe):
                recipe = check_recipe(opened_tables(path, recipe, files), str(path / RECIPE))
        except CheckpointError:
            raise
        except FacegenError as error:
            raise CheckpointError(
                *(missing_packages(path, error.problems, metadata.plugins) or error.problems)
            ) from error
        return cls(
            path, recipe, metadata.data.spec, metadata.corpus_fingerprint, metadata.versions, metadata.start,
            metadata.changes, tuple(files),
        )  # fmt: skip

    def with_loggers(self, recipe: Recipe) -> "Run":
        """Return the run with the loggers of another recipe, which its stored recipe gets, too."""
        if self.recipe.tables.get("logger") == recipe.tables.get("logger"):
            return self
        tables = {name: table for name, table in self.recipe.tables.items() if name != "logger"}
        tables |= {"logger": recipe.tables["logger"]} if "logger" in recipe.tables else {}
        changed = replace(check_recipe(tables, self.recipe.source), earlier=self.recipe.earlier)
        write_file(self.path / RECIPE, recipe_text(describe_files(changed)[0]))
        return replace(self, recipe=changed)

    @property
    def match_folder(self) -> Path:
        """Checkpoint of the finished match stage."""
        return self.path / "checkpoints" / "match"

    @property
    def is_matched(self) -> bool:
        """True if the match stage is finished."""
        return self.match_folder.exists()

    @property
    def match_step(self) -> int:
        """Number of steps of the finished match stage.

        Raises:
            CheckpointError: it is not finished, or damaged.
        """
        return read_step(self.match_folder)

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
        """Append one line to log.jsonl."""
        append_line(self.path / LOG, stage, step, values)

    def sync_log(self) -> None:
        """Sync log.jsonl to the disk."""
        if (self.path / LOG).exists():
            sync_file(self.path / LOG)

    def read_log(self) -> list[dict[str, Any]]:
        """Read all lines of log.jsonl, without lines that a crash cut short."""
        return [entry for _, entry in read_lines(self.path / LOG)]

    def rewind(self, stage: str, step: int) -> None:
        """Remove log lines and sample grids after a step of a stage, from which training resumes.

        Args:
            stage: "match", or "train", to which the monitor's lines belong, too.
            step: the last step to keep.
        """

        def is_kept(entry: dict[str, Any]) -> bool:
            of_match = entry["stage"] == "match"
            return (of_match and stage != "match") or (entry["step"] <= step and of_match == (stage == "match"))

        kept = [line + "\n" for line, entry in read_lines(self.path / LOG) if is_kept(entry)]
        if kept or (self.path / LOG).exists():
            write_file(self.path / LOG, "".join(kept))
        for picture in (self.path / "samples").glob("step_*.png"):
            number = picture.stem.removeprefix("step_")
            if stage == "match" or (PICTURE_STEP.fullmatch(number) and int(number) > step):
                remove(picture)


def recipe_text(recipe: Recipe) -> str:
    """Format the text of a run's `recipe.toml`."""
    return f"# Resolved from {Path(recipe.source).name} by facegen {__version__}.\n{tomli_w.dumps(recipe.tables)}"


def current_versions(recipe: Recipe) -> dict[str, str]:
    """Look up the versions of facegen, the packages that compute, and the packages of a recipe's parts."""
    installed = {"facegen": __version__}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            installed[package] = version(package)
    # Loggers do not change the result.
    sources = {config.part.source for kind, configs in recipe.configs.items() if kind != "logger" for config in configs}
    return {source.package: source.version for source in sources} | installed
