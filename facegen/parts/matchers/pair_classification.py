"""Matcher: classification of pairs of candidates (SVHF-Net)."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.errors import DataError, RecipeError
from facegen.core.interfaces import Direction, Matcher
from facegen.parts.layers.perceptron import hidden_layers
from facegen.parts.layers.precision import Float32Linear


class PairClassification(Matcher):
    """Cross-entropy of a network that reads a voice and two faces and tells which face belongs to the voice.

    h(s, f_1, f_2) = W MLP([s, f_1, f_2]) + b in R^2,   L = E CE(h(s, f_1, f_2), place of the own face)

    The place of the own face is drawn for each row. To rank candidates, the logits of both orders are averaged, so that
    the result does not depend on the order. A direction that was not trained gives equal logits.

    It barely learns from untrained networks: start from a run of another matcher, such as joint_classification, with
    the key `start` of [match].

    Engine:
        data: not read.
        query_dim, candidate_dim: widths of encoding and face embedding.
    Settings:
        direction: a voice chooses between two faces ("v2f"), a face between two voices ("f2v"), or both, with one
            network for each and the mean of both losses.
        widths: widths of the hidden layers, each followed by a ReLU.
    Shape:
        (B, query_dim), (B, candidate_dim) -> scalar terms; logits (B, d), (B, 2, e) -> (B, 2)
    Raises:
        DataError: the number of candidates to rank is not two.
    Source:
        Nagrani, Albanie and Zisserman 2018 (SVHF-Net): layers of 1024 and 512. Both directions on the same encoders,
        and averaging over both orders, are ours.
    """

    num_mismatched = 1
    max_candidates = 2

    def __init__(
        self,
        data: DataSpec,
        query_dim: int,
        candidate_dim: int,
        *,
        direction: Literal["v2f", "f2v", "both"] = "both",
        widths: tuple[Annotated[int, Field(ge=1)], ...] = (1024, 512),
    ) -> None:
        super().__init__()
        self.directions: tuple[Direction, ...] = ("v2f", "f2v") if direction == "both" else (direction,)
        dims = {"v2f": query_dim + 2 * candidate_dim, "f2v": candidate_dim + 2 * query_dim}
        self.networks = nn.ModuleDict({name: _network(dims[name], widths) for name in self.directions})

    def terms(self, encoding: Tensor, embedding: Tensor | None, batch: Batch) -> Terms:
        if embedding is None:
            raise RecipeError(
                "pair_classification: matching needs embeddings of the faces; give the recipe a [discriminator]"
            )
        sides = {"v2f": (encoding, embedding), "f2v": (embedding, encoding)}
        stranger = batch.mismatched_rows[:, 0]
        terms: Terms = {}
        for direction in self.directions:
            query, own = sides[direction]
            second = torch.rand(len(query), device=query.device) < 0.5
            pair = torch.stack([own, own[stranger]], dim=1)
            pair = torch.where(second[:, None, None], pair.flip(1), pair)
            loss = functional.cross_entropy(self._answers(direction, query, pair), second.long())
            terms[direction] = loss / len(self.directions)
        return terms

    def logits(self, query: Tensor, candidates: Tensor, *, direction: Direction) -> Tensor:
        num = candidates.shape[1]
        if num != 2:
            raise DataError(f"pair_classification ranks two candidates, not {num}: give it two, or match another way")
        if direction not in self.directions:
            return query.new_zeros(len(query), 2)
        turned = self._answers(direction, query, candidates.flip(1)).flip(1)
        return (self._answers(direction, query, candidates) + turned) / 2

    def _answers(self, direction: Direction, query: Tensor, pair: Tensor) -> Tensor:
        """(B, d), (B, 2, e) -> (B, 2)"""
        answers: Tensor = self.networks[direction](torch.cat([query, pair.flatten(1)], dim=1))
        return answers


def _network(dim: int, widths: tuple[int, ...]) -> nn.Sequential:
    return nn.Sequential(*hidden_layers(dim, widths), Float32Linear((dim, *widths)[-1], 2))
