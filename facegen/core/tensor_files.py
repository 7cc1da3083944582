"""Files of weights of other projects, read without running code from them."""

import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from facegen.core.errors import DataError
from facegen.core.tensor_access import load_tensors


def read_tensor_file(path: Path) -> dict[str, Any]:
    """Read a file of safetensors or of torch.save onto the CPU; values are tensors, numbers, or tables of these.

    Raises:
        DataError: the file is missing or damaged, or holds other objects.
    """
    try:
        if path.suffix == ".safetensors":
            content: Any = load_tensors(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about unusual pickles: they are refused or harmless
                content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    except Exception:  # a damaged file can make the reader raise any exception
        raise DataError(
            f"{path}: is damaged, or holds other objects than weights, which could run code and are refused; name the "
            f"file as it was published"
        ) from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: does not hold a dictionary of tensors; name a file of weights")
    return content
