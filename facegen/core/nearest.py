"""Which of some faces is the nearest to each of others."""

import torch
from torch import Tensor
from torch.nn import functional

_CHUNK_ROWS = 1024


def nearest(queries: Tensor, gallery: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest of a gallery to each query, by the cosine distance 1 - cos; of equally near ones the first.

    Args:
        queries: (..., d)
        gallery: (M, d), at least one row.
    Returns:
        (...) float64 distances, at least 0, and (...) places in the gallery.
    """
    flat = functional.normalize(queries.double().flatten(0, -2), dim=1)
    among = functional.normalize(gallery.double(), dim=1)
    cosines, places = [], []
    for chunk in flat.split(_CHUNK_ROWS):
        cosine, place = (chunk @ among.T).max(dim=1)
        cosines.append(cosine)
        places.append(place)
    shape = queries.shape[:-1]
    # Rounding leaves a vector and itself a cosine that is not quite 1.
    return (1 - torch.cat(cosines)).clamp(min=0).view(shape), torch.cat(places).view(shape)
