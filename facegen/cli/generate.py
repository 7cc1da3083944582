"""`facegen generate`: draw faces with a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from facegen.cli.bulk_output import MOST_AT_ONCE, too_many, write_faces
from facegen.cli.completion import complete_run
from facegen.cli.console import console, watching
from facegen.cli.picture_output import GRID, check_out, is_film, is_picture, write_index
from facegen.cli.subjects import SubjectCommand, subject_options

if TYPE_CHECKING:
    from facegen.inference.face_pictures import SampledFaces
    from facegen.inference.sample import Subject


@click.command("generate", cls=SubjectCommand)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@subject_options("one or several")
@click.option(
    "--count", type=click.IntRange(1, 100_000), default=8, show_default=True,
    help="Number of faces per person. More than 1,000 in all go to a folder; the grid then shows the first of them.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of the noise.")
@click.option(
    "--size", type=click.IntRange(16, 2048), metavar="PIXELS",
    help="Side of a face; larger than the model draws, it is enlarged.  "
    "[default: as drawn; in a grid or film at least 128]",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("faces"), show_default=True,
    help="Folder for the faces and a grid of them; or a file: .png, .jpg or .webp for the grid, .gif or .mp4 for a "
    "film that shows one face after another. In a folder, the faces of an earlier call are replaced.",
)  # fmt: skip
def command(
    run: Path,
    subjects: "list[Subject]",
    count: int,
    seed: int,
    size: int | None,
    out: Path,
) -> None:
    """Draw faces with RUN from speech, a name, a sentence or an image, depending on what it was trained on.

    Speech may have any format, sample rate and length: long speech is cropped, short speech is repeated. A face drawn
    from a voice is one of many that fit it. It tells nothing about the speaker's real face beyond what a voice carries.
    Every file is marked as generated, with model, version and seed.

    Many faces are drawn and written block by block. After an interruption, the same command goes on.
    """
    if not subjects:
        raise click.UsageError("one of --speech, --name, --text, --face is required")
    check_out(out)
    num_faces, is_file = len(subjects) * count, is_picture(out) or is_film(out)
    if is_file and num_faces > MOST_AT_ONCE:
        raise too_many(out, num_faces)
    from facegen.api import load
    from facegen.inference.face_pictures import (
        GRID_FACE_PIXELS,
        SampledFaces,
        check_amount,
        check_size,
        fits_in_memory,
    )

    with watching() as observer:
        model = load(run, observer)
        check_size(size, model.image_pixels)
        pixels = size or max(model.image_pixels, GRID_FACE_PIXELS)
        if not is_file and (num_faces > MOST_AT_ONCE or not fits_in_memory(num_faces, pixels)):
            from facegen.inference.bulk import BulkSampling

            _write_grid(write_faces(BulkSampling(model, subjects, count, seed), size, out, observer), size, out)
            return
        check_amount(num_faces, pixels)
        faces = model.sample_people(subjects, count=count, seed=seed)
    _write(SampledFaces(faces, [subject.label for subject in subjects], model.name, seed), size, out)


def _write(sampled: "SampledFaces", size: int | None, out: Path) -> None:
    """Write one picture, one film, or a folder with a grid and every face."""
    from PIL import Image

    from facegen.data.media.generated_media import save_film, save_picture
    from facegen.inference.face_pictures import SLIDES_PER_SECOND

    if is_film(out):
        frames, mark = sampled.slides(size)
        save_film(frames, out, SLIDES_PER_SECOND, mark)
        _report("Film", out, mark.note)
        return
    picture, mark = sampled.grid(size)
    if is_picture(out):
        save_picture(picture, out, mark)
        _report("Faces", out, mark.note)
        return
    files = [GRID]
    save_picture(picture, out / GRID, mark)
    face_mark = sampled.mark(size)
    for stems, faces in zip(sampled.stems(), sampled.enlarged(size), strict=True):
        for stem, face in zip(stems, faces, strict=True):
            files.append(f"{stem}.png")
            save_picture(Image.fromarray(face), out / files[-1], face_mark)
    write_index(out, files, {"model": sampled.model, "version": face_mark.version, "seed": sampled.seed})
    _report("Faces", out, face_mark.note)
    _report("Grid", out / GRID, mark.note)


def _write_grid(sampled: "SampledFaces", size: int | None, out: Path) -> None:
    """Write the grid of a folder of many faces, not enlarged to the size of the single faces."""
    from facegen.data.media.generated_media import save_picture

    picture, mark = sampled.grid()
    save_picture(picture, out / GRID, mark)
    _report("Faces", out, sampled.mark(size).note)
    _report("Grid of the first faces", out / GRID, mark.note)


def _report(what: str, path: Path, note: str) -> None:
    enlarged = f" ({note[0].lower()}{note[1:].rstrip('.')})" if note else ""
    console.print(f"{what}: {path}{enlarged}", soft_wrap=True)
