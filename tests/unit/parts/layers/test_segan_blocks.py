"""SEGAN's blocks against conv1d in float64, whether they convolve or multiply matrices."""

import pytest
import torch
from torch.nn import functional

from facegen.parts.layers.segan_blocks import MIN_WEIGHTS_PER_STEP, SeganBlock


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels last"])
@pytest.mark.parametrize(
    ("kernel", "stride", "time", "multiplies"),
    [(15, 4, 20, True), (15, 4, 62, False), (15, 4, 600, False), (4, 4, 5, True), (31, 2, 20, True), (2, 1, 5, False)],
)
def test_output_and_gradients_are_those_of_conv1d(
    kernel: int, stride: int, time: int, multiplies: bool, channels_last: bool
) -> None:
    torch.manual_seed(0)
    steps = (time - 2) // stride + 1
    assert (6 * kernel >= MIN_WEIGHTS_PER_STEP * steps) == multiplies
    block = SeganBlock(6, 5, kernel, stride)
    if channels_last:
        block = block.to(memory_format=torch.channels_last)
    speech = torch.randn(3, 6, 1, time, requires_grad=True)
    direction = torch.randn(3, 5, 1, steps)
    activated = block(speech)
    gradients = torch.autograd.grad((activated * direction).sum(), [speech, block.conv.weight])
    exact = speech.detach().double()[:, :, 0].requires_grad_()
    weight = block.conv.weight.detach().double()[:, :, 0].requires_grad_()
    convolved = functional.conv1d(functional.pad(exact, ((kernel - 2) // 2, (kernel - 1) // 2)), weight, stride=stride)
    expected = functional.leaky_relu(functional.batch_norm(convolved, None, None, training=True), 0.3)
    wanted = torch.autograd.grad((expected * direction.double()[:, :, 0]).sum(), [exact, weight])
    assert activated.shape == direction.shape
    assert torch.allclose(activated[:, :, 0].double(), expected, atol=1e-5)
    for gradient, other in zip(gradients, wanted, strict=True):
        assert (gradient[:, :, 0] - other).abs().max() <= 1e-4 * other.abs().max()
