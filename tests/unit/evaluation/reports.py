"""Reports with numbers that tests choose."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facegen.core.evidence import Figure
from facegen.evaluation.report import Report


def report(folder: Path, name: str, figures: Mapping[str, Sequence[Figure]], **changes: Any) -> Report:
    """Return a report in `folder`/evaluation, of a run of 500 steps."""
    split = name.rsplit("-", 1)[-1]
    values: dict[str, Any] = {
        "run": "voices", "step": 500, "corpus": "synthetic", "split": split, "seed": 0, "judge": "a judge",
        "judge_key": "abc", "corpus_key": "def", "max_clips": 50, "num_clips": 30, "num_people": 20, "num_noises": 4,
        "figures": figures, "table": folder / "evaluation" / f"{name}.md", "picture": None, **changes,
    }  # fmt: skip
    return Report(**values)


def share(key: str, value: float, reach: float = 0.05, chance: float | None = 0.1, label: str | None = None) -> Figure:
    """Return a figure with an interval and a chance level; without a label, the key is the label."""
    return Figure(key, label or key, value, value - reach, value + reach, chance, better="higher")
