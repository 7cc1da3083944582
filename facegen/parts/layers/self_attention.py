"""Every pixel looks at every other."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SelfAttention2d(nn.Module):
    """What a pixel sees of all the others, added to what it is.

    q = Wq x,   k = Wk x,   v = Wv x,   A = softmax over j of q_i . k_j,   y_i = x_i + gamma sum_j A_ij v_j

    gamma is learnt and zero at the start: then y = x. It can be differentiated twice.

    Args:
        num_channels: of the images; an eighth of them, at least one, make queries and keys.
    Shape:
        (B, num_channels, H, W) -> (B, num_channels, H, W), in the memory format that it came in
    Source:
        Zhang et al. 2019, equations 1 to 3: no scaling of the products, no bias; values keep all channels.
    """

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        inner = max(num_channels // 8, 1)
        self.query = nn.Conv2d(num_channels, inner, 1, bias=False)
        self.key = nn.Conv2d(num_channels, inner, 1, bias=False)
        self.value = nn.Conv2d(num_channels, num_channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        query, key, value = (_pixels(layer(images)) for layer in (self.query, self.key, self.value))
        attention = (query @ key.transpose(1, 2)).softmax(dim=2).to(value.dtype)
        seen = (attention @ value).transpose(1, 2).unflatten(2, images.shape[2:])
        return images + self.gamma.to(images.dtype) * seen


def _pixels(images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H W, C)"""
    return images.flatten(2).transpose(1, 2)


def nearest_size(sizes: Sequence[int], wanted: int) -> int:
    """The size that is the least factor away from what is wanted; the smaller one of two alike."""
    return min(sorted(sizes), key=lambda size: abs(math.log(size / wanted)))
