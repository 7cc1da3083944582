"""`facegen generate`: draw faces with a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from facegen.cli.bulk_output import MOST_AT_ONCE, too_many, write_faces
from facegen.cli.completion import complete_run
from facegen.cli.console import console, watching
from facegen.cli.detector import frontal_detector
from facegen.cli.options import ManyValues
from facegen.cli.picture_output import GRID, check_out, is_film, is_picture, write_index

if TYPE_CHECKING:
    from facegen.inference.face_pictures import SampledFaces
    from facegen.inference.sample import Subject


@click.command("generate", cls=ManyValues)
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--speech", multiple=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Audio or video file with speech; several files draw several people.",
)  # fmt: skip
@click.option("--name", multiple=True, help="Name of a person that the run was trained on.")
@click.option("--text", multiple=True, help="Sentence that describes a person.")
@click.option(
    "--face", multiple=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Image of a person, cropped like the training faces, for a model that reads one beside the speech.",
)  # fmt: skip
@click.option("--detect", is_flag=True, help="Detect and crop the face in each --face first.")
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
    speech: tuple[Path, ...],
    name: tuple[str, ...],
    text: tuple[str, ...],
    face: tuple[Path, ...],
    detect: bool,
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
    subjects = subjects_from_options(speech, name, text, face, detect)
    if not subjects:
        raise click.UsageError("one of --speech, --name, --text, --face is required")
    check_out(out)
    many = len(subjects) * count > MOST_AT_ONCE
    if many and (is_picture(out) or is_film(out)):
        raise too_many(out, len(subjects) * count)
    from facegen.api import load
    from facegen.inference.face_pictures import GRID_FACE_PIXELS, SampledFaces, check_amount, check_size

    with watching() as observer:
        model = load(run, observer)
        check_size(size, model.image_pixels)
        if many:
            from facegen.inference.bulk import BulkSampling

            _write_grid(write_faces(BulkSampling(model, subjects, count, seed), size, out, observer), size, out)
            return
        check_amount(len(subjects) * count, size or max(model.image_pixels, GRID_FACE_PIXELS))
        faces = model.sample_people(subjects, count=count, seed=seed)
    _write(SampledFaces(faces, [subject.label for subject in subjects], model.name, seed), size, out)


def subjects_from_options(
    speech: tuple[Path, ...], name: tuple[str, ...], text: tuple[str, ...], face: tuple[Path, ...], detect: bool
) -> "list[Subject]":
    """Return one subject per person from the options; an option with one value applies to all of them.

    Raises:
        click.UsageError: options with several values have different numbers of them.
    """
    from facegen.inference.sample import Subject

    if detect and not face:
        raise click.UsageError("--detect crops the images of --face; give one, or omit --detect")
    given = [values for values in (speech, name, text, face) if values]
    num = max((len(values) for values in given), default=0)
    if any(len(values) not in (1, num) for values in given):
        raise click.UsageError(
            "--speech, --name, --text and --face must have the same number of values, or one value for all"
        )

    def pick(values: tuple[str, ...] | tuple[Path, ...], row: int) -> "str | Path | None":
        return values[row if len(values) > 1 else 0] if values else None

    subjects = []
    for row in range(num):
        path, person, sentence, image = (pick(values, row) for values in (speech, name, text, face))
        file = path or (None if person or sentence else image)
        subjects.append(Subject(
            Path(file).stem if file is not None else str(person or sentence),
            Path(path) if path is not None else None, None if person is None else str(person),
            None if sentence is None else str(sentence), face=None if image is None else Path(image),
            detect=frontal_detector if detect else None,
        ))  # fmt: skip
    return subjects


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
    """Write the grid of a folder of many faces."""
    from facegen.data.media.generated_media import save_picture

    picture, mark = sampled.grid(size)
    save_picture(picture, out / GRID, mark)
    _report("Faces", out, sampled.mark(size).note)
    _report("Grid of the first faces", out / GRID, mark.note)


def _report(what: str, path: Path, note: str) -> None:
    enlarged = f" ({note[0].lower()}{note[1:].rstrip('.')})" if note else ""
    console.print(f"{what}: {path}{enlarged}", soft_wrap=True)
