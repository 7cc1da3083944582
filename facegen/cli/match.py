"""`facegen match`: match voices with faces."""

from pathlib import Path

import click
from rich.table import Table

from facegen.cli.completion import complete_run
from facegen.cli.console import console, styled, watching
from facegen.cli.detector import frontal_detector
from facegen.cli.options import ManyValues
from facegen.core.text.json_text import json_text


@click.command("match", cls=ManyValues)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--speech", multiple=True, required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Audio or video files.",
)  # fmt: skip
@click.option(
    "--faces", multiple=True, required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Images of faces, cropped like the training faces.",
)  # fmt: skip
@click.option("--detect", is_flag=True, help="Detect and crop the face in each image first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: Path, speech: tuple[Path, ...], faces: tuple[Path, ...], detect: bool, as_json: bool) -> None:
    """Find the face that fits a voice among several, or the voice that fits a face.

    With several faces, each row of probabilities over the faces sums to one; with one face and several voices, the row
    over the voices does. The probabilities are those of the run's match stage. They do not identify a person.
    """
    from facegen.api import load
    from facegen.core.interfaces import Direction
    from facegen.inference.inputs import with_detected_faces

    direction: Direction = "f2v" if len(faces) == 1 and len(speech) > 1 else "v2f"
    with watching() as observer:
        model = load(run, observer)
        shown = with_detected_faces(faces, frontal_detector, observer) if detect else list(faces)
        detector = frontal_detector if detect else None
        probabilities = model.rank(speech, shown, direction=direction, detect=detector).tolist()
    queries, candidates = (shown, speech) if direction == "f2v" else (speech, shown)
    if as_json:
        rows = [
            {"query": str(query), "probabilities": dict(zip(map(str, candidates), row, strict=True))}
            for query, row in zip(queries, probabilities, strict=True)
        ]
        click.echo(json_text({"direction": direction, "rows": rows}, indent=2))
        return
    names = "voice", "face"
    query_name, candidate_name = names if direction == "v2f" else names[::-1]
    # One row per pair: a column per candidate would be folded to nothing in a narrow terminal.
    table = Table(query_name, candidate_name, box=None)
    table.add_column("probability", justify="right")
    for query, row in zip(queries, probabilities, strict=True):
        best = max(row)
        table.add_section()
        for candidate, value in zip(candidates, row, strict=True):
            table.add_row(query.name, candidate.name, styled((f"{value:.1%}", "bold" if value == best else "")))
    console.print(table)
    console.print(f"chance {1 / len(candidates):.1%}")
