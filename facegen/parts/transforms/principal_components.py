"""Transform: principal components of the condition."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import ConditionTransform
from facegen.parts.layers.precision import to_float32, without_autocast


class PrincipalComponents(ConditionTransform):
    """Projection of the condition on the principal components of the training corpus.

    c <- clamp((c - m) V D^-1, -r, r),   C = V D^2 V^T the covariance of the training conditions, m their mean

    V holds the num_components directions of largest variance. They are computed once, before the first step, and
    stored with the run. What lies outside of the training conditions is removed or limited, so that conditions of
    another domain, such as real voices for a generator of synthetic people, stay within those of training.

    Engine:
        data: not read.
        condition_dim: width of the incoming condition.
    Settings:
        num_components: width of the new condition, at most that of the old one.
        whiten: divide every component by its standard deviation, D.
        clamp: r, the largest magnitude, in standard deviations of each component.
    Shape:
        (B, condition_dim) -> (B, num_components)
    Raises:
        RecipeError: num_components exceeds the width of the condition, or the number of training conditions.
    Source:
        Ours. Reed et al. 2016 and others learn the projection of a given encoding instead, as "linear" does.
    """

    mean: Tensor
    directions: Tensor
    deviations: Tensor

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        num_components: Annotated[int, Field(ge=1)] = 16,
        whiten: bool = True,
        clamp: Annotated[float, Field(gt=0)] = 3.0,
    ) -> None:
        super().__init__()
        if num_components > condition_dim:
            raise RecipeError(
                f"principal_components: num_components = {num_components}: must be at most the width of the condition, "
                f"{condition_dim}"
            )
        self.condition_dim = num_components
        self.whiten, self.clamp = whiten, clamp
        self.register_buffer("mean", torch.zeros(condition_dim))
        self.register_buffer("directions", torch.eye(condition_dim, num_components))
        self.register_buffer("deviations", torch.ones(num_components))

    def fit(self, condition: Tensor) -> None:
        num, width = len(condition), self.condition_dim
        if num <= width:
            raise RecipeError(
                f"principal_components: num_components = {width}: needs more than {width} training conditions; the "
                f"corpus has {num}"
            )
        values = condition.double().cpu()
        mean = values.mean(dim=0)
        covariance = (values - mean).T @ (values - mean) / (num - 1)
        variances, directions = torch.linalg.eigh(covariance)
        variances, directions = variances.flip(0)[:width], directions.flip(1)[:, :width]
        # A direction has no sign; the largest element is made positive, so that every library gives the same.
        largest = directions.gather(0, directions.abs().argmax(dim=0, keepdim=True))
        self.mean.copy_(mean)
        self.directions.copy_(directions * largest.sign())
        self.deviations.copy_(variances.clamp(min=1e-12).sqrt())

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        generator = self._project(condition.generator)
        same = condition.critic is condition.generator
        return condition._replace(generator=generator, critic=generator if same else self._project(condition.critic))

    def _project(self, values: Tensor) -> Tensor:
        with without_autocast(values.device):
            scores = (to_float32(values) - self.mean) @ self.directions / self.deviations
            limited = scores.clamp(-self.clamp, self.clamp)
            return limited if self.whiten else limited * self.deviations
