"""Balls around faces that reach to the k-th nearest neighbour, and the points inside them."""

import torch
from torch import Tensor

_CHUNK_ROWS = 1024


def neighbourhoods(centres: Tensor, points: Tensor, num_neighbours: int) -> tuple[Tensor, Tensor]:
    """Count the balls around each point, and find the balls that contain a point.

    A ball reaches from its centre to the k-th nearest other centre, and is open.

    Args:
        centres: (N, d), more than `num_neighbours` of them.
        points: (M, d)
        num_neighbours: k.
    Returns:
        (M,) int64 balls around each point, and (N,) bool whether the ball holds a point.
    Source:
        Naeem et al. 2020, equations 1-5: density is the mean of the first over k, coverage that of the second, and
        precision (Kynkaanniemi et al. 2019) the share of points in any ball.
    """
    centres, points = centres.double(), points.double()
    around = torch.zeros(len(points), dtype=torch.int64)
    holds = []
    for chunk in centres.split(_CHUNK_ROWS):
        # The nearest of all is the centre itself.
        radius = torch.cdist(chunk, centres).kthvalue(num_neighbours + 1, dim=1).values
        inside = torch.cdist(chunk, points) < radius[:, None]
        around += inside.sum(0)
        holds.append(inside.any(1))
    return around, torch.cat(holds)
