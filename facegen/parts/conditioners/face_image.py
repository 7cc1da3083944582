"""Conditioner: an image of the person, the identity image."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from facegen.core.batch import IDENTITY_IMAGE, Batch, DataSpec
from facegen.core.errors import DataError
from facegen.core.interfaces import Conditioner
from facegen.parts.layers.precision import Float32Linear, to_float32
from facegen.parts.layers.sizes import base_and_doublings
from facegen.parts.layers.strided import halving_trunk, start_normally

Count = Annotated[int, Field(ge=1)]


class FaceImage(Conditioner):
    """Strided convolutions on another face of the same person.

    c = W h + b,   h = LeakyReLU_0.2(BN(conv(...))) with 4x4 kernels of stride 2,   no norm in the first layer

    In training the face is another one of the person in the split, of the same clip or of another; in evaluation it is
    the next one. In generation it is given.

    Engine:
        data: supplies image_pixels: 4, 5, 6 or 7 times a power of two; that factor is the side of the last feature map.
    Settings:
        condition_dim: width of the encoding.
        width: number of channels at half the image size; doubles with every further halving.
        max_width: largest number of channels.
        standardise: batch norm without weights on the encoding, which keeps its scale equal to that of the noise.
    Shape:
        identity_image (B, 3, image_pixels, image_pixels) in [-1, 1] -> (B, condition_dim)
    Raises:
        RecipeError: image_pixels cannot be reached by doubling.
    Source:
        The identity image of Chung et al. 2017, in Roldan Sanchez 2018, section I and figure 1, which give no sizes;
        their encoder is VGG-M. Layers are our choice, after the discriminator of Radford, Metz and Chintala 2016.
    """

    needs = frozenset({IDENTITY_IMAGE})

    def __init__(
        self,
        data: DataSpec,
        *,
        condition_dim: Count = 128,
        width: Count = 64,
        max_width: Count = 512,
        standardise: bool = False,
    ) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        base_pixels, halvings = base_and_doublings(data.image_pixels, "face_image")
        channels = [min(width << doublings, max_width) for doublings in range(halvings)]
        self.trunk = halving_trunk([3, *channels], batch_norm=True)
        start_normally(self.trunk)
        self.head = Float32Linear(channels[-1] * base_pixels**2, condition_dim)
        self.standard: nn.Module = nn.BatchNorm1d(condition_dim, affine=False) if standardise else nn.Identity()

    def forward(self, batch: Batch) -> Tensor:
        if batch.identity_image is None:
            raise DataError("face_image: the batch has no identity images")
        faces = batch.identity_image.contiguous(memory_format=torch.channels_last)
        encoding: Tensor = self.standard(self.head(to_float32(self.trunk(faces)).flatten(1)))
        return encoding
