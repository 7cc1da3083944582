"""`facegen generate`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facegen.cli.console import console, watching
from facegen.cli.options import ManyValues

if TYPE_CHECKING:
    from torch import Tensor

    from facegen.inference.portray import Subject


@click.command("generate", cls=ManyValues)
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--speech", multiple=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Sound or video file of somebody speaking; several draw several people.",
)  # fmt: skip
@click.option("--name", multiple=True, help="Somebody the run was trained on.")
@click.option("--text", multiple=True, help="A sentence about somebody.")
@click.option("--count", type=click.IntRange(1, 1000), default=8, show_default=True, help="Faces of each.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the noise: the same draws the same.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("faces"), show_default=True,
    help="Folder for the faces and a grid of them, or a file ending in .png for the grid alone.",
)  # fmt: skip
def command(
    run: Path, speech: tuple[Path, ...], name: tuple[str, ...], text: tuple[str, ...], count: int, seed: int, out: Path
) -> None:
    """Draw faces with RUN from speech, a name or a sentence, whatever it was trained on.

    Speech may be of any format, rate and length: a long one is cropped, a short one repeated. A face drawn from a
    voice is one of many that fit it, and says nothing about the real speaker's face beyond what voices carry.
    """
    subjects = given_subjects(speech, name, text)
    if not subjects:
        raise click.UsageError("say who to draw: --speech FILE, --name NAME or --text SENTENCE")
    from facegen.inference.draw import draw_subjects

    with watching() as observer:
        faces = draw_subjects(run, subjects, count, seed, observer)
    grid_path = _write(faces, subjects, out)
    console.print(f"Faces: {grid_path}", soft_wrap=True)


def given_subjects(speech: tuple[Path, ...], name: tuple[str, ...], text: tuple[str, ...]) -> "list[Subject]":
    """Who is meant by these options, one given once standing for all; nobody where none is given."""
    from facegen.inference.portray import Subject

    given = [values for values in (speech, name, text) if values]
    num = max((len(values) for values in given), default=0)
    if any(len(values) not in (1, num) for values in given):
        raise click.UsageError("--speech, --name and --text must be given equally often, or once for all")

    def pick(values: tuple[str, ...] | tuple[Path, ...], row: int) -> "str | Path | None":
        return values[row if len(values) > 1 else 0] if values else None

    subjects = []
    for row in range(num):
        path, who, words = pick(speech, row), pick(name, row), pick(text, row)
        label = Path(path).stem if path is not None else str(who or words)
        subjects.append(Subject(
            label, Path(path) if path is not None else None, None if who is None else str(who),
            None if words is None else str(words),
        ))  # fmt: skip
    return subjects


def _write(faces: "Tensor", subjects: "list[Subject]", out: Path) -> Path:
    """Write the grid, and every face beside it where a folder was asked for; returns the grid's path."""
    from PIL import Image

    from facegen.data.pictures import grid, save_picture

    labels = [subject.label for subject in subjects]
    columns = [f"noise {number + 1}" for number in range(faces.shape[1])]
    alone = out.suffix.lower() == ".png"
    grid_path = out if alone else out / "grid.png"
    grid_path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(grid(faces.numpy(), row_labels=labels, column_labels=columns), grid_path)
    for row, label in enumerate([] if alone else labels):
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", label)[:60]
        for number, face in enumerate(faces[row].numpy()):
            save_picture(Image.fromarray(face), out / f"{row + 1:03d}_{stem}_{number + 1:03d}.png")
    return grid_path
