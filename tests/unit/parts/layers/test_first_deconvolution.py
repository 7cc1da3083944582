"""The first transposed convolution against torch's own."""

import pytest
import torch
from torch.nn import functional

from facegen.parts.layers.first_deconvolution import FirstDeconv2d


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_is_the_transposed_convolution_of_one_pixel(bias, memory_format):
    torch.manual_seed(0)
    layer = FirstDeconv2d(6, 4, 5, bias).double().to(memory_format=memory_format)
    vector = torch.randn(3, 6, dtype=torch.float64)
    expected = functional.conv_transpose2d(vector[:, :, None, None], layer.weight, layer.bias)
    assert expected.shape == (3, 4, 5, 5)
    torch.testing.assert_close(layer(vector), expected)
    assert layer(vector).is_contiguous(memory_format=torch.channels_last)
