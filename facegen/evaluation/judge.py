"""The judge: encoders that had no part in the run that they judge."""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.interfaces import Dataset, Direction, Discriminator, Matcher
from facegen.core.observer import Observer
from facegen.core.recipe import Recipe, check_recipe
from facegen.core.tables import EvaluateSettings
from facegen.inference.load import load_matching
from facegen.training.artist import Encoders
from facegen.training.loop import Interruption
from facegen.training.run import Run
from facegen.training.train import open_dataset, train


@dataclass(frozen=True)
class Judge:
    """Encoders and a matching rule, ready to judge.

    Attributes:
        name: which one, in words.
        encoders, discriminator, matcher: of the condition, of the face, and of both.
        device: where they are.
    """

    name: str
    encoders: Encoders
    discriminator: Discriminator
    matcher: Matcher
    device: torch.device

    @classmethod
    def of(cls, run: Run, name: str, device: torch.device) -> "Judge":
        """The match stage of a run.

        Raises:
            CheckpointError: it is not finished, or does not compare faces.
        """
        networks = load_matching(run, device)
        if networks.discriminator is None or networks.matcher is None or not networks.matcher.needs_faces:
            raise CheckpointError(f"{run.path}: its matcher does not compare faces, so it cannot judge them")
        return cls(name, networks.encoders, networks.discriminator, networks.matcher, device)

    @property
    def max_candidates(self) -> int | None:
        """Most candidates that the rule can rank."""
        return self.matcher.max_candidates

    @torch.no_grad()
    def encode(self, batch: Batch) -> Tensor:
        """(B, d) of the conditions."""
        return self.encoders(batch).float()

    @torch.no_grad()
    def embed(self, faces: Tensor) -> Tensor:
        """(B, 3, H, W) float in [-1, 1] -> (B, e)"""
        return self.discriminator.embed(self.discriminator.features(faces)).float()

    @torch.no_grad()
    def logits(self, query: Tensor, candidates: Tensor, direction: str) -> Tensor:
        """(B, d), (B, K, e) -> (B, K) on the CPU."""
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
    """The judge of a run: trained where there is none yet, resumed where its training was cut short.

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
    matcher = run.recipe.one("matcher")
    if run.recipe.train is None and matcher is not None:
        return Judge.of(run, f"the run's own {matcher.name} matching, seed {run.recipe.run.seed}", device)
    recipe = judge_recipe(run, home, settings)
    corpus = open_dataset(recipe)
    folder = corpus.cache_dir / "judges" / _key(recipe, corpus)
    with taking_turns(folder, observer):
        if not (folder / "checkpoints" / "match").exists():
            if not (folder / "run.json").exists():
                shutil.rmtree(folder, ignore_errors=True)  # cut short before it could be resumed
            observer.say(f"training the judge, once for this corpus: {folder}")
            with interruption.listening() if interruption is not None else nullcontext():
                train(recipe, folder, resume=True, observer=observer, interruption=interruption or Interruption())
    name = f"{recipe.chosen('matcher').name} judge, seed {settings.judge_seed}, trained on {corpus_name(recipe)} train"
    return Judge.of(Run.open(folder), name, device)


def judge_recipe(run: Run, home: Recipe, settings: EvaluateSettings) -> Recipe:
    """The run's match stage alone, on the corpus of `home` and with another seed.

    Where the run took its match stage from an earlier one, that one's recipe counts, if it is still there.

    Raises:
        RecipeError: there is no match stage, or seed or start are those that the run was trained with.
    """
    seed, start = settings.judge_seed, settings.judge_start
    source, seeds = run.recipe, {run.recipe.run.seed}
    matcher = source.one("matcher")
    if matcher is not None and matcher.engine.run is not None and (matcher.engine.run / "run.json").exists():
        source = Run.open(matcher.engine.run).recipe
        seeds.add(source.run.seed)
    if matcher is None or source.one("discriminator") is None:
        raise RecipeError(
            f"{run.recipe.source}: has no [match], which trains the judge that evaluation needs; add a [match] table "
            f"(such as type = 'softmax') to this file, and evaluate again"
        )
    if not matcher.part.load().needs_faces:  # type: ignore[attr-defined]
        raise RecipeError(
            f"{matcher.where} type = '{matcher.name}': does not compare faces, so it cannot train a judge of them; "
            f"name a matcher that does, such as 'softmax'"
        )
    if not matcher.part.load().trains_faces and start is None:  # type: ignore[attr-defined]
        raise RecipeError(
            f"{matcher.where} type = '{matcher.name}': does not teach the face network, so a judge by it needs "
            f"one that is trained: name a run of another seed with [evaluate] judge_start"
        )
    if seed in seeds:
        raise RecipeError(
            f"{run.recipe.source}: [evaluate] judge_seed = {seed}: the run's own encoders have this seed, and would "
            f"judge faces that were trained to please them; choose another one"
        )
    if start is not None and start == source.chosen("matcher").engine.start:
        raise RecipeError(
            f"{run.recipe.source}: [evaluate] judge_start = {start}: the run's own encoders started from it; "
            f"name another run, of another seed"
        )
    tables: dict[str, Any] = {"data": home.tables["data"]}
    tables |= {name: source.tables[name] for name in ("conditioner", "discriminator")}
    # A judge that starts from nothing has nothing to keep as it is.
    left_out = {"run", "start"} | (set() if start else {"freeze_conditioner", "freeze_faces"})
    tables["match"] = {key: value for key, value in source.tables["match"].items() if key not in left_out}
    tables["match"] |= {} if start is None else {"start": str(start)}
    if source.chosen("matcher").engine.augment and "augment" in source.tables:
        tables["augment"] = source.tables["augment"]
    own = run.recipe.run
    tables["run"] = {"name": "judge", "seed": seed, "device": own.device, "precision": own.precision}
    return check_recipe(tables, f"the judge of {run.recipe.source}")


def _key(recipe: Recipe, corpus: Dataset) -> str:
    said = json.dumps([recipe.tables, corpus.fingerprint()], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def corpus_name(recipe: Recipe) -> str:
    """What the recipe's corpus is called: its folder, or the name of what makes it."""
    choice = recipe.chosen("dataset")
    return Path(str(choice.settings["path"])).name if "path" in choice.settings else choice.name


@contextmanager
def taking_turns(folder: Path, observer: Observer) -> Iterator[None]:
    """One process at a time; the system gives up the lock of a process that dies."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            observer.say("another process is training the judge; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
