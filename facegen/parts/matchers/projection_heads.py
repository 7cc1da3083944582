"""Matcher: small networks on both sides, compared by cosine."""

import math
from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Direction, Matcher
from facegen.parts.layers.precision import Float32Linear, to_float32, without_autocast
from facegen.parts.layers.similarity import cosines, same_person

_LEAST_TEMPERATURE = 0.01
_LEAST_SHARE, _LEAST_VARIANCE = 0.01, 1e-8
"""Share of a batch in the averages after the first hundred."""


class ProjectionHeads(Matcher):
    """Cross-entropy of choosing the own one of all rows of the batch, between learnt projections of both sides.

    u = n(P(s)),   w = n(Q(f)),   L = (CE_j(u_i . w_j / t) + CE_i(u_i . w_j / t)) / 2,   n(v) = v / |v|
    P, Q: standardise -> add noise -> dropout -> linear [-> ReLU -> dropout -> linear]*

    It is made for encoders with fixed weights: a pretrained conditioner with freeze_conditioner, and a recogniser in
    [match.faces]. Both are then computed once, and a few hundred pairs are learnt in a minute.

    Engine:
        data: not read.
        query_dim, candidate_dim: widths of encoding and face embedding.
    Settings:
        width: width of the projections.
        hidden_widths: widths of the hidden layers of P and Q; an empty list makes both linear.
        dropout: share of values that are set to 0 before every linear layer.
        input_noise: deviation of white noise on the standardised inputs.
        temperature: initial value of t, which is learnt and at least 0.01.
    Shape:
        (B, query_dim), (B, candidate_dim) -> scalar terms; logits (B, d), (B, K, e) -> (B, K)
    Raises:
        RecipeError: temperature is below 0.01, or the recipe has no network of faces.
    Source:
        Ours, after the projection heads of Radford et al. 2021 (CLIP). Nagrani et al. 2018 and Wen et al. 2019 train
        such heads together with the encoders. Rows of the same person are no candidates of each other.
    """

    def __init__(
        self,
        data: DataSpec,
        query_dim: int,
        candidate_dim: int,
        *,
        width: Annotated[int, Field(ge=1)] = 64,
        hidden_widths: tuple[Annotated[int, Field(ge=1)], ...] = (256,),
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        input_noise: Annotated[float, Field(ge=0)] = 0.5,
        temperature: Annotated[float, Field(gt=0)] = 0.1,
    ) -> None:
        super().__init__()
        if temperature < _LEAST_TEMPERATURE:
            raise RecipeError(f"projection_heads: temperature = {temperature:g}: must be at least {_LEAST_TEMPERATURE}")
        self.speech_head = _Head(query_dim, hidden_widths, width, dropout, input_noise)
        self.face_head = _Head(candidate_dim, hidden_widths, width, dropout, input_noise)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def terms(self, encoding: Tensor, embedding: Tensor | None, batch: Batch) -> Terms:
        if embedding is None:
            raise RecipeError("projection_heads: matching needs features of the faces; add [match.faces]")
        speech = functional.normalize(self.speech_head(encoding, learns=self.training), dim=1)
        faces = functional.normalize(self.face_head(embedding, learns=self.training), dim=1)
        with without_autocast(speech.device):
            logits = speech @ faces.t() * self.log_scale.exp()
        logits = logits.masked_fill(same_person(batch.identity), -math.inf)
        own = torch.arange(len(logits), device=logits.device)
        return {
            "v2f": functional.cross_entropy(logits, own) / 2,
            "f2v": functional.cross_entropy(logits.t(), own) / 2,
        }

    @torch.no_grad()
    def update(self, diagnostics: Terms) -> None:
        self.log_scale.clamp_(max=-math.log(_LEAST_TEMPERATURE))

    def logits(self, query: Tensor, candidates: Tensor, *, direction: Direction) -> Tensor:
        first, second = (self.speech_head, self.face_head) if direction == "v2f" else (self.face_head, self.speech_head)
        projected: Tensor = second(candidates.flatten(0, 1)).unflatten(0, candidates.shape[:2])
        return cosines(first(query), projected) * self.log_scale.exp()


class _Head(nn.Module):
    """Small network on standardised values: (B, dim) -> (B, width), at least float32.

    The values are centred, and divided by one number, the root of their mean variance: directions that vary little stay
    small. Mean and variance are averages over the training batches.
    """

    mean: Tensor
    variance: Tensor
    num_batches: Tensor

    def __init__(self, dim: int, hidden_widths: tuple[int, ...], width: int, dropout: float, noise: float) -> None:
        super().__init__()
        self.dropout, self.noise = dropout, noise
        widths = (dim, *hidden_widths, width)
        self.layers = nn.ModuleList(Float32Linear(before, after) for before, after in pairwise(widths))
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("num_batches", torch.zeros(()))

    def forward(self, values: Tensor, *, learns: bool = False) -> Tensor:
        """Project values; `learns` is True in the loss, where the averages move, and noise and dropout are drawn."""
        values = to_float32(values)
        if learns:
            self._average(values.detach())
        values = (values - self.mean) / self.variance.sqrt()
        if learns and self.noise:
            values = values + self.noise * torch.randn_like(values)
        for number, layer in enumerate(self.layers):
            values = layer(functional.dropout(functional.relu(values) if number else values, self.dropout, learns))
        return values

    @torch.no_grad()
    def _average(self, values: Tensor) -> None:
        self.num_batches += 1
        share = (1 / self.num_batches).clamp(min=_LEAST_SHARE)
        mean = values.mean(dim=0)
        # lerp_ is exact for a share of 1: equal encodings would otherwise leave a variance of 0 by rounding.
        self.mean.lerp_(mean, share)
        self.variance.lerp_((values - mean).square().mean().clamp(min=_LEAST_VARIANCE), share)
