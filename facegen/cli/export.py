"""`facegen export`: write a run as one file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facegen.cli.completion import complete_run
from facegen.cli.console import console, watching

if TYPE_CHECKING:
    from facegen.inference.onnx_graph import OnnxGraph

MAX_CARD_CHARACTERS = 2**20
"""Largest length of a card; it is copied into the header of the model file."""


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--onnx", type=click.Path(path_type=Path, dir_okay=False),
    help="ONNX file to write, too, or instead of MODEL: faces from what the run reads, or a condition, and noise.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(["fp16", "fp32"]), default="fp16", show_default=True,
    help="Number format of the stored weights.",
)  # fmt: skip
@click.option("--licence", default="", metavar="TEXT", help="Licence of the weights, such as CC-BY-4.0.")
@click.option(
    "--card",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Markdown file that describes the model.",
)
@click.option("--keep-names", is_flag=True, help="Store the names of real people.  [default: numbers]")
@click.option(
    "--i-hold-consent", "holds_consent", is_flag=True,
    help="Declare that everybody in the corpus has agreed to this use.",
)  # fmt: skip
def command(
    run: Path,
    model: Path | None,
    onnx: Path | None,
    precision: str,
    licence: str,
    card: Path | None,
    keep_names: bool,
    holds_consent: bool,
) -> None:
    """Write RUN as the model file MODEL, which generate, interpolate, match and evaluate take in the place of a run.

    The file holds the averaged weights, the discriminator, the networks of the match stage, the recipe without paths,
    and the figures of the run's evaluations. A recipe may start from it, by [match] run, [match] start or [train]
    start. For a run on real people, the distances of drawn faces to the nearest training faces are
    printed: look at them before you share the file.

    The ONNX file holds averaged weights in fp32 and the same description; without MODEL, RUN may be a model. It takes
    what the run reads and noise, and returns faces; if the conditioners cannot be exported, it takes the condition.
    ONNX Runtime draws faces from it before it gets its name; if they differ from torch's, there is no file. It needs
    the packages of `facegen[onnx]`.
    """
    if model is None and onnx is None:
        raise click.UsageError("give MODEL, or --onnx FILE, or both")
    from facegen.core.errors import DataError
    from facegen.core.model_schema import Precision
    from facegen.core.text.text_files import read_text
    from facegen.evaluation.gathering.nearest_training import nearest_training_faces
    from facegen.evaluation.model_figures import summarise_evaluations
    from facegen.training.runs.model_export import ExportSettings, export_run
    from facegen.training.runs.open_run import is_model, open_run_or_model

    if model is not None and is_model(run):
        raise DataError(f"{run}: is a model file already; copy it, or write an ONNX file of it with --onnx alone")
    opened = open_run_or_model(run)
    try:
        text = "" if card is None else read_text(card, MAX_CARD_CHARACTERS)
    except UnicodeDecodeError as error:
        raise DataError(f"{card}: is not in UTF-8 ({error}); save it in UTF-8") from error
    chosen: Precision = "fp32" if precision == "fp32" else "fp16"
    settings = ExportSettings(chosen, licence, text, keep_names=keep_names, holds_consent=holds_consent)
    with watching() as observer:
        figures = summarise_evaluations(opened, observer)
        if model is not None:
            metadata = export_run(opened, model, settings, figures)
            consent, draws = metadata.consent, metadata.step is not None
        if onnx is not None:
            from facegen.inference.onnx_file import export_onnx

            graph = export_onnx(opened, onnx, replace(settings, precision="fp32"), figures, observer)
            consent, draws = graph.consent, True
            _print_graph(onnx, graph)
        if consent != "synthetic" and draws:
            for line in nearest_training_faces(opened, observer):
                console.print(line, soft_wrap=True)
    if model is not None:
        console.print(f"Model: {model} ({model.stat().st_size / 1e6:.1f} MB, {precision})", soft_wrap=True)


def _print_graph(path: Path, graph: "OnnxGraph") -> None:
    """Print inputs and output of an ONNX file, and how near its faces are to torch's."""
    console.print(f"ONNX: {path} ({path.stat().st_size / 1e6:.1f} MB, fp32)", soft_wrap=True)
    rows = ", ".join(f"{name} {_shape(row)}" for name, row in graph.inputs.items())
    console.print(f"Inputs: {rows}" + (f"; noise is {graph.noise}" if "noise" in graph.inputs else ""), soft_wrap=True)
    console.print(f"Output: faces {_shape(graph.faces)}, RGB from -1 to 1", soft_wrap=True)
    for reason in graph.reasons:
        console.print(f"The conditioners are left out: {reason}", soft_wrap=True)
    for name in graph.pretrained:
        console.print(f"It holds the pretrained weights of {name}, which no run holds: their licence holds, too")
    console.print(f"ONNX Runtime and torch differ by at most {graph.largest_difference:.1e} of colours from -1 to 1")


def _shape(row: Sequence[int]) -> str:
    return f"({', '.join(map(str, ('rows', *row)))})"
