"""Similarity of queries and candidates."""

import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.errors import RecipeError
from facegen.parts.layers.precision import to_float32


def require_equal_widths(part: str, query_dim: int, candidate_dim: int) -> None:
    """Check that encodings and embeddings have one width.

    Raises:
        RecipeError: they differ.
    """
    if query_dim != candidate_dim:
        raise RecipeError(
            f"{part}: encodings of {query_dim} cannot be compared with embeddings of {candidate_dim}: "
            "make the widths equal"
        )


def cosines(query: Tensor, candidates: Tensor) -> Tensor:
    """Compute the cosines: (B, d), (B, K, d) -> (B, K)."""
    return functional.cosine_similarity(to_float32(query)[:, None], to_float32(candidates), dim=2)


def inner_products(query: Tensor, candidates: Tensor) -> Tensor:
    """Compute the inner products: (B, d), (B, K, d) -> (B, K)."""
    return (to_float32(query)[:, None] * to_float32(candidates)).sum(dim=2)


def same_person(identity: Tensor) -> Tensor:
    """Return which other rows hold the same known person: (B,) -> (B, B)."""
    same = (identity[:, None] == identity) & (identity >= 0)
    return same & ~torch.eye(len(identity), dtype=torch.bool, device=identity.device)
