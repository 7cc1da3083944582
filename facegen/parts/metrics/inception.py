"""torch-fidelity's Inception network, applied to faces."""

import io
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from facegen.core import optional_imports
from facegen.parts.metrics.extractor import Extractor
from facegen.parts.metrics.inception_weights import read_weights
from facegen.parts.metrics.weight_files import digest

FEATURES, LOGITS = "2048", "logits_unbiased"


class Inception(Extractor):
    """torch-fidelity's Inception network with the weights of a file: features (N, 2048) and logits (N, 1008).

    Args:
        path: file of the weights.
        batch_size: number of faces in a batch.
    Raises:
        DataError: the file holds other weights.
    """

    def __init__(self, path: Path, *, batch_size: int) -> None:
        with torch.device("meta"):
            network = _blank()("inception", [FEATURES, LOGITS], feature_extractor_weights_path=_no_weights())
        weights = read_weights(path, network.state_dict())
        nn.Module.load_state_dict(network, weights, assign=True)
        super().__init__(network, (FEATURES, LOGITS), name="Inception", key=digest(weights), batch_size=batch_size)


@cache
def _blank() -> Any:
    """Derive a class from torch-fidelity's that loads no weights; its own loading unpickles or downloads a file."""
    base: Any = optional_imports.torch_fidelity().FeatureExtractorInceptionV3

    class Blank(base):
        def load_state_dict(self, state_dict: object) -> None:
            """Do nothing; read_weights supplies the weights."""

    return Blank


def _no_weights() -> io.BytesIO:
    """Make an empty file of weights."""
    file = io.BytesIO()
    torch.save({}, file)
    file.seek(0)
    return file
