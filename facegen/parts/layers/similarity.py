"""How near a query is to each of its candidates."""

from torch import Tensor
from torch.nn import functional

from facegen.core.errors import RecipeError
from facegen.parts.layers.precision import to_float32


def require_equal_widths(part: str, query_dim: int, candidate_dim: int) -> None:
    """Encodings and embeddings must share one space.

    Raises:
        RecipeError: they do not.
    """
    if query_dim != candidate_dim:
        raise RecipeError(
            f"{part}: encodings of {query_dim} cannot be compared with embeddings of {candidate_dim}: "
            "make the widths equal"
        )


def cosines(query: Tensor, candidates: Tensor) -> Tensor:
    """Cosines of the angles: (B, d), (B, K, d) -> (B, K)."""
    return functional.cosine_similarity(to_float32(query)[:, None], to_float32(candidates), dim=2)


def inner_products(query: Tensor, candidates: Tensor) -> Tensor:
    """(B, d), (B, K, d) -> (B, K)"""
    return (to_float32(query)[:, None] * to_float32(candidates)).sum(dim=2)
