"""JSON that every reader accepts: numbers that are not finite become null."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any


def json_text(
    value: Any, *, indent: int | None = None, ensure_ascii: bool = True, default: Callable[[Any], Any] | None = None
) -> str:
    """Encode plain values as JSON.

    Args:
        value: dictionaries, lists, strings, numbers; NaN and infinities, which JSON lacks, are written as null.
        indent, ensure_ascii, default: as in `json.dumps`.
    """

    def other(unknown: Any) -> Any:
        if default is None:
            raise TypeError(f"{type(unknown).__name__} has no form in JSON")
        return finite(default(unknown))

    return json.dumps(finite(value), indent=indent, ensure_ascii=ensure_ascii, default=other, allow_nan=False)


def finite(value: Any) -> Any:
    """The same plain values with None in the place of every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value
