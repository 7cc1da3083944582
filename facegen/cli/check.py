"""`facegen check`."""

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import click
from rich.table import Table

from facegen.cli.console import console
from facegen.cli.options import recipe_options
from facegen.core.recipe import read_recipe


@click.command("check")
@recipe_options
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(recipe: Path, preset: str | None, overrides: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    """Check RECIPE without training it: settings, shapes, corpus, and what time and memory it would take."""
    checked = read_recipe(recipe, preset=preset, overrides=overrides, data=data)
    from facegen.training.estimate import estimate, measure_rate
    from facegen.training.rehearsal import rehearse
    from facegen.training.survey import survey
    from facegen.training.train import open_dataset
    from facegen.training.world import World

    dataset = open_dataset(checked)
    networks = rehearse(checked, dataset.spec)
    findings = survey(checked, dataset, networks)
    device = World.join(checked.run.device).device
    rate = measure_rate(device)
    costs = estimate(checked, networks, dataset.spec)
    if as_json:
        stages = [{**asdict(cost), "seconds": cost.seconds(rate)} for cost in costs]
        click.echo(json.dumps({"stages": stages, "device": str(device), "splits": findings}, indent=2))
        return
    table = Table("split", "clips", "people", box=None, pad_edge=False, header_style="bold")
    for split, counts in findings.items():
        table.add_row(split, f"{counts['clips']:,}", f"{counts['people']:,}")
    console.print(table)
    table = Table("stage", "steps", "batch", "weights", "GFLOP a step", "memory", "time", box=None, pad_edge=False,
                  header_style="bold")  # fmt: skip
    for cost in costs:
        time_text = str(timedelta(seconds=round(cost.seconds(rate))))
        table.add_row(
            cost.name, f"{cost.steps:,}", str(cost.batch_size), f"{cost.num_weights:,}",
            f"{cost.step_flops / 1e9:,.1f}", f"{cost.memory_bytes / 2**30:.2f} GiB", f"about {time_text}",
        )  # fmt: skip
    console.print(table)
    console.print(f"{recipe}: nothing wrong. Times are estimates for {device}, at {rate / 1e9:,.0f} GFLOP/s here.")
