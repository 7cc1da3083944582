"""Copies from the CPU to the device that the host does not wait for."""

import torch
from torch import Tensor

ASYNCHRONOUS = frozenset({"cuda", "xpu"})
"""Devices that copy from page-locked memory while the host goes on."""


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; an ordinary copy to a GPU would wait until all earlier work of the GPU is done."""
    if device.type not in ASYNCHRONOUS or values.device.type != "cpu":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
