"""Nearest neighbours of features by cosine distance."""

import torch
from torch import Tensor
from torch.nn import functional

_CHUNK_ROWS = 1024


def nearest(queries: Tensor, gallery: Tensor) -> tuple[Tensor, Tensor]:
    """Find the nearest row of a gallery to each query, by the cosine distance 1 - cos; the first of equally near rows.

    Args:
        queries: (..., d)
        gallery: (M, d), at least one row.
    Returns:
        (...) float64 distances, at least 0, and (...) positions in the gallery.
    """
    flat = functional.normalize(queries.double().flatten(0, -2), dim=1)
    units = functional.normalize(gallery.double(), dim=1)
    cosines, positions = [], []
    for chunk in flat.split(_CHUNK_ROWS):
        cosine, position = (chunk @ units.T).max(dim=1)
        cosines.append(cosine)
        positions.append(position)
    shape = queries.shape[:-1]
    # Rounding can take the cosine of a vector and itself past 1.
    return (1 - torch.cat(cosines)).clamp(min=0).view(shape), torch.cat(positions).view(shape)
