"""Matcher: contrastive loss with a curriculum of negatives (PINs)."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Direction, Matcher
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights
from facegen.parts.layers.precision import to_float32, without_autocast
from facegen.parts.layers.similarity import require_equal_widths

_LEAST_SQUARE = 1e-12  # the derivative of the root is infinite at 0
Share = Annotated[float, Field(ge=0, le=1)]


class Contrastive(Matcher):
    """Contrastive loss on distances, with one negative per row whose difficulty follows a curriculum.

    d(s, f) = ||s - f||,   L = E d(s, f) + E max(0, margin - d(s, f-)),   f- = negative of rank t N from the easiest

    The negatives of a row are the N rows of other people in the batch. The easiest is the farthest; t = 1 takes the
    nearest.

    It barely learns from untrained networks: start from a run of another matcher, such as joint_classification, with
    the key `start` of [match].

    Engine:
        data: not read.
        query_dim, candidate_dim: widths of encoding and face embedding; must be equal.
    Settings:
        direction: negatives are faces ("v2f"), voices ("f2v"), or one of each, whose losses are averaged.
        margin: distance beyond which a negative has no loss.
        hardness: t, the share of negatives that are easier than the chosen one; a number or a ramp.
        normalise: scale both vectors to length 1 first.
        squared: use d^2 and max(0, margin - d)^2.
    Shape:
        (B, query_dim), (B, candidate_dim) -> scalar terms; logits (B, d), (B, K, d) -> (B, K)
    Raises:
        RecipeError: the widths differ, or a ramp leaves [0, 1].
    Source:
        Nagrani, Albanie and Zisserman 2018 (PINs): margin, t from 0.3 to 0.8. The schedule of t, both directions at
        once and "squared" (the form of Hadsell et al. 2006) are ours.
    """

    def __init__(
        self,
        data: DataSpec,
        query_dim: int,
        candidate_dim: int,
        *,
        direction: Literal["v2f", "f2v", "both"] = "both",
        margin: Annotated[float, Field(gt=0)] = 0.6,
        hardness: Share | Ramp = Ramp(start=0.3, end=0.8, steps=2500),  # noqa: B008 (frozen)
        normalise: bool = True,
        squared: bool = False,
    ) -> None:
        super().__init__()
        require_equal_widths("contrastive", query_dim, candidate_dim)
        require_weights("contrastive", {"hardness": hardness}, at_most=1)
        self.directions: tuple[Direction, ...] = ("v2f", "f2v") if direction == "both" else (direction,)
        self.margin, self.normalise, self.power = margin, normalise, 2 if squared else 1
        self.hardness = Schedule(hardness)

    def terms(self, encoding: Tensor, embedding: Tensor | None, batch: Batch) -> Terms:
        if embedding is None:
            raise RecipeError("contrastive: matching needs embeddings of the faces; give the recipe a [discriminator]")
        encoding, embedding = self._placed(encoding), self._placed(embedding)
        sides = {"v2f": (encoding, embedding), "f2v": (embedding, encoding)}
        strangers = _strangers(batch.identity)
        terms = {"positive": _distances(encoding, embedding).pow(self.power).mean()}
        for direction in self.directions:
            query, candidates = sides[direction]
            negative = _distances(query, candidates[self._negative_rows(query, candidates, strangers)])
            lacking = functional.relu(self.margin - negative).pow(self.power) * strangers.any(dim=1)
            terms[direction] = lacking.mean() / len(self.directions)
        return terms

    @torch.no_grad()
    def _negative_rows(self, query: Tensor, candidates: Tensor, strangers: Tensor) -> Tensor:
        """Return the row of each negative, whose rank from the easiest is set by the curriculum: (B,)."""
        with without_autocast(query.device):
            distances = torch.cdist(query, candidates)
        easiest_first = distances.masked_fill(~strangers, -torch.inf).argsort(dim=1, descending=True)
        num = strangers.sum(dim=1)
        rank = (self.hardness.value * num).long().minimum(num - 1).clamp(min=0)
        return easiest_first.gather(1, rank[:, None])[:, 0]

    def _placed(self, values: Tensor) -> Tensor:
        values = to_float32(values)
        return functional.normalize(values, dim=-1) if self.normalise else values

    def logits(self, query: Tensor, candidates: Tensor, *, direction: Direction) -> Tensor:
        return -_distances(self._placed(query)[:, None], self._placed(candidates))


def _distances(first: Tensor, second: Tensor) -> Tensor:
    """(..., d), (..., d) -> (...)"""
    return (first - second).square().sum(dim=-1).clamp(min=_LEAST_SQUARE).sqrt()


def _strangers(identity: Tensor) -> Tensor:
    """Return which rows hold different people, (B,) -> (B, B); an unknown person differs from all others."""
    others = ~torch.eye(len(identity), dtype=torch.bool, device=identity.device)
    return others & ((identity[:, None] != identity) | (identity < 0))
