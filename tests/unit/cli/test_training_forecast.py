"""Before the first step: the estimate, smaller presets, a question on a terminal and a warning elsewhere."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest
import torch

from facegen.cli import training_forecast
from facegen.cli.training_forecast import announce, duration_text, forecast_text, preset_hint
from facegen.training.check.forecast import Forecast
from facegen.training.check.unit_costs import Cost, StageForecast

HOUR = 3600.0
RECIPE = Path("voice")


def of(*hours: float | None, memory_gib: float = 1.0) -> Forecast:
    stages = [
        StageForecast(f"stage {number}", None if h is None else (Cost("step", h, HOUR),), memory_gib * 2**30)
        for number, h in enumerate(hours)
    ]
    return Forecast(stages, 11e9, torch.device("cpu"))


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Answer the question of a terminal."""

    def answer(text: str) -> None:
        monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
        monkeypatch.setattr(training_forecast.error_console, "_force_terminal", True)
        monkeypatch.setattr(click.termui, "visible_prompt_func", lambda prompt: text)

    return answer


@pytest.mark.parametrize(("seconds", "text"), [
    (5, "less than a minute"), (45, "a minute"), (90, "1.5 minutes"), (3600, "1 hour"), (11520, "3.2 hours"),
    (86400 * 12.3, "12 days"), (365.25 * 86400 * 8.4, "8.4 years"), (365.25 * 86400 * 1200, "1,200 years"),
])  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_the_estimate_names_stages_device_and_memory() -> None:
    assert forecast_text(of(1.5, None)) == (
        "Estimate for cpu at 11 GFLOP/s: about 1.5 hours (stage 0 1.5 hours, stage 1 unknown); 1.0 GiB of memory."
    )


def test_the_presets_of_the_recipe_are_named() -> None:
    assert preset_hint(RECIPE, None) == "The recipe has smaller presets: --preset small or --preset medium."
    assert preset_hint(RECIPE, "medium") == ""


def test_a_short_training_begins_without_a_question(capsys: pytest.CaptureFixture[str]) -> None:
    assert announce(of(5.9), RECIPE, None, ask=True)
    shown = capsys.readouterr().err
    assert "about 5.9 hours" in shown and "Warning" not in shown and "preset" not in shown


def test_a_long_training_begins_with_a_warning_where_nobody_can_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert announce(of(20000), RECIPE, None, ask=True)
    assert "Warning: this takes about 2.3 years. The recipe has smaller presets: --preset" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "begins"), [("y", True), ("n", False), ("", False)])
def test_on_a_terminal_a_long_training_is_asked_about(
    answer: str, begins: bool, on_terminal: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    on_terminal(answer)
    assert announce(of(7), RECIPE, None, ask=True) is begins
    assert "--preset small or --preset medium" in capsys.readouterr().err
    on_terminal("n")
    assert announce(of(7), RECIPE, None, ask=False), "with --yes, and for a run that is resumed"


def test_too_much_memory_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    announce(of(1, memory_gib=2.0**30), RECIPE, None, ask=True)
    assert "Warning: the training needs more memory than this machine has" in capsys.readouterr().err
