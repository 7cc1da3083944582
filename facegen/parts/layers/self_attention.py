"""Self-attention over pixels."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SelfAttention2d(nn.Module):
    """Residual self-attention over the pixels of a feature map.

    q = Wq x,   k = Wk x,   v = Wv x,   A = softmax over j of q_i . k_j,   y_i = x_i + gamma sum_j A_ij v_j
    (equations 1 to 3)

    gamma is learned and initially zero, which gives y = x. It can be differentiated twice.

    Args:
        num_channels: of the feature map; queries and keys have an eighth of them, at least one.
    Shape:
        (B, num_channels, H, W) -> (B, num_channels, H, W), in the memory format of the input
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
    """Return the pixels as rows: (B, C, H, W) -> (B, H W, C)."""
    return images.flatten(2).transpose(1, 2)


def nearest_size(sizes: Sequence[int], wanted: int) -> int:
    """Return the size with the smallest ratio to the wanted one; of two equal ones the smaller."""
    return min(sorted(sizes), key=lambda size: abs(math.log(size / wanted)))
