"""Judge: encoders that are independent of the run they evaluate."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.files import file_lock
from facegen.core.interfaces import Direction, Discriminator, Matcher
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import Recipe
from facegen.core.recipe.tables import EvaluateSettings
from facegen.evaluation.evaluation_corpus import corpus_name
from facegen.evaluation.judging.judge_recipe import judge_key, judge_recipe
from facegen.evaluation.weights import match_weights_hash
from facegen.inference.load import load_matching
from facegen.training.build import Networks
from facegen.training.face_pipeline import Encoders
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset, train

SELF_JUDGED = "self-judged"
"""Word for a run that draws and is judged by its own match stage, in reports and in their file names."""


@dataclass(frozen=True)
class Judge:
    """Encoders and a matching rule that evaluate faces.

    Attributes:
        name: description of the judge.
        key: equal for equal judges; "" for a run that only matches, and judges itself.
        encoders: encoders of the condition.
        discriminator: its features and embedding are those of the face.
        matcher: matching rule.
        device: device of the networks.
    """

    name: str
    key: str
    encoders: Encoders
    discriminator: Discriminator
    matcher: Matcher
    device: torch.device

    @classmethod
    def of(cls, run: Run, name: str, device: torch.device, key: str = "") -> "Judge":
        """Load the match stage of a run as a judge.

        Raises:
            CheckpointError: the match stage is not finished, or does not compare faces.
        """
        networks = load_matching(run, device)
        if networks.match_faces is None or networks.matcher is None or not compares_faces(networks):
            raise CheckpointError(f"{run.path}: its matcher does not compare faces, so that it cannot judge them")
        return cls(name, key, networks.encoders, networks.match_faces, networks.matcher, device)

    @property
    def max_candidates(self) -> int | None:
        """Maximum number of candidates that the rule can rank."""
        return self.matcher.max_candidates

    @torch.no_grad()
    def encode(self, batch: Batch) -> Tensor:
        """Encode the conditions: (B, d)."""
        return self.encoders(batch).float()

    @torch.no_grad()
    def embed(self, faces: Tensor) -> Tensor:
        """Embed faces: (B, 3, H, W) float in [-1, 1] -> (B, e)."""
        return self.discriminator.embed(self.discriminator.features(faces)).float()

    @torch.no_grad()
    def logits(self, query: Tensor, candidates: Tensor, direction: str) -> Tensor:
        """Compute matching logits: (B, d), (B, K, e) -> (B, K) on the CPU."""
        query, candidates = query.to(self.device), candidates.to(self.device)
        return self.matcher.logits(query, candidates, direction=cast(Direction, direction)).float().cpu()


def find_judge(
    run: Run,
    home: Recipe,
    settings: EvaluateSettings,
    device: torch.device,
    observer: Observer,
    interruption: Interruption | None,
) -> Judge:
    """Load the judge of a run; train it first if there is none, or resume its training.

    A run that only matches judges itself: its match stage is what the evaluation measures, and no generator was trained
    against it. With `judge = "own"`, a run that draws is judged by its own match stage, too, as in Choi et al. 2020.

    Args:
        run: the evaluated run.
        home: recipe of the corpus on whose training split the judge is trained.
        settings: kind and random seed of the judge, and the run that it starts from.
        device: device of the judge.
        observer: receives the progress of its training.
        interruption: listens to signals during its training; None if they have their usual effect.
    Raises:
        RecipeError: the recipe has no match stage to train a judge with, or to judge by.
        Interrupted: its training was interrupted; the next call resumes it.
    """
    matcher = run.recipe.optional_config("matcher")
    if judges_itself(run, settings):
        if matcher is None:
            raise RecipeError(
                f"{run.recipe.source}: has no [match], and so no judge of its own; evaluate it with --judge independent"
            )
        name = f"the run's own {matcher.name} matching, seed {run.recipe.run.seed}"
        if is_self_judged(run, settings):
            return Judge.of(run, f"{SELF_JUDGED}: {name}", device, f"own {match_weights_hash(run)[:16]}")
        return Judge.of(run, name, device)
    recipe = judge_recipe(run, home, settings)
    corpus = open_dataset(recipe)
    key = judge_key(recipe, corpus)
    folder = corpus.cache_dir / "judges" / key
    with judge_lock(folder, observer):
        if not (folder / "checkpoints" / "match").exists():
            if (folder / "run.json").exists():
                recipe = Run.open(folder).recipe  # the recipe of the run for which its training began is equivalent
            else:
                shutil.rmtree(folder, ignore_errors=True)  # interrupted before the first checkpoint
            observer.say(f"training the judge, once for this corpus: {folder}")
            with interruption.listening() if interruption is not None else nullcontext():
                train(recipe, folder, resume=True, observer=observer, interruption=interruption)
    name = f"{recipe.config('matcher').name} judge, seed {settings.judge_seed}, trained on {corpus_name(recipe)} train"
    return Judge.of(Run.open(folder), name, device, key)


def compares_faces(networks: Networks) -> bool:
    """Return whether the match stage embeds and compares faces."""
    return networks.match_faces is not None and networks.matcher is not None and networks.matcher.needs_faces


def judges_itself(run: Run, settings: EvaluateSettings) -> bool:
    """Return whether a run is evaluated by its own match stage: by request, or because it only matches."""
    return _only_matches(run) or settings.judge == "own"


def is_self_judged(run: Run, settings: EvaluateSettings) -> bool:
    """Return whether a run that draws is judged by the match stage that its generator was trained with."""
    return settings.judge == "own" and not _only_matches(run)


def _only_matches(run: Run) -> bool:
    return run.recipe.train is None and run.recipe.optional_config("matcher") is not None


@contextmanager
def judge_lock(folder: Path, observer: Observer) -> Iterator[None]:
    """Hold the lock of the judge, so that only one process trains it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock")
    with ExitStack() as stack:
        try:
            stack.enter_context(file_lock(lock))
        except BlockingIOError:
            observer.say("waiting for another process that trains the judge")
            stack.enter_context(file_lock(lock, wait=True))
        yield
