"""Checks of attributes and results of parts: types, shapes, devices. Nothing here reads a value of a tensor."""

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.clips import Clips
from facegen.core.critic import Critic
from facegen.core.evidence import Figure

Device = torch.device | None
ValueCheck = Callable[[object, Device], str]
"""Explains why a value is wrong on a device; "" if it is right."""
NETWORK_FLOATS = (torch.float32, torch.bfloat16, torch.float16)

_ATTRIBUTES: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "dataset": {"spec": DataSpec, "cache_dir": Path, "factor_sides": Mapping},
    "conditioner": {"condition_dim": int},
    "transform": {"condition_dim": int},
    "generator": {"noise_dim": int, "draft_pixels": int},
    "objective": {"heads": Mapping, "num_mismatched": int},
    "penalty": {"grad_inputs": (frozenset, set)},
    "matcher": {"num_mismatched": int, "max_candidates": (int, type(None))},
}
"""{kind: {attribute of the built part: its type}}."""
_COPIED = ("conditioner", "transform", "generator")
"""Kinds of which EMA copies the parts."""


def check_attributes(kind: str, built: object) -> None:
    """Check what a part must have once it is built.

    Raises:
        TypeError: an attribute is missing or of another type, or the state of the module cannot be stored or copied.
    """
    if isinstance(built, nn.Module):
        if "_parameters" not in vars(built):
            raise TypeError("its __init__ does not call super().__init__()")
        _check_state(built)
        if kind in _COPIED and any(value.is_meta for value in built.state_dict().values()):
            _check_copy(built)
    for name, types in _ATTRIBUTES.get(kind, {}).items():
        value = getattr(built, name, None)
        if not hasattr(built, name):
            raise TypeError(f"its __init__ does not set {name}")
        if not isinstance(value, types) or (isinstance(value, bool) and types is int):
            wanted = types[0] if isinstance(types, tuple) else types
            raise TypeError(f"{name} = {value!r:.100}; must be a {wanted.__name__}")


def _check_state(module: nn.Module) -> None:
    for name, value in module.state_dict(keep_vars=True).items():
        if not isinstance(value, Tensor):
            raise TypeError(f"its state '{name}' is a {type(value).__name__}; a checkpoint stores tensors only")
        if is_lazy(value):
            raise TypeError(f"its weight '{name}' has no shape yet; facegen needs the shapes when a part is built")
        if value.layout != torch.strided or value.is_quantized:
            raise TypeError(f"its state '{name}' is no dense tensor, which a checkpoint cannot store")
        if not value.is_leaf:
            raise TypeError(f"its buffer '{name}' is computed from weights; detach it, or compute it in forward")
        if any(size > 1 and stride == 0 for size, stride in zip(value.shape, value.stride(), strict=True)):
            raise TypeError(f"its buffer '{name}' is an expanded view, which cannot be loaded; store a clone of it")


def _check_copy(module: nn.Module) -> None:
    try:
        copy.deepcopy(module)
    except Exception as error:
        raise TypeError(f"it cannot be copied, as the moving average of its weights requires: {error}") from error


def result_check(kind: str, method: str) -> Callable[[tuple[Any, ...], object], None]:
    """Return the check of the results of a method; it raises TypeError."""
    check = _RESULTS.get(kind, {}).get(method)

    def check_result(arguments: tuple[Any, ...], returned: object) -> None:
        reason = "" if check is None else check(returned, _device_of(arguments))
        if reason:
            raise TypeError(reason)

    return check_result


def _device_of(arguments: tuple[Any, ...]) -> Device:
    """Return the device of the first argument that has one."""
    for argument in arguments:
        if isinstance(argument, Tensor):
            return argument.device
        if isinstance(argument, torch.device):
            return argument
        if isinstance(argument, Batch):
            return argument.clip.device
        if isinstance(argument, Condition):
            return argument.encoding.device
        if isinstance(argument, Critic):
            return argument.batch.clip.device
    return None


def _floats(value: object, device: Device, what: str = "returns") -> str:
    if not isinstance(value, Tensor):
        return f"{what} {_shown(value)}; must be a tensor"
    if value.dtype not in NETWORK_FLOATS:
        return f"{what} {value.dtype}; must be torch.float32"
    if device is not None and value.device.type != device.type:
        return f"{what} a tensor on the device '{value.device.type}'; its inputs are on '{device.type}'"
    return ""


def _terms(value: object, device: Device) -> str:
    if not isinstance(value, Mapping):
        return f"returns {_shown(value)}; must be a dict {{name: scalar tensor}}"
    for name, term in value.items():
        if not isinstance(name, str):
            return f"returns a term with the name {name!r:.100}; must be a string"
        wrong = _floats(term, device, f"its term '{name}' is")
        if wrong:
            return wrong
    return ""


def _condition(value: object, device: Device) -> str:
    if not isinstance(value, Condition):
        return f"returns {_shown(value)}; must be a facegen.Condition"
    wrong = next(filter(None, (_floats(getattr(value, name), device, f"{name} is") for name in value._fields[:3])), "")
    return wrong or _terms(value.terms, device)


def _weights(value: object, device: Device) -> str:
    is_pair = isinstance(value, tuple) and len(value) == 2 and all(isinstance(weight, Tensor) for weight in value)
    return "" if value is None or is_pair else f"returns {_shown(value)}; must be None, or a tuple of two tensors"


def _of(types: type | tuple[type, ...], wanted: str) -> ValueCheck:
    def check(value: object, device: Device) -> str:
        return "" if isinstance(value, types) else f"returns {_shown(value)}; must be {wanted}"

    return check


def _integers(dtype: torch.dtype) -> ValueCheck:
    def check(value: object, device: Device) -> str:
        if isinstance(value, Tensor) and value.dtype == dtype:
            return ""
        return f"returns {value.dtype if isinstance(value, Tensor) else _shown(value)}; must be a tensor of {dtype}"

    return check


def _figures(value: object, device: Device) -> str:
    is_list = isinstance(value, list) and all(isinstance(figure, Figure) for figure in value)
    return "" if is_list else f"returns {_shown(value)}; must be a list of facegen.Figure"


def _shown(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


_TENSOR, _TEXT = _of(Tensor, "a tensor"), _of(str, "a string")
_RESULTS: Mapping[str, Mapping[str, ValueCheck]] = {
    "dataset": {
        "fingerprint": _TEXT, "clips": _of(Clips, "facegen.Clips"), "faces": _integers(torch.uint8),
        "speech": _integers(torch.int16), "frame_samples": _TENSOR, "text": _integers(torch.float32),
        "captions": _of(Sequence, "a sequence of strings"), "languages": _of(Sequence, "a sequence of strings"),
        "clip_names": _of(Sequence, "a sequence of strings"),
        "factors": _of(Mapping, "a dict of tensors"),
        "same_voice_faces": _of((Tensor, type(None)), "a tensor, or None"),
        "consents": _of((Sequence, type(None)), "a sequence of strings, or None"),
    },
    "conditioner": {"forward": _floats},
    "transform": {"forward": _condition},
    "generator": {"noise": _floats, "forward": _floats, "input_weights": _weights},
    "discriminator": {
        "uses_batch_statistics": _of(bool, "True or False"),
        **dict.fromkeys(("features", "score", "embed", "classify", "reconstruct"), _floats),
    },
    "objective": {name: _terms for name in ("discriminator_terms", "generator_terms", "diagnostics")},
    "penalty": {"terms": _terms},
    "augmentation": {"forward": _floats, "diagnostics": _terms},
    "matcher": {"terms": _terms, "logits": _floats},
    "metric": {"measure": _figures},
    "recogniser": {"fingerprint": _TEXT, "embed_faces": _TENSOR, "embed_speech": _TENSOR},
}  # fmt: skip
"""{kind: {method: check of its result}}."""
