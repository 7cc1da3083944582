"""Parsing of TOML that anybody may have written: time, memory and nesting are bounded, and any fault is one error."""

import tomllib
from typing import Any

MAX_CHARACTERS = 2**18
"""Largest length of a recipe; the longest that is shipped has a fortieth of it."""
MAX_LINE_CHARACTERS = 4096
"""Largest length of a line: the time and memory of tomllib grow with the square of the number of dots in a key."""
MAX_DEPTH = 32
"""Largest number of tables and arrays inside each other; code that reads them is recursive."""
MAX_INTEGER = 2**63 - 1
"""Largest integer of TOML's specification; tomllib reads any."""


def parse_toml(text: str, max_characters: int = MAX_CHARACTERS) -> dict[str, Any]:
    """Parse TOML within limits.

    Args:
        text: of the file.
        max_characters: largest length of the text.
    Raises:
        TOMLDecodeError: the text is no TOML, or exceeds a limit, which the message names.
    """
    if len(text) > max_characters:
        raise tomllib.TOMLDecodeError(f"has {len(text):,} characters; at most {max_characters:,} are allowed")
    _require_short_lines(text)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise tomllib.TOMLDecodeError(_too_deep()) from None
    except ValueError as error:  # of int(), for example, which refuses thousands of digits
        raise tomllib.TOMLDecodeError(f"has a number that cannot be read: {error}") from None
    _require_bounded(tables)
    return tables


def _require_short_lines(text: str) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise tomllib.TOMLDecodeError(
                f"line {number} has {len(line):,} characters; at most {MAX_LINE_CHARACTERS:,} are allowed: write a "
                f"long list over several lines"
            )
        key = line.partition("=")[0].lstrip()
        if key.count(".") > MAX_DEPTH and not key.startswith("#"):
            raise tomllib.TOMLDecodeError(f"line {number}: {_too_deep()}")


def _require_bounded(tables: dict[str, Any]) -> None:
    """Refuse deep nesting, integers of more than 64 bits, and NUL characters; iterative, as the depth is unknown."""
    level: list[Any] = [tables]
    depth = 0
    while level:
        depth += 1
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                below += value
            elif isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise tomllib.TOMLDecodeError(
                    f"has an integer of {value.bit_length()} bits; integers have at most 64 bits"
                )
            elif isinstance(value, str) and "\0" in value:
                raise tomllib.TOMLDecodeError("has a string with a NUL character, which no name or path may hold")
        if below and depth > MAX_DEPTH:
            raise tomllib.TOMLDecodeError(_too_deep())
        level = below


def _too_deep() -> str:
    return f"tables and arrays are nested too deeply; at most {MAX_DEPTH} levels are allowed"
