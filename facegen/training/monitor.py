"""Detect mode collapse and ignored conditions during training."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from facegen.core.batch import Batch
from facegen.core.randomness import repeatable
from facegen.training.face_pipeline import FacePipeline

COMPARED_PIXELS = 32
ROUNDING = 1e-5
"""Equal faces may differ by this share."""


@dataclass(frozen=True)
class Reading:
    """Measurement of a generator; the variations are shares of the variation of real faces.

    Attributes:
        noise_variation: between faces of one person under different noise.
        condition_variation: between faces of different people under the same noise.
        weight_ratio: weights of the first layer on the noise, over those on the condition (root mean squares); NaN
            where the generator does not tell them apart.
    """

    noise_variation: float
    condition_variation: float
    weight_ratio: float

    def values(self) -> dict[str, float]:
        """Convert to values for the log."""
        variations = {"noise_variation": self.noise_variation, "condition_variation": self.condition_variation}
        return variations | ({} if self.weight_ratio != self.weight_ratio else {"weight_ratio": self.weight_ratio})


class Monitor:
    """Variation of the faces of fixed people under fixed noise.

    Variation is the root of the mean squared difference between two faces, at 32 pixels, over all pairs; real
    faces of different people set the scale. A healthy generator shows both kinds: the condition decides some features,
    the noise the others.

    Args:
        batch: different people with their real faces; faces of the first `num_people` are generated.
        noises: (Z, noise_dim).
        subject: name of the condition, for warnings.
        num_people: number of people whose faces are generated.
        least_noise_variation, least_condition_variation: shares below which it warns (ours; the true renderer of
            synthetic speakers has about 0.9 and 0.4).
        least_weight_ratio: weight ratio below which it warns; Roldan Sanchez 2018 found less than 1e-3 in a
            collapsed generator.
    """

    def __init__(
        self,
        batch: Batch,
        noises: Tensor,
        subject: str = "voice",
        *,
        num_people: int = 8,
        least_noise_variation: float = 0.15,
        least_condition_variation: float = 0.05,
        least_weight_ratio: float = 0.01,
    ) -> None:
        self.batch, self.noises, self.subject, self.num_people = batch, noises, subject, num_people
        self.least_noise_variation = least_noise_variation
        self.least_condition_variation = least_condition_variation
        self.least_weight_ratio = least_weight_ratio
        self._scale = variation(_small(batch.faces)[None]).clamp(min=1e-6)

    @torch.no_grad()
    def measure(self, pipeline: FacePipeline) -> Reading:
        """Generate faces of every person under every noise, and measure their variation."""
        encoding = pipeline.encode(self.batch)[: self.num_people]
        columns = []
        for number, noise in enumerate(self.noises):
            with repeatable(encoding.device, "monitor", number):
                columns.append(_small(pipeline.sample(encoding, noise)))
        small = torch.stack(columns, dim=1)
        weights = pipeline.generator.input_weights()
        ratio = float("nan")
        if weights is not None:
            noise, condition = (weight.float().square().mean().sqrt() for weight in weights)
            ratio = float(noise / condition.clamp(min=1e-12))
        return Reading(
            float(variation(small) / self._scale), float(variation(small.transpose(0, 1)) / self._scale), ratio
        )

    def warnings(self, reading: Reading) -> list[str]:
        """Explain what is wrong; nothing where both variations are large enough."""
        noise, condition, subject = reading.noise_variation, reading.condition_variation, self.subject
        # A recipe without noise and without random transforms asks for one face per person.
        intended = self.noises.shape[1] == 0 and noise < ROUNDING
        ignores_noise = noise < self.least_noise_variation and not intended
        ignores_condition = condition < self.least_condition_variation
        shares = (
            f"faces of one {subject} vary by {noise:.1%}, "
            f"those of different ones by {condition:.1%}, as shares of the variation of real faces"
        )
        if ignores_noise and ignores_condition:
            problems = [f"mode collapse: all faces are alike ({shares}); start again, or from a checkpoint"]
        elif ignores_noise:
            remedy = "try a smaller identity weight, or more data"
            problems = [f"the noise is ignored ({shares}): one face a {subject}; {remedy}"]
        elif ignores_condition:
            problems = [f"the {subject} is ignored ({shares}); does the discriminator see the condition?"]
        else:
            problems = []
        if reading.weight_ratio < self.least_weight_ratio:
            ratio = f"{reading.weight_ratio:.1e}"
            problems.append(f"the generator ignores the noise: its first-layer weights are {ratio} of the condition's")
        return problems


def variation(faces: Tensor) -> Tensor:
    """Root mean squared difference over all pairs within each group: (groups, members, values) -> scalar."""
    members = faces.shape[1]
    spread = faces - faces.mean(dim=1, keepdim=True)
    # The mean square over pairs i != j is twice the unbiased variance.
    return (2 * spread.square().sum(dim=1).mean() / (members - 1)).sqrt()


def _small(faces: Tensor) -> Tensor:
    small = F.interpolate(faces.float(), COMPARED_PIXELS, mode="bilinear", antialias=True)
    return small.flatten(1)
