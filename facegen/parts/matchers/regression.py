"""Matcher: regression of the face embedding (Speech2Face)."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Direction, Matcher
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights
from facegen.parts.layers.precision import to_float32
from facegen.parts.layers.similarity import cosines, require_equal_widths

Weight = Annotated[float, Field(ge=0)] | Ramp


class Regression(Matcher):
    """Distance of the encoding s to the embedding f of a trained face network, which is not trained here.

    normalised   = weight E || f / |f| - s / |s| ||_2^2
    l1           = weight E || f - s ||_1
    distillation = weight E [ - sum_k softmax(f / T)_k log softmax(s / T)_k ]

    The face network is the recipe's [discriminator]: that of an earlier run, which the key `start` of [match] names, or
    a pretrained one that a plugin wraps as a discriminator; docs/plugins.md has an example.

    Engine:
        data: not read.
        query_dim, candidate_dim: widths of encoding and face embedding; must be equal.
    Settings:
        normalised_weight, l1_weight, distillation_weight: weights of the three terms, numbers or ramps; the number 0
            leaves a term out.
        temperature: T of the distillation.
    Shape:
        (B, query_dim), (B, candidate_dim) -> scalar terms; logits (B, d), (B, K, d) -> (B, K), the cosines
    Raises:
        RecipeError: the widths differ, all weights are 0, or a ramp falls below 0.
    Source:
        Oh et al. 2019 (Speech2Face): weights 0.025, 1 and 200, temperature 2. There the l1 term compares the first
        layer of a face decoder and the distillation the classes of a face classifier; here both read the embedding
        itself, which is ours; the default is therefore the first term alone. Each row is normalised by itself.
    """

    trains_faces = False

    def __init__(
        self,
        data: DataSpec,
        query_dim: int,
        candidate_dim: int,
        *,
        normalised_weight: Weight = 1.0,
        l1_weight: Weight = 0.0,
        distillation_weight: Weight = 0.0,
        temperature: Annotated[float, Field(gt=0)] = 2.0,
    ) -> None:
        super().__init__()
        require_equal_widths("regression", query_dim, candidate_dim)
        weights = {
            "normalised_weight": normalised_weight,
            "l1_weight": l1_weight,
            "distillation_weight": distillation_weight,
        }
        require_weights("regression", weights)
        if all(weight == 0 for weight in weights.values()):
            raise RecipeError("regression: all three weights are 0: there is nothing to learn; raise one")
        self.normalised_weight, self.l1_weight = Schedule(normalised_weight), Schedule(l1_weight)
        self.distillation_weight = Schedule(distillation_weight)
        self.temperature = temperature

    def terms(self, encoding: Tensor, embedding: Tensor | None, batch: Batch) -> Terms:
        if embedding is None:
            raise RecipeError("regression: matching needs embeddings of the faces; give the recipe a [discriminator]")
        predicted, target = to_float32(encoding), to_float32(embedding.detach())
        losses = {
            "normalised": (self.normalised_weight, self._normalised),
            "l1": (self.l1_weight, self._l1),
            "distillation": (self.distillation_weight, self._distillation),
        }
        return {
            name: weight.value * loss(predicted, target)
            for name, (weight, loss) in losses.items()
            if not weight.is_zero
        }

    def _normalised(self, predicted: Tensor, target: Tensor) -> Tensor:
        return (functional.normalize(target, dim=1) - functional.normalize(predicted, dim=1)).square().sum(dim=1).mean()

    def _l1(self, predicted: Tensor, target: Tensor) -> Tensor:
        return (target - predicted).abs().sum(dim=1).mean()

    def _distillation(self, predicted: Tensor, target: Tensor) -> Tensor:
        shares = torch.softmax(target / self.temperature, dim=1)
        return -(shares * torch.log_softmax(predicted / self.temperature, dim=1)).sum(dim=1).mean()

    def logits(self, query: Tensor, candidates: Tensor, *, direction: Direction) -> Tensor:
        return cosines(query, candidates)
