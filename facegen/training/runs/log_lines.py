"""Lines of a run's log.jsonl: one JSON object of logged values each."""

import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from facegen.core.readable_files import open_bytes
from facegen.core.text.json_text import json_text

MAX_LOG_LINE = 2**20
"""Characters of one line of log.jsonl; a longer one is no line of a log."""


def append_line(path: Path, stage: str, step: int, values: Mapping[str, Any]) -> None:
    """Append one line; "not_finite" holds the values that JSON has no number for, as text."""
    not_finite = {name: str(v) for name, v in values.items() if isinstance(v, float) and not math.isfinite(v)}
    line = {"stage": stage, "step": step, **values} | ({"not_finite": not_finite} if not_finite else {})
    with path.open("a", encoding="utf-8") as file:
        file.write(json_text(line) + "\n")


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every line with its values, without lines that a crash cut short."""
    if not path.is_file():  # a pipe would never end
        return
    with io.TextIOWrapper(open_bytes(path), "utf-8", "replace") as file:
        while line := file.readline(MAX_LOG_LINE):
            try:
                entry = json.loads(line)
                if "\\u" in line:  # half of a surrogate pair cannot be shown or written again
                    json_text(entry, ensure_ascii=False).encode()
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict) and _is_log_entry(entry):
                yield line.rstrip("\n"), entry


def _is_log_entry(entry: Mapping[str, Any]) -> bool:
    step = entry.get("step")
    return isinstance(entry.get("stage"), str) and type(step) is int and 0 <= step < 2**53
