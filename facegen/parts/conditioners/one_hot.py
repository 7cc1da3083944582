"""Conditioner: names as one-hot vectors."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Conditioner


class OneHot(Conditioner):
    """One-hot vector of a person of the training split, or a learned projection of it.

    c = W e_identity,   c = (e_identity, e_identity, ..., 0)   or   c = (e_identity, 0);
    e_-1 = 0 for people unseen in training

    Engine:
        data: supplies the number of training identities.
    Settings:
        form: "projected" by a learned matrix, "repeated" as often as it fits and padded with zeros, "padded" with zeros
            alone, or "plain".
        condition_dim: width of the encoding; "plain" has one number per person instead.
    Shape:
        identity (B,) -> (B, condition_dim)
    Raises:
        RecipeError: the training split names nobody, or more people than a repeated or padded vector holds.
    Source:
        Roldan Sanchez 2018, section IV-C and figure 6: projected to 128, or repeated and padded. "padded" is as in its
        published code. Initial weights from N(0, 1), so that the projection has the scale of the noise, are ours.
    """

    needs = frozenset({"identity"})
    people: Tensor

    def __init__(
        self,
        data: DataSpec,
        *,
        form: Literal["projected", "repeated", "padded", "plain"] = "projected",
        condition_dim: Annotated[int, Field(ge=1)] = 128,
    ) -> None:
        super().__init__()
        num = data.num_identities
        if num == 0:
            raise RecipeError("one_hot: the training split names nobody; a one-hot vector needs at least one person")
        if form in ("repeated", "padded") and num > condition_dim:
            raise RecipeError(
                f"one_hot: condition_dim = {condition_dim} holds no vector of {num} people: raise it to {num} or more, "
                "or choose form = 'projected'"
            )
        self.form = form
        self.condition_dim = num if form == "plain" else condition_dim
        self.register_buffer("people", torch.arange(num), persistent=False)
        if form == "projected":
            self.projection = nn.Linear(num, condition_dim, bias=False)
            nn.init.normal_(self.projection.weight)

    def forward(self, batch: Batch) -> Tensor:
        vector = (batch.identity[:, None] == self.people).float()
        if self.form == "projected":
            return self.projection(vector)
        if self.form in ("repeated", "padded"):
            times = self.condition_dim // len(self.people) if self.form == "repeated" else 1
            vector = functional.pad(vector.repeat(1, times), (0, self.condition_dim - times * len(self.people)))
        return vector
