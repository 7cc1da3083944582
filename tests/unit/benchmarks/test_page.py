"""The page of results: numbers, goals, and what stays as it was written."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness import Comparison, Measurement, to_json
from benchmarks.page import BEGIN, END, number, render, rewrite, with_spread

MACHINE = {"processor": "A CPU", "cores": "2", "load": "0.1", "system": "Linux", "versions": "facegen 1"}
PROJECT = Path(__file__).parents[3]


def entry(title: str, *rows: Comparison | Measurement) -> dict[str, Any]:
    return {
        "title": title, "text": f"About {title}.", "date": "2026-01-02", "seconds": 3.0, "machine": MACHINE,
        "rows": [to_json(row) for row in rows],
    }  # fmt: skip


def test_goals_stand_first_and_missed_ones_stand_out() -> None:
    fast = Comparison("small", "plain", [0.4, 0.5, 0.6], [0.2, 0.25, 0.2], 2.0)
    slow = Measurement("help", "s", [0.5], 0.3)
    text = render({"step": entry("Step", fast), "startup": entry("Start-up", slow)})
    assert "| Step | small | 2.00 (2.00 to 2.50)x | 2x | yes |" in text
    assert "| Start-up | help | 0.5 s | at most 0.3 s | **no** |" in text
    assert "| 2026-01-02 | A CPU | 2 | Linux | facegen 1 | Step (0.1), Start-up (0.1) |" in text
    assert "| small | plain | 500 (450 to 550) ms | 200 (200 to 225) ms | 2.00 (2.00 to 2.50)x | 2x | yes |  |" in text
    assert text.index("## Goals") < text.index("## Step") < text.index("## Start-up")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([2.0], "2 s"),
        ([0.0125], "12.5 ms"),
        ([3e-6], "3 µs"),
        ([1.0, 2.0, 3.0], "2 (1.5 to 2.5) s"),
        ([123.0], "123 s"),
    ],
)
def test_times_have_a_fitting_unit(seconds: list[float], expected: str) -> None:
    assert with_spread(seconds) == expected


@pytest.mark.parametrize(("value", "expected"), [(12345.6, "12,346"), (99.96, "100"), (0.12345, "0.123"), (0.0, "0")])
def test_numbers_have_three_digits_and_no_exponent(value: float, expected: str) -> None:
    assert number(value) == expected


def test_only_the_tables_of_a_page_are_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    for _ in range(2):
        rewrite(page, {"step": entry("Step", Comparison("small", "plain", [2.0], [1.0]))})
    text = page.read_text()
    assert text.startswith(f"Before.\n\n{BEGIN}\n\n## Goals") and text.endswith(f"{END}\n\nAfter.\n")
    assert "old" not in text and text.count("## Step") == 1


def test_a_page_without_marks_is_left_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Something of mine.")
    with pytest.raises(ValueError, match=r"page.md: holds not both"):
        rewrite(page, {})
    assert page.read_text() == "Something of mine."


def test_the_page_of_the_documentation_has_the_marks() -> None:
    text = (PROJECT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1 and text.index(BEGIN) < text.index(END)
