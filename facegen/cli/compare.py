"""`facegen compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from rich.table import Table
from rich.text import Text

from facegen.cli.completion import complete_run
from facegen.cli.console import console, styled, watching
from facegen.cli.evaluate import SIGNAL_EXIT
from facegen.core.readable_files import real_path
from facegen.core.recipe.tables import EvaluationSplit, JudgeKind
from facegen.core.text.json_text import json_text

if TYPE_CHECKING:
    from facegen.evaluation.comparison.comparison_table import Cell, ComparisonTable

LAYOUT_NAMES = ("figures", "table-2", "table-3", "matching", "retrieval", "verification")


@click.command("compare")
@click.argument(
    "runs", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="RUN...", shell_complete=complete_run
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(get_args(EvaluationSplit)),
    help="Split to compare on; may be repeated.  [default: each recipe's]",
)
@click.option("--num-clips", type=click.IntRange(min=20), help="Maximum number of rows.  [default: each recipe's]")
@click.option(
    "--judge",
    type=click.Choice(get_args(JudgeKind)),
    help="Encoders of another seed, or each run's own match stage: self-judged.  [default: each recipe's]",
)
@click.option(
    "--layout",
    type=click.Choice(LAYOUT_NAMES),
    default="figures",
    show_default=True,
    help="All figures; Table II or III of the thesis, each row with the run of its recipe; or matching accuracies, "
    "Choi's Table 3 (retrieval, from 5,000 rows) or verification beside published values.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "markdown", "latex", "csv", "json")),
    default="table",
    show_default=True,
    help="Output format; csv has numbers with all digits.",
)
@click.option(
    "--group", is_flag=True,
    help="Show mean and standard deviation over runs whose recipes differ in the seed only.",
)  # fmt: skip
@click.option(
    "--picture", type=click.Path(path_type=Path, dir_okay=False),
    help="PNG file of the runs' faces, one column per run.  [default: compare.png beside the first run]",
)  # fmt: skip
def command(
    runs: tuple[Path, ...],
    splits: tuple[EvaluationSplit, ...],
    num_clips: int | None,
    judge: JudgeKind | None,
    layout: str,
    form: str,
    group: bool,
    picture: Path | None,
) -> int:
    """Compare the evaluations of several runs in one table with intervals, and their faces in one picture.

    Runs that were not evaluated since they were last trained are evaluated first. RUN may also be a model, or the JSON
    file of evaluations, RUN/evaluation/report.json, in any folder. Runs are comparable if the same judge evaluated them
    on the same corpus; otherwise a note says what differs.
    """
    from facegen.core.interruption import Interruption
    from facegen.evaluation.comparison.compare import columns_of
    from facegen.evaluation.comparison.layouts import LAYOUTS
    from facegen.evaluation.comparison.published import GALLERY_SIZE
    from facegen.evaluation.comparison.sample_comparison import draw_sample_comparison
    from facegen.evaluation.comparison.seed_groups import group_by_seed
    from facegen.training.loop import Interrupted

    target = real_path(runs[0]).parent / "compare.png" if picture is None else picture
    try:
        with watching() as observer:
            clips = num_clips or (GALLERY_SIZE if layout == "retrieval" else None)
            columns = columns_of(runs, splits, clips, observer, Interruption(), judge)
            table = LAYOUTS[layout](group_by_seed(columns) if group else columns)
            if draw_sample_comparison(columns, target, observer):
                observer.picture(target, "Faces")
    except Interrupted as stopped:
        console.print(f"Stopped at step {stopped.step} of a judge's training; the same command resumes it.")
        return SIGNAL_EXIT + stopped.signal_number
    printers = {
        "table": lambda: print_table(table),
        "markdown": lambda: click.echo(table.to_markdown(), nl=False),
        "latex": lambda: click.echo(table.to_latex(), nl=False),
        "csv": lambda: click.echo(table.to_csv(), nl=False),
        "json": lambda: click.echo(json_text(table.to_json(), indent=1)),
    }
    printers[form]()
    return 0


def print_table(table: "ComparisonTable") -> None:
    """Print a comparison to the console."""
    console.print(styled((table.title, "bold")), soft_wrap=True)
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(table.head):
        grid.add_column(name, overflow="fold", justify="left" if number == 0 else "right")
    for row in table.rows:
        grid.add_row(*(_marked_text(cell) for cell in row))
    console.print(grid)
    for note in table.notes:
        console.print(note, soft_wrap=True)


def _marked_text(cell: "Cell") -> Text:
    if cell.mark == "best":
        return styled((cell.text, "bold"))
    return styled(f"~ {cell.text}" if cell.mark == "~" else cell.text)
