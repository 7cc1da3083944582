"""torchaudio, torchvision and torch-fidelity: the only place that imports them.

Where only CUDA builds of torchaudio and torchvision are to be had, they stand beside a CPU build of torch, or beside
one for another CUDA, and refuse to import, although the Python parts that facegen uses need none of their compiled
code. Then, and only then, the compiled code is stood in for. A proper installation is imported as it is.
"""

import importlib
import sys
import warnings
from functools import cache
from types import ModuleType

import torch

_LIBRARIES: list[torch.library.Library] = []
"""Declared operators live as long as their library."""
_STOOD_IN: set[str] = set()


@cache
def torchaudio() -> ModuleType:
    """The package torchaudio."""
    try:
        return _import("torchaudio")
    except (OSError, RuntimeError):
        _forget("torchaudio")
        _STOOD_IN.add("torchaudio")
        extension = ModuleType("torchaudio._extension", "Stands in for compiled code that does not fit this torch.")
        extension._IS_TORCHAUDIO_EXT_AVAILABLE = False  # type: ignore[attr-defined]
        extension.fail_if_no_align = lambda function: function  # type: ignore[attr-defined]
        sys.modules[extension.__name__] = extension
        return _import("torchaudio")


@cache
def torchvision() -> ModuleType:
    """The package torchvision."""
    try:
        return _import("torchvision")
    except (OSError, RuntimeError):
        _forget("torchvision")
        _STOOD_IN.add("torchvision")
        # torchvision registers shape rules for these two while it is imported, so they must exist.
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARIES.append(library)
        return _import("torchvision")


@cache
def torch_fidelity() -> ModuleType:
    """The package torch_fidelity."""
    torchvision()
    return _import("torch_fidelity")


def stood_in() -> frozenset[str]:
    """The packages, of those imported so far, whose compiled code was stood in for."""
    return frozenset(_STOOD_IN)


def _import(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of while being imported concerns no user of facegen
        return importlib.import_module(name)


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
