"""`facegen models`: list the models that ship with facegen."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facegen.cli.completion import complete_model
from facegen.cli.console import console, styled
from facegen.core.text.json_text import json_text

if TYPE_CHECKING:
    from facegen.core.model_schema import ModelMetadata


@click.command("models")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=complete_model)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(models: tuple[str, ...], as_json: bool) -> None:
    """List the models that ship with facegen, or describe each MODEL: a model file, or the name of a shipped model.

    generate, interpolate, match and evaluate take these names in the place of a run.
    """
    from facegen.core.shipped_models import shipped_models
    from facegen.training.runs.open_run import model_file

    files = [model_file(name) for name in models] or list(shipped_models().values())
    opened = [_read(path) for path in files]
    if as_json:
        rows = [_plain(path, metadata) for path, metadata in opened]
        click.echo(json_text(rows, indent=2))
        return
    if not opened:
        console.print("No models ship with this version of facegen. `facegen export RUN model.safetensors` makes one.")
    for path, metadata in opened:
        _print(path, metadata)


def _read(path: Path) -> "tuple[Path, ModelMetadata]":
    from facegen.training.runs.model_header import metadata_of

    return path, metadata_of(path)


def _plain(path: Path, metadata: "ModelMetadata") -> dict[str, Any]:
    values = metadata.model_dump(mode="json", exclude={"run": {"data": {"identities"}}, "drafts": True})
    return {"name": path.stem, "file": str(path), "num_bytes": path.stat().st_size, **values}


def _print(path: Path, metadata: "ModelMetadata") -> None:
    data, consent = metadata.run.data, {
        "synthetic": "no real people", "stated": "stated for every clip", "declared": "declared by the exporter"
    }  # fmt: skip
    steps = [f"{metadata.match_step} match steps"] if metadata.match_step is not None else []
    steps += [f"{metadata.step} train steps"] if metadata.step is not None else []
    console.print(styled((path.stem, "bold")), soft_wrap=True)
    for label, text in {
        "size": f"{path.stat().st_size / 1e6:.1f} MB, {metadata.precision}",
        "faces": f"{data.image_pixels} pixels",
        "trained": ", ".join(steps),
        "consent": consent[metadata.consent],
        "licence": metadata.licence or "not stated",
    }.items():
        console.print(f"  {label}: {text}", soft_wrap=True)
    for line in metadata.card.splitlines():
        console.print(f"  {line}", soft_wrap=True)
    for evaluation in metadata.evaluations:
        where = evaluation.split if evaluation.own_corpus else f"{evaluation.split} of another corpus"
        console.print(f"  {where}, {evaluation.num_clips} clips of {evaluation.num_people} people:", soft_wrap=True)
        for figure in evaluation.figures:
            if figure.value is not None:
                known = figure.low is not None and figure.high is not None
                interval = f" ({figure.low:.3g} to {figure.high:.3g})" if known else ""
                console.print(f"    {figure.label}: {figure.value:.3g}{interval}", soft_wrap=True)
