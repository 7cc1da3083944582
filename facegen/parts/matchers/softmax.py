"""Matcher: K-way softmax over inner products."""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Direction, Matcher
from facegen.parts.layers.precision import to_float32, without_autocast
from facegen.parts.layers.similarity import same_person

_LEAST_LEARNT = 0.01


class Softmax(Matcher):
    """Cross-entropy of choosing the own one of K candidates by inner products.

    p(f_j | s, f_1..f_K) = exp(s . f_j / t) / sum_k exp(s . f_k / t),   L = E -log p(own)   (equation 1),
    and the same with s and f swapped

    Engine:
        data: not read.
        query_dim, candidate_dim: widths of encoding and face embedding; must be equal.
    Settings:
        direction: a voice chooses among faces ("v2f"), a face among voices ("f2v"), or the mean of both losses.
        num_candidates: number of candidates, the own one included; not read with in_batch.
        in_batch: take all rows of the batch as candidates, except other rows of the same person.
        normalise: scale both vectors to length 1 first.
        temperature: t, or its initial value where it is learnt.
        learn_temperature: learn t, limited to 0.01 or above.
    Shape:
        (B, query_dim), (B, candidate_dim) -> scalar terms; logits (B, d), (B, K, d) -> (B, K)
    Raises:
        RecipeError: the widths differ, or a temperature that is learnt starts below 0.01.
    Source:
        Choi, Park and Lee 2020, equation 1, 10 candidates. in_batch, normalise and temperature are ours.
    """

    def __init__(
        self,
        data: DataSpec,
        query_dim: int,
        candidate_dim: int,
        *,
        direction: Literal["v2f", "f2v", "both"] = "v2f",
        num_candidates: Annotated[int, Field(ge=2)] = 10,
        in_batch: bool = False,
        normalise: bool = False,
        temperature: Annotated[float, Field(gt=0)] = 1.0,
        learn_temperature: bool = False,
    ) -> None:
        super().__init__()
        if query_dim != candidate_dim:
            raise RecipeError(
                f"softmax: encodings of {query_dim} have no inner product with embeddings of "
                f"{candidate_dim}: make the widths equal"
            )
        if learn_temperature and temperature < _LEAST_LEARNT:
            raise RecipeError(
                f"softmax: temperature = {temperature:g} with learn_temperature = true: must be at least "
                f"{_LEAST_LEARNT:g}, below which it is not learnt; raise it, or leave it fixed"
            )
        self.directions: tuple[Direction, ...] = ("v2f", "f2v") if direction == "both" else (direction,)
        self.in_batch, self.normalise = in_batch, normalise
        self.num_mismatched = 0 if in_batch else num_candidates - 1
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)), requires_grad=learn_temperature)

    def terms(self, encoding: Tensor, embedding: Tensor | None, batch: Batch) -> Terms:
        if embedding is None:
            raise RecipeError("softmax: matching needs embeddings of the faces; give the recipe a [discriminator]")
        sides = {"v2f": (encoding, embedding), "f2v": (embedding, encoding)}
        share = 1 / len(self.directions)
        return {name: share * self._cross_entropy(*sides[name], batch, name) for name in self.directions}

    def _cross_entropy(self, query: Tensor, candidates: Tensor, batch: Batch, direction: Direction) -> Tensor:
        if self.in_batch:
            logits = self._products(query, candidates.t()).masked_fill(same_person(batch.identity), -math.inf)
            return functional.cross_entropy(logits, torch.arange(len(query), device=query.device))
        others = candidates[batch.mismatched_rows[:, : self.num_mismatched]]
        logits = self.logits(query, torch.cat([candidates[:, None], others], dim=1), direction=direction)
        return -logits.log_softmax(dim=1)[:, 0].mean()

    @torch.no_grad()
    def update(self, diagnostics: Terms) -> None:
        # The weight itself is clamped: a clamp in the forward pass would leave it without a gradient beyond the limit.
        if self.log_scale.requires_grad:
            self.log_scale.clamp_(max=-math.log(_LEAST_LEARNT))

    def logits(self, query: Tensor, candidates: Tensor, *, direction: Direction) -> Tensor:
        return self._products(query[:, None], candidates.transpose(1, 2))[:, 0]

    def _products(self, query: Tensor, candidates: Tensor) -> Tensor:
        """(..., N, d), (..., d, K) -> (..., N, K)"""
        query, candidates = to_float32(query), to_float32(candidates)
        if self.normalise:
            query, candidates = functional.normalize(query, dim=-1), functional.normalize(candidates, dim=-2)
        with without_autocast(query.device):
            return query @ candidates * self.log_scale.exp()
