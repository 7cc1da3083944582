"""Reports of runs, for the studies to read."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Figures = Mapping[str, tuple[float | None, ...]]
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a run's report: {key: (value, low, high, chance)}, of which all but the value may be left out."""

    def write_report(run: str, split: str, figures: Figures, /, **said: Any) -> None:
        keys = ("value", "low", "high", "chance")
        listed = [
            {"key": key, "label": key, **dict(zip(keys, numbers, strict=False))} for key, numbers in figures.items()
        ]
        path = tmp_path / run / "evaluation" / f"{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"split": split, "figures": {"metric": listed}, **said}))

    return write_report
