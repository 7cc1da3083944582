"""Check of a run's evaluation before the run is trained."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from facegen.core.errors import CheckpointError, FacegenError
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import Recipe
from facegen.evaluation.evaluation_corpus import needs_of
from facegen.evaluation.gathering.subjects import choose_subjects
from facegen.evaluation.judging.judge import compares_faces, judges_itself
from facegen.evaluation.judging.judge_recipe import judge_recipe
from facegen.evaluation.judging.recognition import build_recognisers
from facegen.training.build import Networks
from facegen.training.check.corpus_check import check_splits
from facegen.training.check.dry_run import dry_run
from facegen.training.runs.earlier_runs import open_earlier_run, with_run_folders
from facegen.training.runs.run import Run


def evaluation_problems(recipe: Recipe, dataset: Dataset, networks: Networks) -> list[str]:
    """List the reasons for which `evaluate` would refuse a finished run of a recipe.

    This calls the same functions as the evaluation, so that both refuse the same recipes.

    Args:
        recipe: a checked recipe.
        dataset: its corpus.
        networks: its networks, which may be on the meta device.
    """
    # The run is not trained yet, and its folder is not read.
    run = Run(Path("runs") / recipe.run.name, recipe, dataset.spec)
    problems = list(_problems_of(lambda: build_recognisers(recipe)))
    problems += [problem for config in recipe.configs["metric"] for problem in _problems_of(config.build)]
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
    """Return the recipe of the judge, after the checks that precede its training.

    Raises:
        FacegenError: there is no recipe for a judge, or a check fails.
    """
    recipe = run.recipe
    if judges_itself(run, recipe.evaluate):
        if not compares_faces(networks):
            raise CheckpointError(f"{recipe.source}: its matcher does not compare faces, so that it cannot judge them")
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
