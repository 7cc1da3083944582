"""Recurrent layers, which the check of a recipe runs on the meta device, too."""

from torch import Tensor, nn
from torch.nn import functional


def recurrent_states(network: nn.LSTM | nn.GRU, inputs: Tensor) -> Tensor:
    """Run a network with `batch_first` in one direction, and return the states of its last layer.

    On the meta device, where torch takes thousands of operations for the single steps, each layer is one product with
    the inputs and one with the states of all steps: the same shapes, weights and number of operations.

    Shape:
        (B, steps, input_size) -> (B, steps, hidden_size)
    """
    if not inputs.is_meta:
        states: Tensor = network(inputs)[0]
        return states
    for layer in range(network.num_layers):
        for kind in ("ih", "hh"):
            weight, bias = getattr(network, f"weight_{kind}_l{layer}"), getattr(network, f"bias_{kind}_l{layer}")
            inputs = functional.linear(inputs, weight, bias)[..., : network.hidden_size]
    return inputs
