"""`facegen export`: write a run as one file."""

from pathlib import Path

import click

from facegen.cli.completion import complete_run
from facegen.cli.console import console, watching

MAX_CARD_CHARACTERS = 2**20
"""Largest length of a card; it is copied into the header of the model file."""


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False), shell_complete=complete_run)
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False))
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
    run: Path, model: Path, precision: str, licence: str, card: Path | None, keep_names: bool, holds_consent: bool
) -> None:
    """Write RUN as the model file MODEL, which generate, interpolate, match and evaluate take in the place of a run.

    The file holds the averaged weights, the discriminator, the networks of the match stage, the recipe without paths,
    and the figures of the run's evaluations. A recipe may start from it, by [match] run, [match] start or [train]
    start. For a run on real people, the distances of drawn faces to the nearest training faces are
    printed: look at them before you share the file.
    """
    from facegen.core.errors import DataError
    from facegen.core.model_schema import Precision
    from facegen.core.text.text_files import read_text
    from facegen.evaluation.gathering.nearest_training import nearest_training_faces
    from facegen.evaluation.model_figures import summarise_evaluations
    from facegen.training.runs.model_export import ExportSettings, export_run
    from facegen.training.runs.run import Run

    opened = Run.open(run)
    try:
        text = "" if card is None else read_text(card, MAX_CARD_CHARACTERS)
    except UnicodeDecodeError as error:
        raise DataError(f"{card}: is not in UTF-8 ({error}); save it in UTF-8") from error
    chosen: Precision = "fp32" if precision == "fp32" else "fp16"
    settings = ExportSettings(chosen, licence, text, keep_names=keep_names, holds_consent=holds_consent)
    with watching() as observer:
        metadata = export_run(opened, model, settings, summarise_evaluations(opened, observer))
        if metadata.consent != "synthetic" and metadata.step is not None:
            for line in nearest_training_faces(opened, observer):
                console.print(line, soft_wrap=True)
    console.print(f"Model: {model} ({model.stat().st_size / 1e6:.1f} MB, {precision})", soft_wrap=True)
