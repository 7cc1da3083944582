"""facegen's layers against plain PyTorch: forward and backward, both in one run, alternating.

    python benchmarks/layers.py [--threads 1 --rounds 15]

Times are medians of CPU time, so that other work on the machine counts little.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor
from torch.nn import functional

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


def once(layer: Layer, inputs: Tensor, weights: list[Tensor], direction: Tensor) -> tuple[float, list[Tensor]]:
    """Run forward and backward; return seconds of CPU time, the output and the gradients."""
    leaves = [*weights, *([inputs] if inputs.requires_grad else [])]
    start = time.process_time()
    output = layer(inputs)
    gradients = torch.autograd.grad(output, leaves, direction)
    return time.process_time() - start, [output.detach(), *gradients]


def main() -> None:
    """Time every pair and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    cases = [conv_pool(32, 16, 32, 64), conv_pool(8, 64, 128, 32), upsample_conv(32, 32, 16, 32)]
    cases += [upsample_conv(8, 128, 64, 16), adaptive_norm(32, 16, 64), adaptive_norm(32, 64, 16)]
    cases += [sinc(16, 4), sinc(16, 10)]
    print("| layer | plain, ms | ours, ms | ratio | largest difference |\n|---|---|---|---|---|")
    for name, inputs, ours, plain, weights in cases:
        direction = torch.randn_like(ours(inputs))
        times: dict[Layer, list[float]] = {plain: [], ours: []}
        results: dict[Layer, list[Tensor]] = {}
        for _ in range(arguments.rounds + 2):
            for layer in times:
                seconds, results[layer] = once(layer, inputs, weights, direction)
                times[layer].append(seconds)
        slow, fast = (1000 * median(values[2:]) for values in times.values())
        errors = [(a - b).abs().max() / b.abs().max() for a, b in zip(results[ours], results[plain], strict=True)]
        print(f"| {name} | {slow:.1f} | {fast:.1f} | {slow / fast:.2f} | {max(errors).item():.0e} |", flush=True)


if __name__ == "__main__":
    main()
