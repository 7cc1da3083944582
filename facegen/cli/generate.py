"""`facegen generate`: draw faces with a run."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facegen.cli.completion import complete_run
from facegen.cli.console import console, watching
from facegen.cli.options import ManyValues

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facegen.inference.sample import Subject


@click.command("generate", cls=ManyValues)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--speech", multiple=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Audio or video file with speech; several files draw several people.",
)  # fmt: skip
@click.option("--name", multiple=True, help="Name of a person that the run was trained on.")
@click.option("--text", multiple=True, help="Sentence that describes a person.")
@click.option("--count", type=click.IntRange(1, 1000), default=8, show_default=True, help="Number of faces per person.")
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of the noise.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("faces"), show_default=True,
    help="Folder for the faces and a grid of them, or a .png file for the grid alone.",
)  # fmt: skip
def command(
    run: Path, speech: tuple[Path, ...], name: tuple[str, ...], text: tuple[str, ...], count: int, seed: int, out: Path
) -> None:
    """Draw faces with RUN from speech, a name or a sentence, depending on what it was trained on.

    Speech may have any format, sample rate and length: long speech is cropped, short speech is repeated. A face drawn
    from a voice is one of many that fit it. It tells nothing about the speaker's real face beyond what a voice carries.
    """
    subjects = subjects_from_options(speech, name, text)
    if not subjects:
        raise click.UsageError("one of --speech, --name, --text is required")
    from facegen.api import load

    with watching() as observer:
        faces = load(run, observer).sample_people(subjects, count=count, seed=seed)
    grid_path = _write(faces, subjects, out)
    console.print(f"Faces: {grid_path}", soft_wrap=True)


def subjects_from_options(speech: tuple[Path, ...], name: tuple[str, ...], text: tuple[str, ...]) -> "list[Subject]":
    """Return one subject per person from the options; an option with one value applies to all of them.

    Raises:
        click.UsageError: options with several values have different numbers of them.
    """
    from facegen.inference.sample import Subject

    given = [values for values in (speech, name, text) if values]
    num = max((len(values) for values in given), default=0)
    if any(len(values) not in (1, num) for values in given):
        raise click.UsageError("--speech, --name and --text must have the same number of values, or one value for all")

    def pick(values: tuple[str, ...] | tuple[Path, ...], row: int) -> "str | Path | None":
        return values[row if len(values) > 1 else 0] if values else None

    subjects = []
    for row in range(num):
        path, person, sentence = pick(speech, row), pick(name, row), pick(text, row)
        label = Path(path).stem if path is not None else str(person or sentence)
        subjects.append(Subject(
            label, Path(path) if path is not None else None, None if person is None else str(person),
            None if sentence is None else str(sentence),
        ))  # fmt: skip
    return subjects


def _write(faces: "NDArray[np.uint8]", subjects: "list[Subject]", out: Path) -> Path:
    """Write the grid, and every face when `out` is a folder; return the path of the grid."""
    from PIL import Image

    from facegen.data.media.grids import grid, save_png

    labels = [subject.label for subject in subjects]
    columns = [f"noise {number + 1}" for number in range(faces.shape[1])]
    only_grid = out.suffix.lower() == ".png"
    grid_path = out if only_grid else out / "grid.png"
    grid_path.parent.mkdir(parents=True, exist_ok=True)
    save_png(grid(faces, row_labels=labels, column_labels=columns), grid_path)
    for row, label in enumerate([] if only_grid else labels):
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", label)[:60]
        for number, face in enumerate(faces[row]):
            save_png(Image.fromarray(face), out / f"{row + 1:03d}_{stem}_{number + 1:03d}.png")
    return grid_path
