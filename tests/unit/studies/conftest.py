"""Fixture that writes reports of runs."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Figures = Mapping[str, tuple[float | None, ...]]
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a run's report from {key: (value, low, high, chance)}; a value suffices."""

    def write_report(run: str, split: str, figures: Figures, /, **entries: Any) -> None:
        keys = ("value", "low", "high", "chance")
        listed = [
            {"key": key, "label": key, **dict(zip(keys, numbers, strict=False))} for key, numbers in figures.items()
        ]
        path = tmp_path / run / "evaluation" / f"{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"split": split, "figures": {"metric": listed}, **entries}))

    return write_report
