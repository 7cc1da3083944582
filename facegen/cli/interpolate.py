"""`facegen interpolate`."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from facegen.cli.console import console, watching
from facegen.cli.generate import given_subjects
from facegen.cli.options import ManyValues
from facegen.core.tables import Split

if TYPE_CHECKING:
    from torch import Tensor

    from facegen.core.observer import Observer
    from facegen.inference.ends import Ends

FRAMES_PER_SECOND = 12


@click.command("interpolate", cls=ManyValues)
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--speech", multiple=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Sound or video file of somebody speaking; one or two.",
)  # fmt: skip
@click.option("--name", multiple=True, help="Somebody the run was trained on; one or two.")
@click.option("--text", multiple=True, help="A sentence about somebody; one or two.")
@click.option(
    "--person", "people", multiple=True,
    help="Instead of these: somebody of the run's corpus, by name or number; one or two.  [default: two, by the seed]",
)  # fmt: skip
@click.option(
    "--split", type=click.Choice(get_args(Split)), help="Where --person is looked for.  [default: the recipe's]"
)
@click.option("--rows", type=click.IntRange(1, 100), default=4, show_default=True, help="Ways, each of its own noise.")
@click.option("--steps", type=click.IntRange(2, 100), default=9, show_default=True, help="Faces of a way in the strip.")
@click.option(
    "--seconds", type=click.FloatRange(0.5, 60), default=4.0, show_default=True, help="Of the film, one way."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the noise: the same draws the same.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("interpolation"), show_default=True,
    help="Folder for strip.png, film.gif and film.mp4.",
)  # fmt: skip
def command(
    run: Path,
    speech: tuple[Path, ...],
    name: tuple[str, ...],
    text: tuple[str, ...],
    people: tuple[str, ...],
    split: Split | None,
    rows: int,
    steps: int,
    seconds: float,
    seed: int,
    out: Path,
) -> None:
    """Draw what lies between two people, or at one person between two noises, with RUN.

    Two voices, names or sentences: the way between them, under a noise a row. One: the way between two noises a row.
    True faces stand at the ends where the run's corpus has them. Faces between two people are nobody's.
    """
    subjects = given_subjects(speech, name, text)
    if subjects and (people or split):
        raise click.UsageError("--person and --split are for people of the corpus; leave --speech, --name, --text out")
    if max(len(subjects), len(people)) > 2:
        raise click.UsageError("give two people, or one for the way between two noises")
    from facegen.inference.ends import ends_of_people, ends_of_subjects
    from facegen.inference.interpolate import interpolate
    from facegen.inference.load import load_artist
    from facegen.training.run import Run
    from facegen.training.world import World

    opened = Run.open(run)
    device = World.join(opened.recipe.run.device).device
    artist = load_artist(opened, device)
    num_frames = max(steps, round(seconds * FRAMES_PER_SECOND))
    with watching() as observer:
        if subjects:
            ends = ends_of_subjects(opened, artist, subjects, device, observer)
        else:
            ends = ends_of_people(opened, artist, people, 2, split or opened.recipe.evaluate.split, seed, device)
        _write(interpolate(artist, ends, rows, num_frames, seed, observer), ends, steps, out, observer)


def _write(faces: "Tensor", ends: "Ends", steps: int, out: Path, observer: "Observer") -> None:
    from facegen.core.errors import DataError
    from facegen.data.moving import save_gif, save_mp4
    from facegen.data.pictures import save_picture
    from facegen.inference.strip import draw_film, draw_strip

    picture = draw_strip(faces, ends, steps)
    save_picture(picture, out / "strip.png")
    console.print(f"Strip: {out / 'strip.png'}", soft_wrap=True)
    film = draw_film(faces, ends)
    save_gif(film, out / "film.gif", FRAMES_PER_SECOND)
    console.print(f"Film: {out / 'film.gif'}", soft_wrap=True)
    try:
        save_mp4(film, out / "film.mp4", FRAMES_PER_SECOND)
        console.print(f"Film: {out / 'film.mp4'}", soft_wrap=True)
    except DataError as error:
        observer.warn(f"no MP4: {error}")
