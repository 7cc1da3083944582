"""A network is shown a voice and two faces, and says which face is the voice's."""

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
    """Cross-entropy of the place at which the own one of two candidates stands.

    h(s, f_1, f_2) = W MLP([s, f_1, f_2]) + b in R^2,   L = E CE(h(s, f_1, f_2), place of the own face)

    The place is drawn anew for each row. When candidates are ranked, both orders are asked and averaged, so that the
    answer does not depend on who stands first. A direction that was not trained has no preference: equal logits.

    It hardly gets off the ground from untrained networks: let [match] start name a run that matched otherwise, such as
    by joint_classification.

    Engine:
        data: not read.
        query_dim, candidate_dim: widths of encoding and face embedding.
    Settings:
        direction: a voice chooses among two faces ("v2f"), a face among two voices, or a network for each, with the
            mean of both losses.
        widths: of the hidden layers, each with a ReLU.
    Shape:
        (B, query_dim), (B, candidate_dim) -> scalar terms; logits (B, d), (B, 2, e) -> (B, 2)
    Raises:
        DataError: other than two candidates are to be ranked.
    Source:
        Nagrani, Albanie and Zisserman 2018 (SVHF-Net): layers of 1024 and 512. Both directions on the same encoders,
        and asking in both orders, are ours.
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
