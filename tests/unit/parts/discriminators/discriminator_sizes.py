"""What tests of several discriminators count and compare."""

import numpy
import torch
from torch import nn

from facegen.core.batch import DataSpec


def convolutions(discriminator, pixels):
    """(in, out, kernel, stride, size of the output) of every convolution of the trunk, in the order of their use."""
    found = []

    def note(conv, inputs, output):
        found.append((conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.stride[0], output.shape[2]))

    hooks = [m.register_forward_hook(note) for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    discriminator.features(torch.zeros(2, 3, pixels, pixels, device=next(discriminator.parameters()).device))
    for hook in hooks:
        hook.remove()
    return found


def num_weights(module):
    return sum(weight.numel() for weight in module.parameters())


def on_meta(part, pixels, condition_dim, heads, **settings):
    with torch.device("meta"):
        return part(DataSpec(pixels), condition_dim, heads, **settings)


def largest_singular_values(network):
    """By numpy, of the weight of every convolution and linear layer, after many power iterations."""
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
