"""Search and check of the weights of the Inception network of 2015, which defines FID."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from torch import Tensor

from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.parts.metrics.weight_files import (
    NoWeightsError,
    cached_file,
    checked_tensors,
    download,
    read_tensors,
)

URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
PYTORCH_FID_NAME = "pt_inception-2015-12-05-6726825d.pth"
VARIABLE = "FACEGEN_INCEPTION_WEIGHTS"
NONE = "none"


def named_weights(given: Path | None) -> Path | None:
    """Return the file named by the setting or the environment; None if neither names one.

    Raises:
        DataError: the file does not exist.
    """
    value = os.environ.get(VARIABLE, "")
    path = given if given is not None else Path(value) if value not in ("", NONE) else None
    if path is not None and not path.is_file():
        where = "inception_weights" if given is not None else VARIABLE
        raise DataError(
            f"{where} = '{path}': does not exist; name {Path(urlsplit(URL).path).name} (torch-fidelity), "
            f"{PYTORCH_FID_NAME} (pytorch-fid), or the same weights as safetensors"
        )
    return path


def find_weights(observer: Observer) -> Path:
    """Find the file that torch-fidelity or pytorch-fid downloaded; download it if there is none.

    Raises:
        NoWeightsError: the environment variable is "none", or the download fails.
    """
    if os.environ.get(VARIABLE) == NONE:
        raise NoWeightsError(f"{VARIABLE} = {NONE}")
    own = cached_file(URL)
    for path in (own, own.with_name(PYTORCH_FID_NAME)):
        if path.is_file():
            return path
    remedy = f"--inception-weights PATH, {VARIABLE} = PATH, or inception_weights of the [[metric]]"
    download(URL, own, "Inception", remedy, observer)
    return own


def read_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read weights from a file without running code from it, and check names and shapes.

    Args:
        path: file of safetensors or of torch.save.
        expected: the network's state dictionary.
    Raises:
        DataError: the file is damaged, holds other objects than tensors, or tensors of another network.
    """
    return checked_tensors(path, read_tensors(path), expected, "FID's Inception")
