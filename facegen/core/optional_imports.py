"""Imports of torchaudio, torchvision, torch-fidelity and ONNX; no other module imports them.

Some package indexes have only CUDA builds of torchaudio and torchvision. Beside a CPU build of torch, or one for
another CUDA version, these fail to import, although facegen uses only their Python code. In that case, and only then,
the compiled code is replaced by a stub. A working installation is imported unchanged.
"""

import importlib
import sys
import warnings
from functools import cache
from types import ModuleType

import torch

from facegen.core.errors import CheckpointError

_LIBRARIES: list[torch.library.Library] = []
"""Declared operators exist as long as their library does."""
_STOOD_IN: set[str] = set()


@cache
def torchaudio() -> ModuleType:
    """Import torchaudio."""
    try:
        return _import("torchaudio")
    except (OSError, RuntimeError):
        _forget("torchaudio")
        _STOOD_IN.add("torchaudio")
        extension = ModuleType("torchaudio._extension", "Stub of compiled code that does not fit this torch.")
        extension._IS_TORCHAUDIO_EXT_AVAILABLE = False  # type: ignore[attr-defined]
        extension.fail_if_no_align = lambda function: function  # type: ignore[attr-defined]
        sys.modules[extension.__name__] = extension
        return _import("torchaudio")


@cache
def torchvision() -> ModuleType:
    """Import torchvision."""
    try:
        return _import("torchvision")
    except (OSError, RuntimeError):
        _forget("torchvision")
        _STOOD_IN.add("torchvision")
        # torchvision registers shape functions of these operators while it is imported.
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARIES.append(library)
        return _import("torchvision")


@cache
def torch_fidelity() -> ModuleType:
    """Import torch_fidelity."""
    torchvision()
    return _import("torch_fidelity")


@cache
def onnx_packages() -> ModuleType:
    """Import onnxruntime, and check that the packages are there with which torch writes ONNX files.

    Raises:
        CheckpointError: one is missing.
    """
    try:
        for name in ("onnx", "onnxscript"):
            _import(name)
        return _import("onnxruntime")
    except ImportError as error:
        raise CheckpointError(
            f"an ONNX file needs the packages onnx, onnxscript and onnxruntime ({error}); install them: "
            f"pip install 'facegen[onnx]'"
        ) from error


def stood_in() -> frozenset[str]:
    """Return the imported packages whose compiled code was replaced by a stub."""
    return frozenset(_STOOD_IN)


def _import(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of the import are of no use to a user of facegen
        return importlib.import_module(name)


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
