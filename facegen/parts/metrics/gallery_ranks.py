"""Ranks of gallery faces by their distance to query faces, and the scores that follow from a rank."""

import torch
from torch import Tensor
from torch.nn import functional


def gallery_distances(queries: Tensor, gallery: Tensor, distance: str) -> Tensor:
    """Compute distances, L1, L2 or cosine: (..., e), (N, e) -> (..., N)."""
    if distance == "cosine":
        # Between unit vectors, L2 grows with the cosine distance.
        queries, gallery = functional.normalize(queries, dim=-1), functional.normalize(gallery, dim=-1)
    norm, mode = 1.0 if distance == "L1" else 2.0, "donot_use_mm_for_euclid_dist"
    rows = torch.cdist(queries.flatten(0, -2), gallery, p=norm, compute_mode=mode)
    return rows.unflatten(0, queries.shape[:-1])


def share_within(nearer: Tensor, ties: Tensor, num: int) -> Tensor:
    """Compute the probability that a face is among the `num` nearest.

    Args:
        nearer: (...,) number of gallery faces that are nearer to the query.
        ties: (...,) number of other gallery faces at the same distance, among which the order is random.
    """
    return ((num - nearer) / (ties + 1)).clamp(0, 1)


def share_of_choices(nearer: Tensor, ties: Tensor, size: int, num_candidates: int) -> Tensor:
    """Compute the probability that a face is the nearest of itself and random other faces of the gallery.

        E over ties [ C(w, K - 1) / C(N - 1, K - 1) ],   w = N - 1 - number of faces before it

    Args:
        nearer, ties: as in `share_within`.
        size: N, the size of the gallery.
        num_candidates: K, including the face itself; at most N.
    """
    total = torch.zeros(nearer.shape, dtype=torch.float64)
    for place in range(int(ties.max()) + 1):
        worse = (size - 1 - nearer - place).double()
        of_place = torch.ones_like(total)
        for taken in range(num_candidates - 1):
            of_place *= (worse - taken).clamp(min=0) / (size - 1 - taken)
        total += of_place * (place <= ties)
    return total / (ties + 1)
