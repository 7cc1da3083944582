"""Claim a run folder for training, under its lock: create the run, or check that it is the run of the recipe."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from facegen.core.errors import CheckpointError
from facegen.core.files import LOCK, PART, file_lock
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.readable_files import read_bytes
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.run_files import METADATA, RECIPE
from facegen.core.run_schema import ChangeRecord
from facegen.training.distributed import Distributed
from facegen.training.runs.part_files import FILES, describe_files, with_run_files
from facegen.training.runs.resume_changes import apply_changes, rate_notes, resume_changes
from facegen.training.runs.run import Run, current_versions, recipe_text


@contextmanager
def claim_run(
    out: Path, recipe: Recipe, dataset: Dataset, *, resume: bool, distributed: Distributed, observer: Observer
) -> Iterator[Run]:
    """Hold the lock of a run folder while the block trains in it.

    Args:
        out: the folder; created if it is missing.
        recipe, dataset: of the training.
        resume: accept a folder that holds the run already.
        distributed: the main process creates, locks and cleans the folder; the others wait.
        observer: gets a warning if the run was started with other versions of packages, and messages about settings
            that are changed.
    Raises:
        CheckpointError: the folder holds other files, another process trains there, a setting differs that must not
            change, or the corpus is not the one that the run was started with.
    """
    _require_free(out, recipe, resume)
    distributed.wait()  # every process must look before one writes
    with ExitStack() as locks:
        if distributed.is_main_process:
            out.mkdir(parents=True, exist_ok=True)
            try:
                locks.enter_context(file_lock(out / LOCK))
            except BlockingIOError:
                raise CheckpointError(f"{out}: another process is training this run; wait for it, or stop it") from None
            _require_free(out, recipe, resume)  # another process may have started a run since
            if not (out / METADATA).exists():
                Run.create(out, recipe, dataset.spec, dataset.fingerprint())
        distributed.wait()
        run = Run.open(out)
        recipe = with_run_files(out, recipe, run.files)
        changes = resume_changes(run, recipe)
        _require_same_corpus(run, dataset)
        distributed.wait()  # every process must compare before one writes
        if distributed.is_main_process:
            run = run.with_loggers(recipe)
        if distributed.is_main_process:
            _warn_of_other_versions(run, observer)
            run.remove_leftovers()
            if changes:
                _announce(run, recipe, changes, observer)
                apply_changes(run, recipe, changes)
        distributed.wait()
        yield Run.open(out) if changes else run


def _require_free(out: Path, recipe: Recipe, resume: bool) -> None:
    if (out / METADATA).exists():
        if not resume:
            raise CheckpointError(
                f"{out}: holds a run already; resume it with --resume, or give another folder with --out"
            )
    elif out.exists() and not all(_is_leftover(path, recipe) for path in out.iterdir()):
        raise CheckpointError(f"{out}: is not empty and holds no run; give another folder with --out")


def _is_leftover(path: Path, recipe: Recipe) -> bool:
    """Tell whether a file was left by a process that was killed while it created this run."""
    if path.name == RECIPE:
        own = recipe_text(describe_files(recipe)[0]).encode()
        return path.is_file() and path.stat().st_size == len(own) and read_bytes(path) == own
    if path.name == FILES:
        return path.is_dir() and all(re.fullmatch(r"[0-9a-f]{16}|\..*", copied.name) for copied in path.iterdir())
    unfinished = path.name.endswith(PART) and path.name.startswith((f".{RECIPE}.", f".{METADATA}."))
    return path.name == LOCK or unfinished


def _announce(run: Run, recipe: Recipe, changes: list[ChangeRecord], observer: Observer) -> None:
    for change in changes:
        observer.say(f"changed from {change}")
    for stage, step in dict.fromkeys((change.stage, change.step) for change in changes):
        for note in rate_notes(run.recipe, recipe, stage, step):
            observer.say(note)


def _require_same_corpus(run: Run, dataset: Dataset) -> None:
    if run.data != dataset.spec or run.corpus_fingerprint not in ("", dataset.fingerprint()):
        raise CheckpointError(
            f"{run.path}: its corpus has changed since the run was started (people, clips or files); restore the "
            f"corpus, or start another run with --out"
        )


def _warn_of_other_versions(run: Run, observer: Observer) -> None:
    now = current_versions(run.recipe)
    changed = [f"{name} {before} -> {now.get(name, 'none')}" for name, before in run.versions.items()
               if now.get(name) != before]  # fmt: skip
    if changed:
        observer.warn(
            f"{run.path}: was started with other versions ({', '.join(changed)}): the result may differ bitwise from "
            f"that of an uninterrupted run"
        )
