"""Summary of a run folder, for `facegen inspect`."""

from pathlib import Path
from typing import Any

import click

from facegen.cli.console import console, styled
from facegen.core.text.json_text import json_text


def show_run(path: Path, *, as_json: bool) -> None:
    """Print the recipe, the progress and the origin of a run, and what was changed when it was resumed.

    Raises:
        CheckpointError: the run is damaged.
    """
    from facegen.training.runs.run import Run

    summary = _summary(Run.open(path))
    if as_json:
        click.echo(json_text(summary, indent=1))
        return
    console.print(styled((str(path), "bold"), f": run of the recipe {summary['recipe']}"), soft_wrap=True)
    for stage, progress in summary["stages"].items():
        console.print(f"  {stage}: {progress['step']:,} of {progress['steps']:,} steps")
    console.print(f"  faces: {summary['image_pixels']} pixels; people: {summary['people']:,}")
    if summary["start"] is not None:
        start = summary["start"]
        weights = start["weights"][:12]
        console.print(f"  started from {start['source']}, step {start['step']:,}, weights {weights}",
                      soft_wrap=True)  # fmt: skip
    for change in summary["changes"]:
        console.print(f"  changed from {change['text']}", soft_wrap=True)


def _summary(run: Any) -> dict[str, Any]:
    matcher, train = run.recipe.optional_config("matcher"), run.recipe.train
    stages = {}
    if matcher is not None:
        newest = run.newest("match")
        step = run.match_step if run.is_matched else 0 if newest is None else newest[1]
        stages["match"] = {"step": step, "steps": matcher.engine.steps}
    if train is not None:
        newest = run.newest("train")
        stages["train"] = {"step": 0 if newest is None else newest[1], "steps": train.steps}
    return {
        "recipe": run.recipe.run.name,
        "stages": stages,
        "image_pixels": run.data.image_pixels,
        "people": run.data.num_identities,
        "versions": run.versions,
        "start": None if run.start is None else run.start.model_dump(),
        "changes": [{**change.model_dump(), "text": str(change)} for change in run.changes],
    }
