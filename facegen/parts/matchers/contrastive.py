"""Own faces near, strangers' faces far, the strangers ever more alike."""

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

_LEAST_SQUARE = 1e-12  # the root's slope is infinite at 0
Share = Annotated[float, Field(ge=0, le=1)]


class Contrastive(Matcher):
    """Contrastive loss on distances, against one stranger a row whose difficulty follows a curriculum.

    d(s, f) = ||s - f||,   L = E d(s, f) + E max(0, margin - d(s, f-)),   f- = stranger of rank t N from the easiest

    The easiest of the N strangers in the batch is the farthest; t = 1 takes the nearest. The batch's rows of the same
    person are no strangers.

    It hardly gets off the ground from untrained networks: let [match] start name a run that matched otherwise, such as
    by joint_classification.

    Engine:
        data: not read.
        query_dim, candidate_dim: widths of encoding and face embedding; equal.
    Settings:
        direction: the stranger is another face ("v2f"), another voice, or one of each, whose losses are averaged.
        margin: distance beyond which a stranger no longer counts.
        hardness: t, the share of strangers that are easier than the chosen one; a number or a ramp.
        normalise: distances of unit vectors.
        squared: d^2 and max(0, margin - d)^2 instead.
    Shape:
        (B, query_dim), (B, candidate_dim) -> scalar terms; logits (B, d), (B, K, d) -> (B, K)
    Raises:
        RecipeError: the widths differ, or a ramp leaves [0, 1].
    Source:
        Nagrani, Albanie and Zisserman 2018 (PINs): margin, t from 0.3 to 0.8. The way that t takes, both directions
        at once and "squared" (the form of Hadsell et al. 2006) are ours.
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
        """(B,) row of the stranger whose rank from the easiest is the curriculum's."""
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
    """(B,) -> (B, B): rows of different people; everybody unknown is somebody else."""
    others = ~torch.eye(len(identity), dtype=torch.bool, device=identity.device)
    return others & ((identity[:, None] != identity) | (identity < 0))
