"""Augmentation: ADA, adaptive discriminator augmentation."""

from typing import Annotated, Literal

import torch
import torch.distributed as dist
from pydantic import Field
from torch import Tensor

from facegen.core.batch import DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.interfaces import Augmentation
from facegen.parts.augmentations.diff_augment import DiffAugment, Fraction
from facegen.parts.layers.scores import Head, Scores


class Adaptive(Augmentation):
    """DiffAugment's changes, each applied with a probability p that follows a measure of overfitting.

    r = E sign(D(f_r, c+) - d),   p <- min(max(p + sign(r - target) images / adjust_images, 0), max_probability)

    Each change is applied or not for each row independently, so that with p below 1 the generator does not learn to
    generate changed faces. p starts at 0 and is stored in checkpoints; `images` is the number of images per step.

    Engine:
        data: not read.
    Settings:
        target: the value of r that p is controlled to.
        compared_with: d: 0 as in the paper, or the row's "fake" score, for relativistic objectives, which determine
            differences of scores only.
        head: which scores are read.
        adjust_images: number of real images in which p can rise from 0 to 1.
        max_probability: upper limit of p.
        policy, color, translation, cutout: as in diff_augment.
    Shape:
        (B, 3, H, W) -> (B, 3, H, W)
    Source:
        Karras et al. 2020, "Training generative adversarial networks with limited data", sections 2 and 3: r_t, its
        target 0.6, 500,000 images, and p below 0.8. The changes are those of Zhao et al. 2020, far fewer than the
        paper's, and p changes at every step, not at every fourth; comparing with generated faces is ours.
    """

    probability: Tensor

    def __init__(
        self,
        data: DataSpec,
        *,
        target: Annotated[float, Field(gt=-1, lt=1)] = 0.6,
        compared_with: Literal["zero", "fake"] = "zero",
        head: Head = "conditional",
        adjust_images: Annotated[float, Field(gt=0)] = 500000.0,
        max_probability: Fraction = 0.8,
        policy: tuple[Literal["color", "translation", "cutout"], ...] = ("color", "translation", "cutout"),
        color: Fraction = 1.0,
        translation: Fraction = 0.125,
        cutout: Fraction = 0.5,
    ) -> None:
        super().__init__()
        self.scores = Scores("adaptive", head)
        self.target, self.compared_with, self.max_probability = target, compared_with, max_probability
        self.adjust_images, self.step_images = adjust_images, 0
        self.changes = DiffAugment(data, policy=policy, color=color, translation=translation, cutout=cutout).changes
        self.register_buffer("probability", torch.zeros(()))

    def forward(self, faces: Tensor) -> Tensor:
        for change, strength in self.changes:
            happens = torch.rand(len(faces), 1, 1, 1, device=faces.device) < self.probability
            faces = torch.where(happens, change(faces, strength), faces)
        return faces

    def diagnostics(self, critic: Critic) -> Terms:
        self.step_images = len(critic.batch) * _num_processes()
        above = self.scores.real(critic)
        if self.compared_with == "fake":
            above = above - self.scores.fake(critic)
        return {"real_sign": above.detach().sign().mean(), "probability": self.probability.clone()}

    def update(self, diagnostics: Terms) -> None:
        change = (diagnostics["real_sign"] - self.target).sign() * (self.step_images / self.adjust_images)
        self.probability.add_(change).clamp_(0, self.max_probability)


def _num_processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
