"""Generator: stage II of StackGAN."""

from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Generator
from facegen.parts.layers.precision import to_float32
from facegen.parts.layers.strided import start_normally
from facegen.parts.layers.upsampling import UpsampleBlock

Count = Annotated[int, Field(ge=1)]


class StackganStage2(Generator):
    """Refinement of a draft: encoder, residual blocks with the condition, and upsampling convolutions.

    e = relu(BN(conv4s2(relu(BN(conv4s2(relu(conv3(draft))))))))
    h = relu(BN(conv3([e, tile(c)]))),   h = relu(h + BN(conv3(relu(BN(conv3(h)))))), residual_blocks times,
    at each doubling h = relu(BN(conv3(upsample(h)))),   G = tanh(conv3(h))

    It has no noise of its own; faces vary with the draft.

    Engine:
        data: supplies image_pixels: draft_pixels times a power of two, 1 included.
        condition_dim: width of the condition.
    Settings:
        draft_pixels: side of the draft's faces, a multiple of 4; must agree with [draft].
        width: number of channels at the draft's size; four times as many at the smallest size, halved at each doubling
            from there.
        residual_blocks: number of residual blocks at the smallest size.
    Shape:
        (B, 0), (B, condition_dim), (B, 3, draft_pixels, draft_pixels) -> (B, 3, image_pixels, image_pixels) in [-1, 1]
    Raises:
        RecipeError: doubling does not lead from draft_pixels to image_pixels, or the draft has another size.
    Source:
        Zhang et al. 2017, section 3.4, in the form of the authors' code, hanzhanggit/StackGAN-Pytorch, which has two
        residual blocks and a width of 192 for COCO; four blocks are the paper's for 256 pixels. The paper goes from
        64 to 256 pixels; other sizes and width 128 are ours.
    """

    uses_draft = True

    def __init__(
        self,
        data: DataSpec,
        condition_dim: int,
        *,
        draft_pixels: Annotated[int, Field(ge=16, multiple_of=4)] = 64,
        width: Count = 128,
        residual_blocks: Annotated[int, Field(ge=0)] = 4,
    ) -> None:
        super().__init__()
        self.draft_pixels = draft_pixels
        channels = [max(4 * width >> number, 1) for number in range(_doublings(draft_pixels, data.image_pixels) + 1)]
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False),
            nn.ReLU(),
            *_normed(nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False)),
            *_normed(nn.Conv2d(2 * width, 4 * width, 4, 2, 1, bias=False)),
        )
        self.joint = nn.Sequential(*_normed(nn.Conv2d(4 * width + condition_dim, 4 * width, 3, padding=1, bias=False)))
        self.residuals = nn.Sequential(*(_ResidualBlock(4 * width) for _ in range(residual_blocks)))
        self.layers = nn.Sequential(*(UpsampleBlock(before, after) for before, after in pairwise(channels)))
        self.to_rgb = nn.Conv2d(channels[-1], 3, 3, padding=1, bias=False)
        start_normally(self)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        if draft is None or draft.shape[2] != self.draft_pixels:
            given = "there is none: [draft] names it" if draft is None else f"it is of {draft.shape[2]}"
            raise RecipeError(f"stackgan_stage2 refines a draft of draft_pixels = {self.draft_pixels}, and {given}")
        encoded = self.encoder(draft.contiguous(memory_format=torch.channels_last))
        tiled = condition.to(encoded.dtype)[:, :, None, None].expand(-1, -1, *encoded.shape[2:])
        hidden = self.residuals(self.joint(torch.cat([encoded, tiled], dim=1)))
        return to_float32(self.to_rgb(self.layers(hidden))).tanh()


def _doublings(draft_pixels: int, image_pixels: int) -> int:
    smallest = draft_pixels // 4
    times, rest = divmod(image_pixels, smallest)
    if rest or times < 4 or times & (times - 1):
        raise RecipeError(
            f"stackgan_stage2: data.image_pixels = {image_pixels} is not draft_pixels = {draft_pixels} times a power "
            f"of two; the next sizes are {2 * draft_pixels} and {4 * draft_pixels}"
        )
    return times.bit_length() - 1


def _normed(conv: nn.Conv2d) -> tuple[nn.Module, ...]:
    return conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU()


class _ResidualBlock(nn.Module):
    """relu(h + BN(conv3(relu(BN(conv3(h))))))"""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *_normed(nn.Conv2d(num_channels, num_channels, 3, padding=1, bias=False)),
            nn.Conv2d(num_channels, num_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(num_channels),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        return functional.relu(hidden + self.residual(hidden))
