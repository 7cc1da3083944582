"""Take a run folder for training: create the run, or check that it is the same one, under the folder's lock."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from facegen.core.errors import CheckpointError
from facegen.core.files import LOCK, PART, file_lock
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.recipe.file import differences
from facegen.core.recipe.part_config import Recipe
from facegen.training.distributed import Distributed
from facegen.training.runs.run import ABOUT, RECIPE, Run, current_versions, recipe_text


@contextmanager
def claimed(
    out: Path, recipe: Recipe, dataset: Dataset, *, resume: bool, distributed: Distributed, observer: Observer
) -> Iterator[Run]:
    """Hold a run folder while the block trains in it.

    Args:
        out: the folder; made where it is missing.
        recipe, dataset: what is trained, on what.
        resume: the folder may hold the run already.
        distributed: the first process creates, locks and tidies; the others wait.
        observer: warned where the run was begun with other versions.
    Raises:
        CheckpointError: the folder holds something else, another process trains there, or the recipe or the corpus is
            not the one that the run was begun with.
    """
    _require_free(out, recipe, resume)
    distributed.wait()  # all have looked before one writes
    with ExitStack() as locks:
        if distributed.is_main_process:
            out.mkdir(parents=True, exist_ok=True)
            try:
                locks.enter_context(file_lock(out / LOCK))
            except BlockingIOError:
                raise CheckpointError(f"{out}: another process is training this run; wait for it, or stop it") from None
            _require_free(out, recipe, resume)  # another process may have begun a run since
            if not (out / ABOUT).exists():
                Run.create(out, recipe, dataset.spec, dataset.fingerprint())
        distributed.wait()
        run = Run.open(out)
        _require_same(run, recipe, dataset)
        if distributed.is_main_process:
            _warn_of_other_versions(run, observer)
            run.tidy()
        distributed.wait()
        yield run


def _require_free(out: Path, recipe: Recipe, resume: bool) -> None:
    if (out / ABOUT).exists():
        if not resume:
            raise CheckpointError(f"{out}: holds a run already; --resume goes on with it, --out names another folder")
    elif out.exists() and not all(_is_begun(path, recipe) for path in out.iterdir()):
        raise CheckpointError(f"{out}: is not empty and holds no run; give another folder with --out")


def _is_begun(path: Path, recipe: Recipe) -> bool:
    """Whether a file is what a process that was killed while it created this run left behind."""
    if path.name == RECIPE:
        return path.is_file() and path.read_bytes() == recipe_text(recipe).encode()
    unfinished = path.name.endswith(PART) and path.name.startswith((f".{RECIPE}.", f".{ABOUT}."))
    return path.name == LOCK or unfinished


def _require_same(run: Run, recipe: Recipe, dataset: Dataset) -> None:
    differing = differences(run.recipe.values, recipe.values)
    if differing:
        raise CheckpointError(
            f"{run.path}: was begun with another recipe, which differs in {', '.join(differing)}; "
            f"name another folder with --out, or use the run's own {run.path / RECIPE}"
        )
    if run.data != dataset.spec or run.corpus_fingerprint not in ("", dataset.fingerprint()):
        raise CheckpointError(
            f"{run.path}: its corpus has changed since the run was begun (people, clips or files); restore the corpus, "
            f"or begin another run with --out"
        )


def _warn_of_other_versions(run: Run, observer: Observer) -> None:
    now = current_versions(run.recipe)
    changed = [f"{name} {before} -> {now.get(name, 'none')}" for name, before in run.versions.items()
               if now.get(name) != before]  # fmt: skip
    if changed:
        observer.warn(
            f"{run.path}: was begun with other versions ({', '.join(changed)}): the result is not bitwise that of an "
            f"unbroken run"
        )
