"""Forecast of a training, and the question whether a long one shall begin."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from facegen.cli.console import error_console
from facegen.core.recipe.file import preset_names
from facegen.core.recipe.run_files import is_run, recipe_of
from facegen.core.recipe.shipped import find_recipe
from facegen.training.check.forecast import Forecast

LONG_SECONDS = 6 * 3600
"""A training that is estimated to take longer is asked about."""
_UNITS = (("year", 365.25 * 86400), ("day", 86400.0), ("hour", 3600.0), ("minute", 60.0))


def announce(forecast: Forecast, recipe: Path, preset: str | None, *, ask: bool) -> bool:
    """Print a forecast; where it is long, name the presets and ask.

    Args:
        forecast: the estimate.
        recipe: as on the command line.
        preset: that was chosen.
        ask: False for a run that is resumed, and with --yes.
    Returns:
        False if the user does not want to train; without a terminal, nobody is asked.
    """
    error_console.print(forecast_text(forecast), soft_wrap=True)
    memory = _too_much_memory(forecast)
    if memory:
        _warn(memory)
    if not ask or forecast.seconds <= LONG_SECONDS:
        return True
    hint = preset_hint(recipe, preset)
    if sys.stdin is not None and sys.stdin.isatty() and error_console.is_terminal:
        if hint:
            error_console.print(hint, soft_wrap=True)
        return click.confirm("Train it all the same?", err=True)
    _warn(f"this takes about {duration_text(forecast.seconds)}. {hint}".rstrip())
    return True


def forecast_text(forecast: Forecast) -> str:
    """Format time and memory of a training."""
    stages = ", ".join(
        f"{stage.name} {'unknown' if stage.seconds is None else duration_text(stage.seconds)}"
        for stage in forecast.stages
    )
    memory = "" if forecast.memory_bytes is None else f"; {forecast.memory_bytes / 2**30:.1f} GiB of memory"
    rate = f"{forecast.flops_per_second / 1e9:,.0f} GFLOP/s"
    return f"Estimate for {forecast.device} at {rate}: about {duration_text(forecast.seconds)} ({stages}){memory}."


def preset_hint(recipe: Path, preset: str | None) -> str:
    """Name the other presets of a recipe; "" if there are none."""
    names = [] if is_run(recipe) else [name for name in preset_names(find_recipe(recipe_of(recipe))) if name != preset]
    options: Sequence[str] = [f"--preset {name}" for name in names]
    return f"The recipe has smaller presets: {' or '.join(options)}." if options and preset is None else ""


def duration_text(seconds: float) -> str:
    """Format a duration in its largest unit: "3.2 hours"."""
    for unit, length in _UNITS:
        count = seconds / length
        if count >= 1:
            number = f"{count:,.0f}" if count >= 10 else f"{count:.1f}".removesuffix(".0")
            return f"{number} {unit}{'' if number == '1' else 's'}"
    return "a minute" if seconds >= 30 else "less than a minute"


def _too_much_memory(forecast: Forecast) -> str:
    """Warn of an estimate above the memory of this machine; "" where it is enough, or not known."""
    if forecast.device.type != "cpu" or forecast.memory_bytes is None or not hasattr(os, "sysconf"):
        return ""
    available_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if forecast.memory_bytes <= available_bytes:
        return ""
    return (
        f"the training needs more memory than this machine has ({available_bytes / 2**30:.1f} GiB); choose a smaller "
        f"[train] batch_size or [data] image_pixels, or a preset"
    )


def _warn(message: str) -> None:
    error_console.print(f"Warning: {message}", soft_wrap=True)
