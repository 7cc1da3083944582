"""A deconvolutional generator."""

from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Generator
from facegen.parts.layers.precision import widened
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.spectral import normalise_spectrally
from facegen.parts.layers.strided import Norm, Projector, start_normally

Count = Annotated[int, Field(ge=1)]


class Dcgan(Generator):
    """Transposed convolutions from noise and condition, concatenated, to the face.

    h = dropout(relu(norm(deconv([z, c])))) from one pixel to 4x4, then with 4x4 kernels of stride 2 at each doubling,
    G(z, c) = tanh(deconv(h))

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two, which the first layer's pixels then number.
        condition_dim: width of the condition.
    Settings:
        noise_dim: width of the noise; 0 draws without.
        width: channels at half the size; they double with every further halving.
        max_width: where they stop.
        norm: batch norm, every weight divided by its largest singular value, or neither.
        condition_projection: width to which a linear layer and LeakyReLU bring the condition first; 0 leaves it.
        dropout: share of values that are dropped after each layer but the last, in training and in drawing alike, so
            that it varies the faces ("controlled dropout"); 0 is none.
    Shape:
        (B, noise_dim), (B, condition_dim) -> (B, 3, image_pixels, image_pixels) in [-1, 1]
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        Radford, Metz and Chintala 2016, figure 1, conditioned after Reed et al. 2016, section 4.1 (batch norm, a
        projection to 128, noise of 100). Roldan Sanchez 2018, section IV-C: spectral norm; section V: dropout after
        each layer but the last. max_width is ours; so is dropout that does not ask for the training mode, which
        batch norm asks for as well.
    """

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        noise_dim: Annotated[int, Field(ge=0)] = 100,
        width: Count = 64,
        max_width: Count = 512,
        norm: Norm = "batch",
        condition_projection: Annotated[int, Field(ge=0)] = 0,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__()
        self.noise_dim, self.dropout = noise_dim, dropout
        base_pixels, doublings = base_and_doublings(data.image_pixels, "dcgan")
        channels = [min(width << halvings, max_width) for halvings in range(doublings - 1, -1, -1)]
        self.projector = Projector(condition_dim, condition_projection) if condition_projection else nn.Identity()
        told = noise_dim + (condition_projection or condition_dim)
        batch_norm = norm == "batch"
        self.layers = nn.ModuleList([_Layer(told, channels[0], base_pixels, 1, 0, batch_norm)])
        for before, after in pairwise(channels):
            self.layers.append(_Layer(before, after, 4, 2, 1, batch_norm))
        self.to_rgb = nn.ConvTranspose2d(channels[-1], 3, 4, 2, 1)
        start_normally(self)
        if norm == "spectral":
            normalise_spectrally(self)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        hidden = torch.cat([noise, self.projector(condition)], dim=1)[:, :, None, None]
        for layer in self.layers:
            hidden = layer(hidden)
            if self.dropout:
                hidden = functional.dropout(hidden, self.dropout, training=True)
        return widened(self.to_rgb(hidden)).tanh()

    def input_weights(self) -> tuple[Tensor, Tensor] | None:
        if not self.noise_dim:
            return None
        noise, condition = self.layers[0].conv.weight.tensor_split([self.noise_dim], dim=0)
        return noise, condition


class _Layer(nn.Module):
    """relu(norm(deconv))"""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, padding: int, batch_norm: bool
    ) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_channels, out_channels, kernel_size, stride, padding, bias=not batch_norm)
        self.norm: nn.Module = nn.BatchNorm2d(out_channels) if batch_norm else nn.Identity()

    def forward(self, hidden: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(hidden)))
