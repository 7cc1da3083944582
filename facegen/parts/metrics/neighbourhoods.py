"""Balls around faces that extend to the k-th nearest neighbour, and the points inside them."""

import torch
from torch import Tensor

_CHUNK_ROWS = 1024


def neighbourhoods(centres: Tensor, points: Tensor, num_neighbours: int) -> tuple[Tensor, Tensor]:
    """Count the balls around each point, and mark the balls that contain a point.

    A ball is open, and extends from its centre to the k-th nearest other centre.

    Args:
        centres: (N, d), more than `num_neighbours` of them.
        points: (M, d)
        num_neighbours: k.
    Returns:
        (M,) int64 numbers of balls around each point, and (N,) bool, true if the ball contains a point.
    Source:
        Naeem et al. 2020, equations 1-5: density is the mean of the first over k, coverage that of the second, and
        precision (Kynkaanniemi et al. 2019) the share of points in any ball.
    """
    centres, points = centres.double(), points.double()
    around = torch.zeros(len(points), dtype=torch.int64)
    contains = []
    for chunk in centres.split(_CHUNK_ROWS):
        # The nearest centre is the centre itself.
        radius = torch.cdist(chunk, centres).kthvalue(num_neighbours + 1, dim=1).values
        inside = torch.cdist(chunk, points) < radius[:, None]
        around += inside.sum(0)
        contains.append(inside.any(1))
    return around, torch.cat(contains)
