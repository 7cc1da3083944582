"""Generator: DCGAN."""

from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Generator
from facegen.parts.layers.first_deconvolution import FirstDeconv2d
from facegen.parts.layers.precision import to_float32
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.spectral import normalise_spectrally
from facegen.parts.layers.strided import Norm, Projector, start_normally

Count = Annotated[int, Field(ge=1)]


class Dcgan(Generator):
    """Transposed convolutions of noise and condition, concatenated.

    h = dropout(relu(norm(deconv([z, c])))) from one pixel to 4x4, then with 4x4 kernels of stride 2 at each doubling,
    G(z, c) = tanh(deconv(h))

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; that factor is the side of the
            first feature map.
        condition_dim: width of the condition.
    Settings:
        noise_dim: width of the noise; 0 generates without noise.
        width: number of channels at half the image size; doubles with every further halving.
        max_width: largest number of channels.
        norm: batch norm, spectral norm on every weight but the last layer's, or none.
        norm_last: spectral norm on the last layer, too.
        condition_projection: width of a linear layer with LeakyReLU on the condition; 0 leaves it out.
        residual: add a residual branch of three convolutions, with a quarter of the channels, at the first two sizes.
        dropout: share of values that are dropped after each layer but the last, in training and in generation, where it
            varies the faces ("controlled dropout").
        dropout_channels: drop whole channels, after each layer but the last two, and before tanh.
    Shape:
        (B, noise_dim), (B, condition_dim) -> (B, 3, image_pixels, image_pixels) in [-1, 1]
    Raises:
        RecipeError: image_pixels cannot be reached by doubling, or norm_last without spectral norm.
    Source:
        Radford, Metz and Chintala 2016, figure 1, conditioned after Reed et al. 2016, section 4.1 (batch norm, a
        projection to 128, noise of 100); residual and width 128 are of their code, reedscot/icml2016. Roldan Sanchez
        2018, section IV-C: spectral norm; section V: dropout after each layer but the last. The last layer
        without spectral norm is SAGAN's (Zhang et al. 2019), as the thesis does not say. norm_last and dropout_channels
        are as in its published code. max_width is ours, and so is dropout outside training mode, which would switch
        batch norm too.
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
        norm_last: bool = False,
        condition_projection: Annotated[int, Field(ge=0)] = 0,
        residual: bool = False,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        dropout_channels: bool = False,
    ) -> None:
        super().__init__()
        if norm_last and norm != "spectral":
            raise RecipeError(f"dcgan: norm_last = true with norm = '{norm}': set norm = 'spectral', or omit norm_last")
        self.noise_dim, self.dropout, self.dropout_channels = noise_dim, dropout, dropout_channels
        base_pixels, doublings = base_and_doublings(data.image_pixels, "dcgan")
        channels = [min(width << halvings, max_width) for halvings in range(doublings - 1, -1, -1)]
        input_dim = noise_dim + (condition_projection or condition_dim)
        bias = norm != "batch"
        convs: list[nn.ConvTranspose2d] = [FirstDeconv2d(input_dim, channels[0], base_pixels, bias)]
        convs += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=bias) for before, after in pairwise(channels)]
        self.layers = nn.ModuleList(
            _Layer(conv, batch_norm=norm == "batch", residual=residual and number < 2)
            for number, conv in enumerate(convs)
        )
        self.to_rgb = nn.ConvTranspose2d(channels[-1], 3, 4, 2, 1)
        start_normally(self)
        if norm == "spectral":
            normalise_spectrally(self.layers)  # on the last layer it would keep faces grey
        if norm_last:
            normalise_spectrally(self.to_rgb)
        # As in Reed et al., without norm and with larger initial weights: otherwise noise outweighs the condition.
        self.projector = Projector(condition_dim, condition_projection) if condition_projection else nn.Identity()

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        hidden = torch.cat([noise, self.projector(condition)], dim=1)
        for number, layer in enumerate(self.layers, 1):
            hidden = layer(hidden)
            if self.dropout and not self.dropout_channels:
                hidden = functional.dropout(hidden, self.dropout, training=True)
            elif self.dropout and number < len(self.layers):
                hidden = functional.dropout2d(hidden, self.dropout, training=True)
        colours = self.to_rgb(hidden)
        if self.dropout and self.dropout_channels:
            colours = functional.dropout2d(colours, self.dropout, training=True)
        return to_float32(colours).tanh()

    def input_weights(self) -> tuple[Tensor, Tensor] | None:
        if not self.noise_dim:
            return None
        weight: Tensor = self.layers[0].conv.weight  # type: ignore[assignment, union-attr]
        noise, condition = weight.tensor_split([self.noise_dim], dim=0)
        return noise, condition


class _Layer(nn.Module):
    """relu(h + residual(h)),   h = norm(deconv)"""

    def __init__(self, conv: nn.ConvTranspose2d, *, batch_norm: bool, residual: bool) -> None:
        super().__init__()
        num_channels = conv.out_channels
        self.conv = conv
        self.norm = _norm(num_channels, batch_norm)
        self.residual = _residual(num_channels, batch_norm) if residual else None

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = self.norm(self.conv(hidden))
        if self.residual is not None:
            hidden = hidden + self.residual(hidden)
        return functional.relu(hidden)


def _norm(num_channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(num_channels) if batch_norm else nn.Identity()


def _residual(num_channels: int, batch_norm: bool) -> nn.Sequential:
    inner = max(num_channels // 4, 1)
    return nn.Sequential(
        nn.Conv2d(num_channels, inner, 1, bias=not batch_norm),
        _norm(inner, batch_norm),
        nn.ReLU(),
        nn.Conv2d(inner, inner, 3, padding=1, bias=not batch_norm),
        _norm(inner, batch_norm),
        nn.ReLU(),
        nn.Conv2d(inner, num_channels, 3, padding=1, bias=not batch_norm),
        _norm(num_channels, batch_norm),
    )
