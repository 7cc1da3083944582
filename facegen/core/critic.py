"""Scores, features and faces of one phase of a training step, each computed once and on demand."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from facegen.core.batch import Batch, Condition

if TYPE_CHECKING:
    from facegen.core.interfaces import Augmentation, Discriminator

Phase = Literal["discriminator", "generator"]
Side = Literal["real", "fake"]


class Critic:
    """Quantities of one phase of one step, which objectives, penalties and augmentations read.

    A critic is not kept across phases, because the discriminator changes between them. In the discriminator's phase the
    fakes are detached, and real and fake faces pass the backbone as one batch, unless the discriminator uses batch
    statistics or penalties differentiate by exactly one of the two (a joint second derivative would cost more than a
    second pass). In the generator's phase the engine freezes the discriminator, and the backbone of the real faces runs
    without gradient.

    Args:
        phase: the network whose losses are computed.
        batch: the rows; `batch.faces` are the real faces.
        condition: its `critic` is already detached where no gradient may reach it.
        discriminator: backbone and heads.
        fake_faces: (B, 3, H, W) generated faces of the rows, or a function that generates them, called when they are
            first read.
        augmentation: applied to faces before the backbone.
        grad_inputs: sides, "real" or "fake", by whose faces a penalty differentiates.
        draw: condition -> faces, a further forward pass of the generator with new noise.
        num_identities: number of people of the training split.

    Attributes:
        real_faces, fake_faces: faces before augmentation; R1 and R2 differentiate by them, L1 compares them.
        real_augmented, fake_augmented: faces after augmentation, which the discriminator reads.
        real, fake: (B,) scores under the rows' own condition; all scores are float32.
        mismatched, fake_mismatched: (B,) scores under another person's condition.
        mismatched_all, fake_mismatched_all: (B, K) scores under the conditions of K other people.
        real_unconditional, fake_unconditional: (B,) scores without a condition.
    """

    def __init__(
        self,
        phase: Phase,
        batch: Batch,
        condition: Condition,
        discriminator: "Discriminator",
        fake_faces: Tensor | Callable[[], Tensor],
        *,
        augmentation: "Augmentation | None" = None,
        grad_inputs: frozenset[str] = frozenset(),
        draw: Callable[[Tensor], Tensor] | None = None,
        num_identities: int = 0,
    ) -> None:
        self.phase = phase
        self.batch = batch
        self.condition = condition
        self.num_identities = num_identities
        self._discriminator = discriminator
        self._augmentation = augmentation
        self._grad_inputs = grad_inputs if phase == "discriminator" else frozenset()
        self._draw = draw
        self._image_gradients: dict[bool, dict[str, Tensor]] = {}
        self._fake_faces = fake_faces
        self.real_faces = self._leaf("real", batch.faces)

    def _leaf(self, side: Side, faces: Tensor) -> Tensor:
        return faces.detach().requires_grad_() if side in self._grad_inputs else faces

    def _augmented(self, faces: Tensor) -> Tensor:
        return faces if self._augmentation is None else self._augmentation(faces)

    @cached_property
    def fake_faces(self) -> Tensor:
        faces = self._fake_faces if isinstance(self._fake_faces, Tensor) else self._fake_faces()
        return self._leaf("fake", faces.detach() if self.phase == "discriminator" else faces)

    @cached_property
    def real_augmented(self) -> Tensor:
        if self.phase == "discriminator":
            _ = self.fake_faces  # generated first, so that random draws do not depend on which side is read first
        return self._augmented(self.real_faces)

    @cached_property
    def fake_augmented(self) -> Tensor:
        return self._augmented(self.fake_faces)

    @cached_property
    def _joint_features(self) -> tuple[Tensor, Tensor] | None:
        apart = self._discriminator.uses_batch_statistics or len(self._grad_inputs & {"real", "fake"}) == 1
        if self.phase == "generator" or apart:
            return None
        real, fake = self._discriminator.features(torch.cat([self.real_augmented, self.fake_augmented])).chunk(2)
        return real, fake

    @cached_property
    def real_features(self) -> Tensor:
        if self._joint_features is not None:
            return self._joint_features[0]
        with torch.set_grad_enabled(self.phase == "discriminator"):
            return self._discriminator.features(self.real_augmented)

    @cached_property
    def fake_features(self) -> Tensor:
        if self._joint_features is not None:
            return self._joint_features[1]
        return self._discriminator.features(self.fake_augmented)

    def _score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        return self._discriminator.score(features, condition).float()

    def _score_mismatched(self, features: Tensor, columns: int | None = None) -> Tensor:
        rows = self.batch.mismatched_rows[:, :columns]
        num = rows.shape[1]
        if num == 0:
            raise RuntimeError("scores of mismatched pairs are read, but num_mismatched is 0")
        conditions = self.condition.critic[rows.reshape(-1)]
        return self._score(features.repeat_interleave(num, dim=0), conditions).view(-1, num)

    @cached_property
    def real(self) -> Tensor:
        return self._score(self.real_features, self.condition.critic)

    @cached_property
    def fake(self) -> Tensor:
        return self._score(self.fake_features, self.condition.critic)

    @cached_property
    def mismatched(self) -> Tensor:
        return self._score_mismatched(self.real_features, 1)[:, 0]

    @cached_property
    def fake_mismatched(self) -> Tensor:
        return self._score_mismatched(self.fake_features, 1)[:, 0]

    @cached_property
    def mismatched_all(self) -> Tensor:
        return self._score_mismatched(self.real_features)

    @cached_property
    def fake_mismatched_all(self) -> Tensor:
        return self._score_mismatched(self.fake_features)

    @cached_property
    def real_unconditional(self) -> Tensor:
        return self._score(self.real_features, None)

    @cached_property
    def fake_unconditional(self) -> Tensor:
        return self._score(self.fake_features, None)

    @cached_property
    def real_classes(self) -> Tensor:
        return self._discriminator.classify(self.real_features).float()

    @cached_property
    def fake_classes(self) -> Tensor:
        return self._discriminator.classify(self.fake_features).float()

    @cached_property
    def real_reconstruction(self) -> Tensor:
        return self._discriminator.reconstruct(self.real_features, self.condition.critic).float()

    @cached_property
    def fake_reconstruction(self) -> Tensor:
        return self._discriminator.reconstruct(self.fake_features, self.condition.critic).float()

    @cached_property
    def real_embedding(self) -> Tensor:
        return self._discriminator.embed(self.real_features).float()

    @cached_property
    def fake_embedding(self) -> Tensor:
        return self._discriminator.embed(self.fake_features).float()

    def _score_of(self, side: str, conditional: bool) -> Tensor:
        if side == "real":
            return self.real if conditional else self.real_unconditional
        return self.fake if conditional else self.fake_unconditional

    def _gradients_by_leaves(self, conditional: bool) -> dict[str, Tensor]:
        sides = sorted(self._grad_inputs)
        scores = torch.stack([self._score_of(side, conditional).sum() for side in sides])
        leaves = [self.real_faces if side == "real" else self.fake_faces for side in sides]
        return dict(zip(sides, torch.autograd.grad(scores.sum(), leaves, create_graph=True), strict=True))

    def image_gradient(self, side: Side, *, conditional: bool = True) -> Tensor:
        """Compute the gradient of the summed scores by the faces of a declared side; it can be differentiated again.

        Args:
            side: the side, which must be one of `grad_inputs`.
            conditional: use the conditional or the unconditional scores.
        Returns:
            (B, 3, H, W)
        """
        if conditional not in self._image_gradients:
            self._image_gradients[conditional] = self._gradients_by_leaves(conditional)
        return self._image_gradients[conditional][side]

    def score(self, faces: Tensor, condition: Tensor | None, *, augment: bool = True) -> Tensor:
        """Score further faces with one more pass through the backbone: (N, 3, H, W), (N, dim) -> (N,)."""
        view = self._augmented(faces) if augment else faces
        return self._score(self._discriminator.features(view), condition)

    def draw(self, condition: Tensor) -> Tensor:
        """Generate further faces with new noise: (N, dim) -> (N, 3, H, W)."""
        if self._draw is None:
            raise RuntimeError("this critic was built without a generator")
        return self._draw(condition)
