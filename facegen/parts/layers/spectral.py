"""Spectral norm."""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


def normalise_spectrally(network: nn.Module) -> None:
    """Divide every weight of the network's convolutions and linear layers by its largest singular value.

    W / sigma(W),   sigma(W) = u^T W v,   with u and v from one power iteration per use in training mode
    (equations 8 and 12)

    Source:
        Miyato et al. 2018, equations 8 and 12; W is read as a matrix with one row per output channel.
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            spectral_norm(module)
