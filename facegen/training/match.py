"""Match stage: train encoders to tell which voices and faces belong together (Choi et al. 2020, section 3.1)."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from facegen.core.batch import Batch, Terms
from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.interfaces import Direction, Matcher
from facegen.core.recipe.schedule import advance_schedules
from facegen.core.recipe.tables import MatchSettings
from facegen.data.loading.loader import Loader
from facegen.training.build import Networks, trainable
from facegen.training.distributed import Distributed
from facegen.training.encodings import Encodings
from facegen.training.optimisers import autocast, build_match_optimiser, match_learning_rate, set_learning_rate
from facegen.training.part_terms import backward, part_terms
from facegen.training.recognised_faces import FaceFeatures
from facegen.training.runs.checkpoint import load_module
from facegen.training.runs.run import Run


class MatchStep:
    """One step of the match stage: conditioners, the discriminator's backbone and `embed` head, and the matcher.

    With [match] freeze_faces, and with a matcher that trains no faces, the discriminator stays as it is: no gradient,
    and evaluation mode, so that its batch statistics stay, too. With several processes the matcher compares the rows of
    all of them.

    Training, the dry run and the estimate of `facegen check` execute this object.

    Args:
        settings: the recipe's [match].
        networks: with a matcher.
        optimiser: of `match_weights`.
        distributed: processes over which gradients and logged values are averaged.
        precision: "auto", "fp32" or "bf16".
    """

    def __init__(
        self,
        settings: MatchSettings,
        networks: Networks,
        optimiser: Optimizer,
        *,
        distributed: Distributed,
        precision: str,
    ) -> None:
        if networks.matcher is None:
            raise ValueError("the recipe has no matcher")
        self.settings, self.networks = settings, networks
        self.matcher: Matcher = networks.matcher
        self.optimiser, self.weights = optimiser, match_weights(settings, networks)
        self.distributed, self.precision = distributed, precision
        self.faces_learn = faces_learn(settings, networks)
        if not self.faces_learn and networks.discriminator is not None:
            networks.discriminator.eval()

    def __call__(self, batch: Batch, encoding: Tensor | None, face_features: Tensor | None = None) -> Terms:
        """Update the networks once.

        Args:
            batch: the rows.
            encoding: (B, dim) of the rows, where it is cached.
            face_features: (B, features) of the faces, where they are cached.
        Returns:
            detached scalars for the log.
        """
        batch = self._augmented(batch)
        self.optimiser.zero_grad(set_to_none=True)
        with autocast(self.distributed.device, self.precision):
            if encoding is None:
                encoding = self.networks.encoders(batch).float()
            embedding = self._embed(batch.faces, face_features) if self.matcher.needs_faces else None
            rows, (joint_encoding, joint_embedding) = self.distributed.joint(batch, encoding, embedding)
            terms = part_terms("[match]", "", self.matcher.terms, joint_encoding, joint_embedding, rows)
        backward("[match]", terms, {"": self.matcher})
        self.distributed.average_gradients(self.weights)
        self.optimiser.step()
        log = {name: term.detach() for name, term in terms.items()}
        if embedding is not None:
            log |= self._accuracies(encoding.detach(), embedding.detach(), batch.mismatched_rows)
        log = self.distributed.average_terms(log)
        self.matcher.update(log)
        return log

    def _augmented(self, batch: Batch) -> Batch:
        if self.settings.noise and batch.speech is not None:
            batch = replace(batch, speech=batch.speech + self.settings.noise * torch.randn_like(batch.speech))
        if self.settings.augment and self.networks.augmentation is not None:
            batch = batch.with_faces(self.networks.augmentation(batch.faces))
        return batch

    def _embed(self, faces: Tensor, features: Tensor | None) -> Tensor:
        network = self.networks.match_faces or self.networks.discriminator_or_null
        with torch.set_grad_enabled(self.faces_learn):
            return network.embed(network.features(faces) if features is None else features).float()

    def _accuracies(self, encoding: Tensor, embedding: Tensor, mismatched_rows: Tensor) -> Terms:
        """Compute the share of rows whose own partner is ranked first among the matcher's mismatched rows."""
        mismatched = mismatched_rows[:, : max(self.matcher.num_mismatched, 1)]
        candidates = torch.cat([torch.arange(len(mismatched), device=mismatched.device)[:, None], mismatched], dim=1)
        return {
            "accuracy_v2f": self._accuracy(encoding, embedding[candidates], "v2f"),
            "accuracy_f2v": self._accuracy(embedding, encoding[candidates], "f2v"),
        }

    def _accuracy(self, query: Tensor, candidates: Tensor, direction: Direction) -> Tensor:
        with torch.no_grad():
            logits = self.matcher.logits(query, candidates, direction=direction)
        best = (logits == logits.amax(dim=1, keepdim=True)).float()
        return (best[:, 0] / best.sum(dim=1)).mean()  # ties count by their share, so equal logits are at chance


class MatchStage:
    """Training of the match stage: steps, learning rate and schedules.

    Args:
        settings: the recipe's [match].
        networks: what is trained.
        loader: where the batches come from.
        encodings: cached encodings of the loader's clips; None where they change from step to step.
        distributed: this process among all.
        precision: "auto", "fp32" or "bf16".
        face_features: cached features of the loader's faces; None where they change.
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
        face_features: FaceFeatures | None = None,
    ) -> None:
        self.settings, self.networks, self.loader, self.encodings = settings, networks, loader, encodings
        self.face_features = face_features
        self.distributed = distributed
        self.steps, self.log_steps = settings.steps, settings.log_steps
        self.checkpoint_steps = settings.checkpoint_steps
        self.modules: Mapping[str, nn.Module] = match_modules(networks)
        distributed.place(*self.modules.values(), networks.augmentation)
        optimiser = build_match_optimiser(settings, match_weights(settings, networks))
        self.optimisers: Mapping[str, Optimizer] = {"match": optimiser}
        self._step = MatchStep(settings, networks, optimiser, distributed=distributed, precision=precision)

    def step(self, step: int) -> Terms:
        """Run one step with the learning rate and the schedules of its number."""
        advance_schedules(self._step.matcher, step, self.steps)
        set_learning_rate(self._step.optimiser, match_learning_rate(self.settings, step))
        batch = self.loader.batch(step * self.distributed.size + self.distributed.rank, stride=self.distributed.size)
        encoding = None if self.encodings is None else self.encodings.of(batch.clip)
        features = None
        if self.face_features is not None and batch.frame is not None:
            features = self.face_features.of(batch.clip, batch.frame)
        return self._step(batch, encoding, features)

    def after_step(self, done_steps: int) -> None:
        """Do nothing: no sample grids and no monitor in this stage."""


def faces_learn(settings: MatchSettings, networks: Networks) -> bool:
    """Tell whether the match stage trains the discriminator."""
    has_weights = networks.recognised_faces is None
    return has_weights and networks.matcher is not None and networks.matcher.trains_faces and not settings.freeze_faces


def match_weights(settings: MatchSettings, networks: Networks) -> list[nn.Parameter]:
    """Weights that the match stage trains.

    Raises:
        RecipeError: there is none.
    """
    modules = match_modules(networks)
    if not faces_learn(settings, networks):
        modules.pop("discriminator", None)
        modules.pop("recognised_faces", None)
    weights = trainable(*modules.values())
    if not weights:
        raise RecipeError(
            "[match] freeze_conditioner and freeze_faces: with both, no weight is left to train; remove one of them"
        )
    return weights


def match_modules(networks: Networks) -> dict[str, nn.Module]:
    """Modules that the match stage trains and its checkpoints hold, by file name."""
    modules = {
        "encoders": networks.encoders,
        "discriminator": networks.discriminator if networks.recognised_faces is None else None,
        "recognised_faces": networks.recognised_faces,
        "matcher": networks.matcher,
    }
    return {name: module for name, module in modules.items() if module is not None}


def load_match_stage(run: Run, networks: Networks) -> None:
    """Load encoders, discriminator and matcher from the finished match stage of a run.

    Raises:
        CheckpointError: the match stage is not finished, or damaged.
    """
    if not run.is_matched:
        raise CheckpointError(f"{run.path}: its match stage is not finished; resume with `facegen train ... --resume`")
    for name, module in match_modules(networks).items():
        load_module(run.match_folder, name, module)
    if networks.discriminator_encoders is not None:
        networks.discriminator_encoders.start_as(networks.encoders)
