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
from facegen.core.errors import CheckpointError
from facegen.core.files import file_lock
from facegen.core.interfaces import Direction, Discriminator, Matcher
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import Recipe
from facegen.core.recipe.tables import EvaluateSettings
from facegen.evaluation.evaluation_corpus import corpus_name
from facegen.evaluation.judge_recipe import judge_key, judge_recipe
from facegen.inference.load import load_matching
from facegen.training.build import Networks
from facegen.training.face_pipeline import Encoders
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset, train


@dataclass(frozen=True)
class Judge:
    """Encoders and a matching rule that evaluate faces.

    Attributes:
        name: which one, in words.
        key: the same for the same judge; "" for a run that judges itself.
        encoders, discriminator, matcher: of the condition, of the face, and of both.
        device: where they are.
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
            CheckpointError: it is not finished, or does not compare faces.
        """
        networks = load_matching(run, device)
        if networks.discriminator is None or networks.matcher is None or not compares_faces(networks):
            raise CheckpointError(f"{run.path}: its matcher does not compare faces, so it cannot judge them")
        return cls(name, key, networks.encoders, networks.discriminator, networks.matcher, device)

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
        chosen = cast(Direction, direction)
        return self.matcher.logits(query.to(self.device), candidates.to(self.device), direction=chosen).float().cpu()


def find_judge(
    run: Run,
    home: Recipe,
    settings: EvaluateSettings,
    device: torch.device,
    observer: Observer,
    interruption: Interruption | None,
) -> Judge:
    """Load the judge of a run; train it first if there is none, or resume its training.

    A run that only matches is judged by itself: it is its own match stage that is in question, and it draws no faces
    that could have learnt to please it.

    Args:
        run: what is evaluated.
        home: whose corpus' training split the judge learns from.
        settings: seed of its weights and batches, and where it starts from.
        device: where it is to be used.
        observer: told about its training.
        interruption: listens while it is trained; None where nobody will ask.
    Raises:
        RecipeError: the recipe has no match stage that could train one.
        Interrupted: its training was stopped, and goes on next time.
    """
    matcher = run.recipe.optional_config("matcher")
    if judges_itself(run) and matcher is not None:
        return Judge.of(run, f"the run's own {matcher.name} matching, seed {run.recipe.run.seed}", device)
    recipe = judge_recipe(run, home, settings)
    corpus = open_dataset(recipe)
    key = judge_key(recipe, corpus)
    folder = corpus.cache_dir / "judges" / key
    with taking_turns(folder, observer):
        if not (folder / "checkpoints" / "match").exists():
            if (folder / "run.json").exists():
                recipe = Run.open(folder).recipe  # begun for another run, whose recipe may say the same otherwise
            else:
                shutil.rmtree(folder, ignore_errors=True)  # cut short before it could be resumed
            observer.say(f"training the judge, once for this corpus: {folder}")
            with interruption.listening() if interruption is not None else nullcontext():
                train(recipe, folder, resume=True, observer=observer, interruption=interruption or Interruption())
    name = f"{recipe.config('matcher').name} judge, seed {settings.judge_seed}, trained on {corpus_name(recipe)} train"
    return Judge.of(Run.open(folder), name, device, key)


def compares_faces(networks: Networks) -> bool:
    """Return whether the match stage embeds and compares faces."""
    return networks.discriminator is not None and networks.matcher is not None and networks.matcher.needs_faces


def judges_itself(run: Run) -> bool:
    """Return whether a run only matches, so that it is evaluated by itself."""
    return run.recipe.train is None and run.recipe.optional_config("matcher") is not None


@contextmanager
def taking_turns(folder: Path, observer: Observer) -> Iterator[None]:
    """Hold the lock of the judge, so that one process trains it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock")
    with ExitStack() as turn:
        try:
            turn.enter_context(file_lock(lock))
        except BlockingIOError:
            observer.say("another process is training the judge; waiting for it")
            turn.enter_context(file_lock(lock, wait=True))
        yield
