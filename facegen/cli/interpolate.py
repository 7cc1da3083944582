"""`facegen interpolate`: draw transitions between two people or two noises."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from facegen.cli.completion import complete_run
from facegen.cli.console import console, watching
from facegen.cli.picture_output import check_out, is_film, is_picture
from facegen.cli.subjects import SubjectCommand, subject_options
from facegen.core.recipe.tables import Split

if TYPE_CHECKING:
    from torch import Tensor

    from facegen.core.progress import Observer
    from facegen.data.media.marking import Mark
    from facegen.inference.endpoints import Endpoints
    from facegen.inference.sample import Subject

FRAMES_PER_SECOND = 12


@click.command("interpolate", cls=SubjectCommand)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@subject_options("one or two")
@click.option(
    "--person", "people", multiple=True,
    help="Person of the run's corpus, by name or number; one or two.  [default: two at random]",
)  # fmt: skip
@click.option(
    "--split", type=click.Choice(get_args(Split)), help="Split that --person belongs to.  [default: the recipe's]"
)
@click.option("--rows", type=click.IntRange(1, 100), default=4, show_default=True, help="Number of paths.")
@click.option(
    "--steps",
    type=click.IntRange(2, 100),
    default=9,
    show_default=True,
    help="Number of faces per path in montage.png.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.5, 60), default=4.0, show_default=True, help="Duration of the film, one pass."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of the noise.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("interpolation"), show_default=True,
    help="Folder for montage.png, film.gif and film.mp4; or a file: .png, .jpg or .webp for the montage, .gif or .mp4 "
    "for the film.",
)  # fmt: skip
def command(
    run: Path,
    subjects: "list[Subject]",
    people: tuple[str, ...],
    split: Split | None,
    rows: int,
    steps: int,
    seconds: float,
    seed: int,
    out: Path,
) -> None:
    """Draw transitions between two people, or between two noises of one person, with RUN.

    With two voices, names or sentences, each row is a path between them under its own noise. With one, each row is a
    path between two noises. True faces are shown at both ends if the run's corpus has them. The faces in between belong
    to no real person, and every file is marked as generated.
    """
    check_out(out)
    if subjects and (people or split):
        raise click.UsageError(
            "--person and --split choose people of the corpus; omit --speech, --name, --text and --face"
        )
    if max(len(subjects), len(people)) > 2:
        raise click.UsageError("too many people: give two, or one for a path between two noises")
    from facegen.data.media.marking import TRUE_FACES, Mark
    from facegen.inference.endpoints import endpoints_of_people, endpoints_of_subjects
    from facegen.inference.face_pictures import check_amount
    from facegen.inference.interpolate import interpolate
    from facegen.inference.load import load_face_pipeline
    from facegen.training.devices import device_of_finished
    from facegen.training.runs.open_run import open_run_or_model

    opened = open_run_or_model(run)
    num_frames = max(steps, round(seconds * FRAMES_PER_SECOND))
    check_amount(rows * num_frames, opened.data.image_pixels)
    with watching() as observer:
        device = device_of_finished(opened.recipe.run.device, observer)
        pipeline = load_face_pipeline(opened, device)
        if subjects:
            endpoints = endpoints_of_subjects(opened, pipeline, subjects, device, observer)
        else:
            from_split = split or opened.recipe.evaluate.split
            endpoints = endpoints_of_people(opened, pipeline, people, 2, from_split, seed, device)
        observer.say(f"people: {' and '.join(endpoints.labels)}")
        faces = interpolate(pipeline, endpoints, rows, num_frames, seed, observer)
        mark = Mark(opened.name, seed, "" if endpoints.faces is None else TRUE_FACES)
        _write(faces, endpoints, steps, out, mark, observer)


def _write(faces: "Tensor", endpoints: "Endpoints", steps: int, out: Path, mark: "Mark", observer: "Observer") -> None:
    """Write a montage, a film, or a folder with both; in a folder, a missing MP4 encoder is a warning."""
    from facegen.core.errors import DataError
    from facegen.data.media.generated_media import save_film, save_picture
    from facegen.inference.montage import draw_film, draw_montage

    if not is_film(out):
        montage = out if is_picture(out) else out / "montage.png"
        save_picture(draw_montage(faces, endpoints, steps), montage, mark)
        console.print(f"Montage: {montage}", soft_wrap=True)
    if is_picture(out):
        return
    frames = draw_film(faces, endpoints)
    for film in [out] if is_film(out) else [out / "film.gif", out / "film.mp4"]:
        try:
            save_film(frames, film, FRAMES_PER_SECOND, mark)
            console.print(f"Film: {film}", soft_wrap=True)
        except DataError as error:
            if film == out:
                raise
            observer.warn(f"no MP4: {error}")
