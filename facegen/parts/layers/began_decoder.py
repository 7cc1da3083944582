"""Decoder of BEGAN, shared by its generator and its autoencoder."""

from torch import Tensor, nn

from facegen.parts.layers.folded import UpsampleConv2d
from facegen.parts.layers.precision import to_float32
from facegen.parts.layers.sizes import base_and_doublings


class BeganDecoder(nn.Module):
    """Convolutions with nearest upsampling from a vector to a face.

    h = W v,   h = ELU(conv(ELU(conv(h)))) at each size,   x = conv(h)

    The first size is 8, 10, 12 or 14 pixels, such that doubling leads to image_pixels. The result is not bounded.

    Args:
        input_dim: width of the vector.
        num_filters: number of channels at every size.
        image_pixels: side of the faces.
        part: name of the part, for errors.
    Shape:
        (B, input_dim) -> (B, 3, image_pixels, image_pixels)
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Berthelot, Schumm and Metz 2017, without the optional skip connections. Initial weights from
        N(0, 1 / fan_in) are ours.
    """

    def __init__(self, input_dim: int, num_filters: int, image_pixels: int, part: str = "began") -> None:
        super().__init__()
        half_base, doublings = base_and_doublings(image_pixels, part)
        self.base_pixels = 2 * half_base
        self.stem = nn.Linear(input_dim, num_filters * self.base_pixels**2)
        layers: list[nn.Module] = []
        for number in range(doublings):
            # From the second size on, the upsampling is folded into the first convolution.
            first = nn.Conv2d(num_filters, num_filters, 3, padding=1) if number == 0 else None
            layers += [first or UpsampleConv2d(num_filters, num_filters), nn.ELU()]
            layers += [nn.Conv2d(num_filters, num_filters, 3, padding=1), nn.ELU()]
        self.layers = nn.Sequential(*layers)
        self.to_rgb = nn.Conv2d(num_filters, 3, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, vector: Tensor) -> Tensor:
        pixels = self.stem(vector).unflatten(1, (self.base_pixels, self.base_pixels, -1))
        return to_float32(self.to_rgb(self.layers(pixels.permute(0, 3, 1, 2))))
