"""`facegen score-pairs`: scores of pairs of a voice and a face, for benchmarks."""

from pathlib import Path

import click

from facegen.cli.console import console, watching
from facegen.cli.detector import frontal_detector
from facegen.core.errors import DataError


@click.command("score-pairs")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--pairs", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="CSV table with the columns face, speech and, optionally, id; or lines `id speech face`, as FAME's.",
)  # fmt: skip
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Text file for the scores, one line `id score` per pair.",
)  # fmt: skip
@click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False),
    help="Folder of relative paths in the list.  [default: the folder of the list]",
)  # fmt: skip
@click.option("--detect", is_flag=True, help="Detect and crop the face in each image first.")
def command(run: Path, pairs: Path, out: Path, root: Path | None, detect: bool) -> None:
    """Score pairs of a voice and a face with the match stage of RUN, for a benchmark.

    A lower score is a better fit, as of the distances that the FAME challenge asks for. Scores are relative to each
    other: no threshold is given, and no pair is accepted or refused. They do not identify anybody. Lines that cannot be
    scored are listed in a table beside the scores.
    """
    from facegen.api import load
    from facegen.inference.pair_list import read_pairs
    from facegen.inference.score_pairs import rejects_path, score_pairs, write_rejects, write_scores

    if not out.name:
        raise click.UsageError("--out: is empty; give the name of a file")
    given, rejected = read_pairs(pairs, root)
    with watching() as observer:
        model = load(run, observer)
        scored, unread = score_pairs(
            model.matching, model.run.data, given, observer, detect=frontal_detector if detect else None
        )
    rejected += unread
    table = rejects_path(out)
    if rejected:
        write_rejects(table, rejected)
    else:
        table.unlink(missing_ok=True)
    if not scored:
        raise DataError(f"{pairs}: no pair can be scored; {table} names the reason for each line")
    write_scores(out, scored)
    console.print(f"Scores of {len(scored)} pairs: {out}", soft_wrap=True)
    if rejected:
        console.print(f"{len(rejected)} lines without a score: {table}", soft_wrap=True)
