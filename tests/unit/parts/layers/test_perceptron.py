"""Hidden layers: widths and order."""

from torch import nn

from facegen.parts.layers.perceptron import hidden_layers


def test_each_width_is_a_linear_layer_and_a_relu():
    layers = hidden_layers(5, (4, 3))
    assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU]
    assert [(layer.in_features, layer.out_features) for layer in layers[::2]] == [(5, 4), (4, 3)]


def test_no_widths_give_no_layers():
    assert hidden_layers(5, ()) == []
