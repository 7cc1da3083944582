"""Layer tables: shapes, and counts that add up."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from facegen.core.describe.layers import PAPER_DATA, Layer, layer_table, part_layers
from facegen.core.interfaces import Conditioner, Generator, Objective
from facegen.testing import SampleDiscriminator


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = spectral_norm(nn.Conv2d(3, 4, 3, padding=1))
        self.twice = nn.Conv2d(4, 4, 1)
        self.block = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(4 * 8 * 8, 5))
        self.scale = nn.Parameter(torch.ones(5))
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        return self.block(self.twice(self.twice(self.convolution(x)))) * self.scale


def test_a_row_a_call_and_every_parameter_once():
    net = Net().eval()
    rows = layer_table(net, lambda: net(torch.zeros(2, 3, 8, 8)))
    assert rows == [
        Layer("convolution", "Conv2d", (4, 8, 8), 3 * 4 * 9 + 4),
        Layer("twice", "Conv2d", (4, 8, 8), 16 + 4),
        Layer("twice", "Conv2d", (4, 8, 8), 0),
        Layer("block.0", "ReLU", (4, 8, 8), 0),
        Layer("block.1", "Flatten", (256,), 0),
        Layer("block.2", "Linear", (5,), 256 * 5 + 5),
        Layer("scale", "Parameter", (5,), 5),
        Layer("unused.weight", "Parameter", (2, 2), 4),
        Layer("unused.bias", "Parameter", (2,), 2),
    ]
    assert sum(row.num_parameters for row in rows) == sum(weight.numel() for weight in net.parameters())
    assert not any(layer._forward_hooks for layer in net.modules())


def test_hooks_go_when_the_network_fails():
    net = Net().eval()
    with pytest.raises(RuntimeError):
        layer_table(net, lambda: net(torch.zeros(2, 4, 8, 8)))
    assert not any(layer._forward_hooks for layer in net.modules())


class Voice(Conditioner):
    needs = frozenset({"speech"})

    def __init__(self, data, *, condition_dim: int = 6):
        super().__init__()
        self.condition_dim = condition_dim
        self.linear = nn.Linear(data.speech_samples, condition_dim)

    def forward(self, batch):
        return self.linear(batch.speech)


class Refine(Generator):
    uses_draft = True
    noise_dim = 2

    def __init__(self, data, condition_dim):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 1)

    def forward(self, noise, condition, draft=None):
        return torch.tanh(self.convolution(draft))


def test_parts_are_run_at_the_papers_size_without_memory():
    (row,) = part_layers("conditioner", Voice, {"condition_dim": 7})
    assert row == Layer("linear", "Linear", (7,), 7 * PAPER_DATA.speech_samples + 7)
    assert part_layers("generator", Refine, {}) == [Layer("convolution", "Conv2d", (3, 128, 128), 12)]
    rows = part_layers("discriminator", SampleDiscriminator, {})
    names = {row.name for row in rows}
    assert {"trunk", "condition", *(f"heads.{head}" for head in SampleDiscriminator.supported_heads)} == names
    classes = next(row for row in rows if row.name == "heads.classify")
    assert classes.shape == (PAPER_DATA.num_identities + 1,)


def test_other_kinds_have_none():
    assert part_layers("objective", type("Loss", (Objective,), {"__init__": lambda self, data: None}), {}) == []
