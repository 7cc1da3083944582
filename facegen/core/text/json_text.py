"""Valid JSON: NaN and infinities, which JSON lacks, are written as null."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any


def json_text(
    value: Any, *, indent: int | None = None, ensure_ascii: bool = True, default: Callable[[Any], Any] | None = None
) -> str:
    """Encode plain values as JSON.

    Args:
        value: dictionaries, lists, strings and numbers; numbers that are not finite become null.
        indent, ensure_ascii, default: as in `json.dumps`.
    """

    def encode_other(unknown: Any) -> Any:
        if default is None:
            raise TypeError(f"{type(unknown).__name__} cannot be written as JSON")
        return finite(default(unknown))

    return json.dumps(finite(value), indent=indent, ensure_ascii=ensure_ascii, default=encode_other, allow_nan=False)


def finite(value: Any) -> Any:
    """Replace numbers that are not finite by None, in dictionaries and lists, too."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
