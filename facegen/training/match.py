"""The match stage: encoders learn which voices and faces belong together (Choi et al. 2020, section 3.1)."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from facegen.core.batch import Batch, Terms
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Direction, Matcher
from facegen.core.schedule import advance_schedules
from facegen.core.tables import MatchSettings
from facegen.data.loader import Loader
from facegen.training.build import Networks, trainable
from facegen.training.distributed import Distributed
from facegen.training.encodings import Encodings
from facegen.training.loop import cosine, set_learning_rate, weighted_sum
from facegen.training.optimisers import autocast, build_match_optimiser

FINAL_SHARE = 0.01


class MatchStage:
    """Trains conditioners, the discriminator's trunk and `embed` head, and the matcher's own weights.

    With [match] freeze_faces, and with a matcher that teaches no faces, the discriminator stays as it is: no gradient,
    and evaluation mode, so that its batch statistics stay, too.

    Args:
        settings: the recipe's [match].
        networks: what is trained.
        loader: where the batches come from.
        encodings: of the loader's clips, where they no longer change.
        world, precision: where and how it computes.
    Raises:
        RecipeError: nothing is left to learn.
    """

    name = "match"
    keep_checkpoints = 1

    def __init__(
        self,
        settings: MatchSettings,
        networks: Networks,
        loader: Loader,
        encodings: Encodings | None,
        distributed: Distributed,
        precision: str,
    ) -> None:
        if networks.matcher is None:
            raise ValueError("the recipe has no matcher")
        self.settings, self.networks, self.loader, self.encodings = settings, networks, loader, encodings
        self.matcher: Matcher = networks.matcher
        self.distributed, self.precision = distributed, precision
        self.steps, self.log_steps = settings.steps, settings.log_steps
        self.checkpoint_steps = settings.checkpoint_steps
        self.modules: Mapping[str, nn.Module] = match_modules(networks)
        distributed.place(*self.modules.values(), networks.augmentation)
        self._faces_learn = self.matcher.trains_faces and not settings.freeze_faces
        if not self._faces_learn and networks.discriminator is not None:
            networks.discriminator.eval()
        self._weights = self._learning()
        self.optimisers: Mapping[str, Optimizer] = {"match": build_match_optimiser(settings, self._weights)}

    def step(self, step: int) -> Terms:
        """One step of gradient descent on the matcher's terms."""
        settings, optimiser = self.settings, self.optimisers["match"]
        advance_schedules(self.matcher, step)
        end = settings.learning_rate * FINAL_SHARE
        rate = cosine(settings.learning_rate, end, step, settings.steps, settings.warmup_steps)
        set_learning_rate(optimiser, rate)
        rows = self.loader.batch(step * self.distributed.size + self.distributed.rank, stride=self.distributed.size)
        batch = self._prepared(rows)
        optimiser.zero_grad(set_to_none=True)
        with autocast(self.distributed.device, self.precision):
            encoding = self._encode(batch)
            embedding = self._embed(batch.faces) if self.matcher.needs_faces else None
            terms = self.matcher.terms(encoding, embedding, batch)
        weighted_sum(terms).backward()
        self.distributed.average_gradients(self._weights)
        optimiser.step()
        measures = {name: term.detach() for name, term in terms.items()}
        if embedding is not None:
            measures |= self._accuracies(encoding.detach(), embedding.detach(), batch.mismatched_rows)
        measures = self.distributed.average_terms(measures)
        self.matcher.update(measures)
        return measures

    def after_step(self, done_steps: int) -> None:
        """Nothing falls due."""

    def _learning(self) -> list[nn.Parameter]:
        learning = [name for name in self.modules if name != "discriminator" or self._faces_learn]
        found = trainable(*(self.modules[name] for name in learning))
        if not found:
            raise RecipeError(
                "[match] freeze_conditioner and freeze_faces: with both, this matcher has nothing to learn; drop one"
            )
        return found

    def _prepared(self, batch: Batch) -> Batch:
        if self.settings.noise and batch.speech is not None:
            batch = replace(batch, speech=batch.speech + self.settings.noise * torch.randn_like(batch.speech))
        if self.settings.augment and self.networks.augmentation is not None:
            batch = batch.with_faces(self.networks.augmentation(batch.faces))
        return batch

    def _encode(self, batch: Batch) -> Tensor:
        known = self.encodings
        return self.networks.encoders(batch).float() if known is None else known.of(batch.clip)

    def _embed(self, faces: Tensor) -> Tensor:
        discriminator = self.networks.discriminator
        if discriminator is None:
            raise ValueError("the matcher needs faces, and there is no discriminator to embed them")
        with torch.set_grad_enabled(self._faces_learn):
            return discriminator.embed(discriminator.features(faces)).float()

    def _accuracies(self, encoding: Tensor, embedding: Tensor, mismatched_rows: Tensor) -> Terms:
        """Share of rows whose own partner wins, among as many strangers as the matcher reads."""
        strangers = mismatched_rows[:, : max(self.matcher.num_mismatched, 1)]
        candidates = torch.cat([torch.arange(len(strangers), device=strangers.device)[:, None], strangers], dim=1)
        return {
            f"accuracy_{direction}": self._wins(query, other[candidates], direction)
            for direction, query, other in (("v2f", encoding, embedding), ("f2v", embedding, encoding))
        }

    def _wins(self, query: Tensor, candidates: Tensor, direction: str) -> Tensor:
        chosen: Direction = "v2f" if direction == "v2f" else "f2v"
        with torch.no_grad():
            logits = self.matcher.logits(query, candidates, direction=chosen)
        best = (logits == logits.amax(dim=1, keepdim=True)).float()
        return (best[:, 0] / best.sum(dim=1)).mean()  # of a draw, its share: who ranks nobody is at chance


def match_modules(networks: Networks) -> dict[str, nn.Module]:
    """What the match stage trains and stores, by name."""
    found = {
        "encoders": networks.encoders,
        "discriminator": networks.discriminator,
        "matcher": networks.matcher,
    }
    return {name: module for name, module in found.items() if module is not None}
