"""Forecasts of `facegen check --measure` against the trainings that they are about.

    python benchmarks/forecast.py [--processor-time] [--json forecast.json]

Each recipe is measured, then trained for a few steps in an empty folder; time and peak memory of the whole program are
compared. The clock counts, so that other programs must be quiet; with --processor-time, one thread's own time counts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

GOAL = 1.3
"""Largest ratio, up or down, of a forecast and what happened."""
RECIPES = {
    "name_lsgan_noise": ("train.steps=40", "train.sample_steps=20", "train.checkpoint_steps=20"),
    "speech_relid": ("match.steps=30", "train.steps=40", "data.num_people=400", "data.num_heldout_people=20"),
    "text_gan_cls": ("match.steps=30", "train.steps=30"),
    "voice2face": ("match.steps=20", "train.steps=40", "train.checkpoint_steps=20"),
    "wav2pix": ("train.steps=30",),
}
"""{recipe: its length}; the preset is "small"."""
PROCESSOR_TIME = "import sys, time; time.perf_counter = time.process_time; from facegen.cli.main import main; "


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Compare every recipe, print a table, and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=sorted(RECIPES), default=list(RECIPES))
    parser.add_argument("--processor-time", action="store_true", help="compare processor time, for a busy machine")
    parser.add_argument("--json", type=Path, help="file for the rows")
    options = parser.parse_args(arguments)
    rows = [compare(name, options.processor_time) for name in options.recipes]
    table = Table("recipe", title="Forecast and training", title_justify="left")
    for column in list(rows[0])[1:]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(value if isinstance(value, str) else f"{value:,.2f}" for value in row.values()))
    Console(width=120).print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return rows


def compare(recipe: str, processor_time: bool) -> dict[str, object]:
    """Measure a recipe, and train it; caches of rendered corpora begin empty for both."""
    words = [recipe, "--preset", "small", *(word for change in RECIPES[recipe] for word in ("--set", change))]
    with tempfile.TemporaryDirectory() as folder:
        forecast = json.loads(run(["check", *words, "--measure", "--json"], folder, processor_time)[2])["training"]
        seconds, peak_bytes, _ = run(["train", *words, "--yes", "--out", f"{folder}/run"], folder, processor_time)
    ratios = forecast["seconds"] / seconds, forecast["memory_bytes"] / peak_bytes
    return {
        "recipe": recipe,
        "forecast s": forecast["seconds"],
        "training s": seconds,
        "ratio s": ratios[0],
        "forecast MiB": forecast["memory_bytes"] / 2**20,
        "training MiB": peak_bytes / 2**20,
        "ratio MiB": ratios[1],
        "goal": "met" if all(1 / GOAL <= ratio <= GOAL for ratio in ratios) else f"missed ({GOAL})",
    }


def run(words: Sequence[str], cache: str, processor_time: bool) -> tuple[float, float, str]:
    """Run facegen; return its seconds, its peak memory in bytes, and its output."""
    call = f"sys.exit(main({list(words)!r}))"
    command = [sys.executable, "-c", PROCESSOR_TIME + call] if processor_time else [sys.executable, "-m", "facegen"]
    threads = {"OMP_NUM_THREADS": "1"} if processor_time else {}
    started = time.perf_counter()
    process = subprocess.Popen(
        command if processor_time else [*command, *words],
        env={**os.environ, **threads, "XDG_CACHE_HOME": cache},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    output, errors = process.stdout, process.stderr
    text = output.read() if output is not None else ""
    report = errors.read() if errors is not None else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"facegen {' '.join(words)}: failed\n{report}")
    seconds = usage.ru_utime + usage.ru_stime if processor_time else time.perf_counter() - started
    return seconds, usage.ru_maxrss * 1024, text


if __name__ == "__main__":
    main()
