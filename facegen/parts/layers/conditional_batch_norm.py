"""Batch normalisation whose gain and offset a style decides."""

from torch import Tensor, nn


class ConditionalBatchNorm2d(nn.Module):
    """BN(x, s) = (1 + gamma(s)) (x - mean(x)) / sqrt(var(x) + 1e-5) + beta(s), moments over rows and pixels.

    gamma and beta are one linear layer of the style, nearly zero at the start. In eval mode the moments are running
    means, so that no row sees another.

    Args:
        style_dim: width of the style.
        num_channels: of the images.
    Shape:
        (B, num_channels, H, W), (B, style_dim) -> (B, num_channels, H, W)
    Source:
        Dumoulin et al. 2017 and de Vries et al. 2017, for classes; the linear layer of a style and its start, weights
        from N(0, 0.02^2), are ours.
    """

    def __init__(self, style_dim: int, num_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_channels, affine=False)
        self.style = nn.Linear(style_dim, 2 * num_channels)
        nn.init.normal_(self.style.weight, 0.0, 0.02)
        nn.init.zeros_(self.style.bias)

    def forward(self, images: Tensor, style: Tensor) -> Tensor:
        normal = self.norm(images)
        gain, offset = self.style(style).to(normal.dtype)[:, :, None, None].chunk(2, dim=1)
        return (1 + gain) * normal + offset
