"""Layer sizes and reference formulas for tests of discriminators."""

import numpy
import torch
from torch import nn
from torch.nn import functional

from facegen.core.batch import DataSpec


def convolutions(discriminator, pixels):
    """Return (in, out, kernel, stride, output size) of every convolution of the backbone, in order of use."""
    shapes = []

    def note(conv, inputs, output):
        shapes.append((conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.stride[0], output.shape[2]))

    hooks = [m.register_forward_hook(note) for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    discriminator.features(torch.zeros(2, 3, pixels, pixels, device=next(discriminator.parameters()).device))
    for hook in hooks:
        hook.remove()
    return shapes


def num_weights(module):
    return sum(weight.numel() for weight in module.parameters())


def randomised(network):
    """Convert to float64 and draw every weight from N(0, 0.3^2), so that biases and gains have an effect."""
    torch.manual_seed(0)
    for weight in network.parameters():
        nn.init.normal_(weight, 0, 0.3)
    return network.double()


def strided(blocks, images, *, batch_norm):
    """Compute blocks LeakyReLU_0.2(BN(conv)), 4x4 of stride 2 or 3x3, without BN in the first, in training mode."""
    for number, block in enumerate(blocks):
        stride = 2 if block[0].kernel_size == (4, 4) else 1
        images = functional.conv2d(images, block[0].weight, block[0].bias, stride, 1)
        if batch_norm and number:
            images = functional.batch_norm(images, None, None, block[1].weight, block[1].bias, training=True)
        images = functional.leaky_relu(images, 0.2)
    return images


def residual(block, images, slope, *, first, halve):
    """Compute pool(conv(act(conv(act(x)))) + conv1(x)); the first block has no activation before its convolutions."""
    inner = images if first else functional.leaky_relu(images, slope)
    inner = functional.conv2d(inner, block.first.weight, block.first.bias, padding=1)
    inner = functional.leaky_relu(inner, slope)
    inner = functional.conv2d(inner, block.second.weight, block.second.bias, padding=1)
    if not isinstance(block.shortcut, nn.Identity):
        images = functional.conv2d(images, block.shortcut.weight, block.shortcut.bias)
    return functional.avg_pool2d(inner + images, 2) if halve else inner + images


def on_meta(part, pixels, condition_dim, heads, **settings):
    with torch.device("meta"):
        return part(DataSpec(pixels), condition_dim, heads, **settings)


def largest_singular_values(network):
    """Return numpy's largest singular value of every convolution and linear layer, after many power iterations."""
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    with torch.no_grad():
        for layer in layers:
            for _ in range(200):
                layer.weight  # noqa: B018  (each use is a power iteration)
        return {layer: float(numpy.linalg.svd(_matrix(layer), compute_uv=False)[0]) for layer in layers}


def _matrix(layer):
    weight = layer.eval().weight
    transposed = isinstance(layer, nn.ConvTranspose2d)
    return (weight.transpose(0, 1) if transposed else weight).flatten(1).double().numpy()
