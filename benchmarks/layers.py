"""facegen's layers against plain PyTorch: forward and backward."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.harness import Comparison, Progress, Row, interleave
from facegen.parts.conditioners.waveform_sincnet import SincFilters
from facegen.parts.generators.adain import AdaptiveInstanceNorm
from facegen.parts.layers.folded import ConvPool2d, UpsampleConv2d

Layer = Callable[[Tensor], Tensor]
Case = tuple[str, Tensor, Layer, Layer, list[Tensor]]


def images(num: int, channels: int, pixels: int) -> Tensor:
    """Draw random images in channels-last format: (num, channels, pixels, pixels)."""
    values = torch.randn(num, channels, pixels, pixels).contiguous(memory_format=torch.channels_last)
    return values.requires_grad_()


def conv_pool(num: int, before: int, after: int, pixels: int) -> Case:
    """Compare a convolution followed by average pooling."""
    layer = ConvPool2d(before, after)

    def plain(faces: Tensor) -> Tensor:
        return functional.avg_pool2d(functional.conv2d(faces, layer.weight, layer.bias, padding=1), 2)

    return f"conv + pool, {before} to {after}, {pixels} px", images(num, before, pixels), layer, plain, [layer.weight]


def upsample_conv(num: int, before: int, after: int, pixels: int) -> Case:
    """Compare nearest upsampling followed by a convolution."""
    layer = UpsampleConv2d(before, after)

    def plain(faces: Tensor) -> Tensor:
        return functional.conv2d(functional.interpolate(faces, scale_factor=2.0), layer.weight, layer.bias, padding=1)

    return (
        f"upsample + conv, {before} to {after}, {pixels} px",
        images(num, before, pixels),
        layer,
        plain,
        [layer.weight],
    )


def adaptive_norm(num: int, channels: int, pixels: int) -> Case:
    """Compare instance norm followed by the style's gain and offset."""
    layer, style = AdaptiveInstanceNorm(16, channels), torch.randn(num, 16)
    torch.nn.init.normal_(layer.style.weight)

    def plain(faces: Tensor) -> Tensor:
        gain, offset = layer.style(style)[..., None, None].chunk(2, dim=1)
        return (1 + gain) * functional.instance_norm(faces) + offset

    def ours(faces: Tensor) -> Tensor:
        return layer(faces, style)

    return f"AdaIN, {channels}, {pixels} px", images(num, channels, pixels), ours, plain, [layer.style.weight]


def sinc(num: int, stride: int) -> Case:
    """Compare a strided convolution of one channel."""
    layer = SincFilters(32, 251, 16000, stride)

    def plain(speech: Tensor) -> Tensor:
        padded = functional.pad(speech[:, None], (125, 125), mode="reflect")
        return functional.conv1d(padded, layer.filters()[:, None], stride=stride)[:, :, None]

    return f"sinc filters, 251 taps, stride {stride}", torch.rand(num, 19200), layer, plain, [layer.low, layer.band]


TITLE = "Layers"
TEXT = (
    "Forward and backward of single layers on one core, in channels-last format. The difference is the largest of the "
    "output and of all gradients, relative to the largest value of each."
)
FOLDED_GOAL = 1.7
TOLERANCE = 1e-5


def measure(progress: Progress) -> list[Row]:
    """Measure every pair, and compare its results."""
    torch.manual_seed(0)
    cases = [conv_pool(32, 16, 32, 64), conv_pool(8, 64, 128, 32), upsample_conv(32, 32, 16, 32)]
    cases += [upsample_conv(8, 128, 64, 16), adaptive_norm(32, 16, 64), adaptive_norm(32, 64, 16)]
    cases += [sinc(16, 4), sinc(16, 10)]
    rows: list[Row] = []
    for name, inputs, ours, plain, weights in cases:
        direction = torch.randn_like(ours(inputs))
        leaves = [*weights, *([inputs] if inputs.requires_grad else [])]
        sides = {"plain": once(plain, inputs, leaves, direction), "ours": once(ours, inputs, leaves, direction)}
        seconds = interleave(name, sides, 15, progress, warm_ups=2)
        results = {side: run() for side, run in sides.items()}
        pairs = zip(results["ours"], results["plain"], strict=True)
        difference = max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)
        goal = FOLDED_GOAL if " + conv" in name or "conv + " in name else None
        if goal and difference > TOLERANCE:
            raise RuntimeError(f"{name}: the two sides differ by {difference:.0e}, more than {TOLERANCE:.0e}")
        note = f"difference {difference:.0e}"
        rows.append(Comparison(name, "plain", seconds["plain"], seconds["ours"], goal, note))
    return rows


def once(layer: Layer, inputs: Tensor, leaves: list[Tensor], direction: Tensor) -> Callable[[], list[Tensor]]:
    """Return a function that runs forward and backward, and returns the output and the gradients."""

    def run() -> list[Tensor]:
        output = layer(inputs)
        return [output.detach(), *torch.autograd.grad(output, leaves, direction)]

    return run
