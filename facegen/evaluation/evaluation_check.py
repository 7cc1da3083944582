"""Every reason for which the evaluation of a run would be refused, asked before the run is trained."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from facegen.core.errors import CheckpointError, FacegenError
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.evaluation.evaluate import needs_of
from facegen.evaluation.gather import choose_subjects
from facegen.evaluation.judge import compares_faces, judges_itself
from facegen.evaluation.judge_recipe import judge_recipe
from facegen.evaluation.recognition import build_recognisers
from facegen.training.build import Networks
from facegen.training.check.corpus_check import check_splits
from facegen.training.check.dry_run import dry_run
from facegen.training.runs.earlier_runs import open_earlier_run, with_run_folders
from facegen.training.runs.run import Run


def evaluation_problems(recipe: Recipe, dataset: Dataset, networks: Networks) -> list[str]:
    """Explain what `evaluate` would refuse about a finished run of a recipe; nothing where it would go ahead.

    The functions that evaluation itself calls are called, so that both refuse the same.

    Args:
        recipe: checked.
        dataset: its corpus.
        networks: what it builds, also on the meta device.
    """
    # A run that nobody trained yet: its folder is not read.
    run = Run(Path("runs") / recipe.run.name, recipe, dataset.spec)
    problems = list(_problems_of(lambda: build_recognisers(recipe)))
    problems += [p for choice in recipe.configs["metric"] for p in _problems_of(choice.build)]
    judge_needs: list[str] = []
    problems += _problems_of(lambda: judge_needs.extend(needs_of(_judge(run, dataset, networks))))
    request, device = recipe.config("dataset").engine, torch.device("cpu")
    problems += _problems_of(
        lambda: choose_subjects(
            dataset, request, recipe.evaluate, networks.face_pipeline, frozenset(judge_needs), device, Observer()
        )
    )
    return problems


def _judge(run: Run, dataset: Dataset, networks: Networks) -> Recipe:
    """The recipe of the judge, tried as training it would try it before any work.

    Raises:
        FacegenError: there is none, or it does not fit together.
    """
    recipe = run.recipe
    if judges_itself(run):
        if not compares_faces(networks):
            raise CheckpointError(f"{recipe.source}: its matcher does not compare faces, so it cannot judge them")
        return recipe
    judge = judge_recipe(run, recipe, recipe.evaluate)
    if "start" in judge.tables["match"]:
        open_earlier_run(with_run_folders(judge, run.path), "match.start")
    check_splits(judge, dataset, dry_run(judge, dataset.spec))
    return judge


def _problems_of(work: Callable[[], object]) -> Iterator[str]:
    try:
        work()
    except FacegenError as error:
        yield from error.problems
