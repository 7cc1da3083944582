"""Generator: voice2face."""

from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Generator
from facegen.parts.layers.first_deconvolution import FirstDeconv2d
from facegen.parts.layers.precision import to_float32
from facegen.parts.layers.sizes import base_and_doublings

Count = Annotated[int, Field(ge=1)]


class Voice2face(Generator):
    """Transposed convolutions of the condition, without noise and norms.

    h = relu(deconv(c)) from one pixel to 4x4, then with 4x4 kernels of stride 2 at each doubling,
    G(c) = tanh(conv1(h))

    Noise on the condition is a transform of its own.

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; that factor is the side of the
            first feature map.
        condition_dim: width of the condition.
    Settings:
        width: number of channels at the full image size; doubles with every halving.
        max_width: largest number of channels.
    Shape:
        (B, 0), (B, condition_dim) -> (B, 3, image_pixels, image_pixels) in [-1, 1]
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Wen, Singh and Raj 2019, in the form of the authors' code, cmu-mlsp/reconstructing_faces_from_voices: 1024 to 64
        channels at 64 pixels. Ours are the tanh (theirs leaves the values unbounded) and the initial weights of
        He et al. 2015, which keep the scale through all layers; otherwise the output hardly depends on the voice.
    """

    def __init__(self, data: DataSpec, condition_dim: int, *, width: Count = 64, max_width: Count = 1024) -> None:
        super().__init__()
        base_pixels, doublings = base_and_doublings(data.image_pixels, "voice2face")
        channels = [min(width << halvings, max_width) for halvings in range(doublings, -1, -1)]
        convs: list[nn.ConvTranspose2d] = [FirstDeconv2d(condition_dim, channels[0], base_pixels)]
        convs += [nn.ConvTranspose2d(before, after, 4, 2, 1) for before, after in pairwise(channels)]
        self.layers = nn.ModuleList(convs)
        self.to_rgb = nn.Conv2d(channels[-1], 3, 1)
        for conv in (*convs, self.to_rgb):
            # One output pixel of a transposed convolution reads 1 / stride^2 of the kernel.
            fan_in = conv.in_channels * (4 if conv.stride[0] == 2 else 1)
            nn.init.normal_(conv.weight, 0.0, (2 / fan_in) ** 0.5)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        hidden = condition
        for conv in self.layers:
            hidden = functional.relu(conv(hidden))
        return to_float32(self.to_rgb(hidden)).tanh()
