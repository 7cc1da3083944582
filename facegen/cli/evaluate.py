"""`facegen evaluate`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from rich.markup import escape
from rich.table import Table

from facegen.cli.console import console, watching
from facegen.core.recipe.tables import EvaluationSplit
from facegen.core.text.json_text import json_text

if TYPE_CHECKING:
    from facegen.evaluation.report import Report

SIGNAL_EXIT = 128
INCEPTION_WEIGHTS = "FACEGEN_INCEPTION_WEIGHTS"


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Packed corpus to evaluate on. One that is not the run's own is a test set: all its people are measured.",
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(get_args(EvaluationSplit)),
    help="Where the rows come from; may be repeated.  [default: the recipe's]",
)
@click.option("--num-clips", type=click.IntRange(min=20), help="At most so many rows.  [default: the recipe's]")
@click.option("--judge-seed", type=click.IntRange(min=0), help="Another judge.  [default: the recipe's]")
@click.option(
    "--judge-start",
    type=click.Path(path_type=Path),
    help="A run whose match stage the judge starts from, for a small corpus.",
)
@click.option(
    "--recogniser",
    "recognisers",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help="An outside judge beside the recipe's, such as dlib_faces; may be repeated.",
)
@click.option(
    "--against",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Another run: whose face of a voice does the judge prefer? May be repeated.",
)
@click.option(
    "--inception-weights",
    envvar=INCEPTION_WEIGHTS,
    metavar="PATH",
    show_envvar=True,
    help="Weights for Inception Score and FID, or none.  [default: what is there, else a download]",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(
    run: Path,
    data: Path | None,
    splits: tuple[str, ...],
    num_clips: int | None,
    judge_seed: int | None,
    judge_start: Path | None,
    recognisers: tuple[str, ...],
    against: tuple[Path, ...],
    inception_weights: str | None,
    as_json: bool,
) -> int:
    """Measure RUN on people that it was not trained on.

    A judge answers: a second pair of encoders, of another seed, that had no part in the run. It is trained once for
    a corpus, which takes as long as the run's match stage, and kept beside the corpus. Table and pictures of each
    split go to RUN/evaluation, and report.html there shows all splits that were evaluated so far.
    """
    from facegen.core.interruption import Interruption
    from facegen.evaluation.evaluate import evaluate
    from facegen.evaluation.render.write import write_run_report
    from facegen.training.loop import Interrupted
    from facegen.training.runs.open_run import run_folder

    run, against = run_folder(run), tuple(run_folder(other) for other in against)
    if inception_weights is not None:
        os.environ[INCEPTION_WEIGHTS] = inception_weights  # where the metric looks for it
    given: dict[str, object] = {"num_clips": num_clips, "judge_seed": judge_seed}
    given["judge_start"] = None if judge_start is None else str(run_folder(judge_start).resolve())
    overrides = {key: value for key, value in given.items() if value is not None}
    reports = []
    try:
        with watching() as observer:
            try:
                for split in splits or (None,):
                    chosen = overrides if split is None else {**overrides, "split": split}
                    report = evaluate(
                        run, data=data, overrides=chosen, recognisers=recognisers, against=against,
                        observer=observer, interruption=Interruption(),
                    )  # fmt: skip
                    reports.append(report)
            finally:
                # What was measured before a later split failed is not lost to the page.
                page = write_run_report(run, observer) if reports else None
    except Interrupted as stopped:
        console.print(f"Stopped at step {stopped.step} of the judge's training; call it again to go on.")
        return SIGNAL_EXIT + stopped.signal_number
    if as_json:
        plain = [report.to_json() for report in reports]
        click.echo(json_text(plain if len(splits) > 1 else plain[0], indent=1))
        return 0
    for report in reports:
        _print(report)
    console.print(f"Report: {page}", soft_wrap=True)
    return 0


def _print(report: "Report") -> None:
    from facegen.evaluation.report import cells_of

    console.print(f"[bold]{escape(report.heading)}[/]", soft_wrap=True)
    console.print(f"Judge: {escape(report.judge)}. Intervals: 95%, people resampled.", soft_wrap=True)
    if report.people:
        console.print(f"People: {escape(report.people)}.", soft_wrap=True)
    table = Table(box=None)
    table.add_column("figure")
    for name in ("value", "95% interval", "chance"):
        table.add_column(name, justify="right")
    table.add_column("note", overflow="fold")
    for number, figures in enumerate(report.figures.values()):
        if number:
            table.add_section()
        for figure in figures:
            table.add_row(escape(figure.label), *cells_of(figure), escape(figure.remarks))
    console.print(table)
    console.print(f"Table: {report.table}", soft_wrap=True)
    if report.picture is not None:
        console.print(f"Faces: {report.picture}", soft_wrap=True)
