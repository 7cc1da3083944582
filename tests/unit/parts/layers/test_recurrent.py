"""Recurrent layers on the meta device have the shapes, weights and costs of those that run."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from facegen.parts.layers.recurrent import recurrent_states

NETWORKS = {"lstm": lambda: nn.LSTM(5, 7, 3, batch_first=True), "gru": lambda: nn.GRU(5, 7, batch_first=True)}


@pytest.mark.parametrize("kind", NETWORKS)
def test_states_are_those_of_the_network(kind):
    torch.manual_seed(0)
    network, inputs = NETWORKS[kind](), torch.randn(2, 11, 5)
    states, last = network(inputs)
    assert torch.equal(recurrent_states(network, inputs), states)
    hidden = last[0] if kind == "lstm" else last
    assert torch.equal(states[:, -1], hidden[-1])


@pytest.mark.parametrize("kind", NETWORKS)
def test_on_the_meta_device_shapes_gradients_and_operations_are_the_same(kind):
    with torch.device("meta"):
        network, inputs = NETWORKS[kind](), torch.empty(2, 11, 5)
    costs = []
    for run in (lambda: network(inputs)[0], lambda: recurrent_states(network, inputs)):
        with FlopCounterMode(display=False) as counter:
            states = run()
            states.sum().backward()
        assert states.shape == (2, 11, 7) and states.dtype == torch.float32
        assert all(weight.grad is not None for weight in network.parameters())
        network.zero_grad()
        costs.append(counter.get_total_flops())
    assert costs[1] == pytest.approx(costs[0], rel=0.1)
