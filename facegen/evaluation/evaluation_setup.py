"""Setup of an evaluation: everything that can be refused before a judge is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from facegen.core.errors import DataError, RecipeError
from facegen.core.interfaces import Metric, Recogniser
from facegen.core.progress import Observer
from facegen.core.readable_files import real_path
from facegen.core.recipe.settings import check_table
from facegen.core.recipe.tables import DataSettings, EvaluateSettings, EvaluationSplit
from facegen.evaluation.evaluation_corpus import EvaluationCorpus, needs_of
from facegen.evaluation.figures import metric_names
from facegen.evaluation.gathering.baselines import load_baselines
from facegen.evaluation.gathering.subjects import Subjects, choose_subjects
from facegen.evaluation.judging.judge import is_self_judged, judges_itself
from facegen.evaluation.judging.judge_recipe import judge_recipe
from facegen.evaluation.judging.recognition import build_recognisers, with_recognisers
from facegen.evaluation.weights import weights_hash
from facegen.inference.load import load_face_pipeline
from facegen.training.devices import device_of_finished
from facegen.training.face_pipeline import FacePipeline
from facegen.training.runs.run import Run


@dataclass(frozen=True)
class EvaluationSetup:
    """Everything that an evaluation needs besides the judge.

    Attributes:
        run: the run that is evaluated.
        corpus: the corpus that it is evaluated on.
        subjects: the rows, the settings, and the run's face pipeline.
        device: device of the networks.
        metrics: {name: metric} in the recipe's order.
        recognisers: {name: recogniser}.
        baselines: {name of another run: its face pipeline}.
        baseline_weights: {name of another run: hash of its weights}.
    """

    run: Run
    corpus: EvaluationCorpus
    subjects: Subjects
    device: torch.device
    metrics: Mapping[str, Metric]
    recognisers: Mapping[str, Recogniser]
    baselines: Mapping[str, FacePipeline]
    baseline_weights: Mapping[str, str]

    @property
    def reads(self) -> frozenset[str]:
        """Expensive parts of the evidence that the metrics read."""
        return frozenset[str]().union(*(metric.reads for metric in self.metrics.values()))

    @property
    def judge_is_run(self) -> bool:
        """True if the run's own match stage is the judge."""
        return judges_itself(self.run, self.subjects.settings)

    @property
    def is_self_judged(self) -> bool:
        """True if the run draws and is judged by the match stage that its generator was trained with."""
        return is_self_judged(self.run, self.subjects.settings)


def set_up(
    run: Run,
    *,
    data: Path | None,
    overrides: Mapping[str, Any],
    recognisers: Sequence[str],
    against: Sequence[Path],
    observer: Observer,
) -> EvaluationSetup:
    """Check the request, and load everything but the judge; `evaluate` documents arguments and errors."""
    corpus = EvaluationCorpus.of(run, data)
    settings = _settings(run, overrides, corpus)
    judge_is_run = judges_itself(run, settings)
    for note in corpus.notes(judge_is_run=judge_is_run):
        observer.warn(note)
    device = device_of_finished(run.recipe.run.device, observer)
    outside = build_recognisers(with_recognisers(run.recipe, recognisers))
    pipeline = None if run.recipe.optional_config("generator") is None else load_face_pipeline(run, device)
    baselines = load_baselines(against, run, None if judge_is_run else settings.judge_seed, device)
    judge_needs = needs_of(run.recipe if judge_is_run else judge_recipe(run, corpus.judge_home, settings))
    if not corpus.is_own and "identity" in judge_needs:
        raise DataError(
            f"--data {data}: the judge identifies people by name, and knows no name of another corpus; evaluate the "
            f"run on its own corpus"
        )
    request: DataSettings = corpus.recipe.config("dataset").engine
    needs = judge_needs.union(*(baseline.needs for baseline in baselines.values()))
    subjects = choose_subjects(corpus.dataset, request, settings, pipeline, needs, device, observer)
    configs = run.recipe.configs["metric"]
    return EvaluationSetup(
        run=run,
        corpus=corpus,
        subjects=subjects,
        device=device,
        metrics=dict(zip(metric_names(configs), [config.build() for config in configs], strict=True)),
        recognisers=outside,
        baselines=baselines,
        baseline_weights={real_path(path).name: weights_hash(Run.open(path)) for path in against},
    )


def _settings(run: Run, overrides: Mapping[str, Any], corpus: EvaluationCorpus) -> EvaluateSettings:
    """Return [evaluate] of the recipe with the overrides, checked."""
    own = run.recipe.evaluate
    values = {**own.model_dump(), **overrides}
    if overrides.get("split") in (None, *get_args(EvaluationSplit)):
        chosen = own.model_copy(update={"judge": values["judge"]})
        values["split"] = corpus.split(overrides.get("split"), own.split, judge_is_run=judges_itself(run, chosen))
    checked, problems = check_table(EvaluateSettings, values)
    if not isinstance(checked, EvaluateSettings):
        raise RecipeError(*(f"[evaluate] {problem}" for problem in problems))
    return checked
