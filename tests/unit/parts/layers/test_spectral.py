"""Spectral norm against numpy's singular values."""

import numpy
import torch
from torch import nn

from facegen.parts.layers.spectral import normalise_spectrally


def test_every_weight_is_divided_by_its_largest_singular_value():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 4), nn.ConvTranspose2d(5, 4, 3), nn.Flatten(), nn.Linear(7, 2))
    before = {name: weight.detach().clone() for name, weight in network.named_parameters() if name.endswith("weight")}
    normalise_spectrally(network)
    with torch.no_grad():
        for _ in range(200):
            for name in before:
                network[int(name[0])].weight  # noqa: B018  (each use is a power iteration)
        network.eval()
        for name, weight in before.items():
            rows = weight.transpose(0, 1) if name[0] == "1" else weight  # of a transposed convolution: (in, out, ...)
            largest = numpy.linalg.svd(rows.flatten(1).double().numpy(), compute_uv=False)[0]
            torch.testing.assert_close(network[int(name[0])].weight, weight / largest, rtol=1e-5, atol=1e-7)


def test_power_iteration_runs_in_training_mode_only():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(9, 6, bias=False))
    normalise_spectrally(network)
    with torch.no_grad():
        network[0].parametrizations.weight.original.copy_(torch.randn(6, 9))
        norm = network[0].parametrizations.weight
        raw, v = norm.original.double().numpy(), norm[0]._v.double().numpy()
        u = raw @ v / numpy.linalg.norm(raw @ v)
        v = raw.T @ u / numpy.linalg.norm(raw.T @ u)
        first, again = network[0].weight, network[0].weight
    numpy.testing.assert_allclose(first.numpy(), raw / (u @ raw @ v), rtol=1e-5)
    assert not torch.equal(first, again)
    resting = network.eval()[0]
    assert torch.equal(resting.weight, resting.weight)
