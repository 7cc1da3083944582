"""Folder of many faces, written block by block; the same call after an interruption goes on where that one stopped."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from facegen.cli.console import when_interrupted
from facegen.cli.picture_output import GRID, INDEX, write_index
from facegen.core.errors import DataError, FacegenError
from facegen.core.progress import Observer
from facegen.core.text.text_files import read_text

if TYPE_CHECKING:
    from facegen.inference.bulk import BulkSampling
    from facegen.inference.face_pictures import SampledFaces

MOST_AT_ONCE = 1000
"""Number of faces above which they are drawn in blocks, for a folder only; fewer are, if they are very large."""
GRID_PEOPLE, GRID_FACES = 16, 24
"""People, and faces of each, in the grid of a folder of many faces."""


def too_many(out: Path, num_faces: int) -> DataError:
    """Return the error for one picture or film of many faces."""
    return DataError(
        f"--out {out}: one file shows at most {MOST_AT_ONCE:,} faces, and {num_faces:,} are asked for; give a folder, "
        f"or lower --count"
    )


def write_faces(sampling: "BulkSampling", size: int | None, out: Path, observer: Observer) -> "SampledFaces":
    """Draw faces and write each as a PNG; those of an interrupted call with the same input are kept.

    Args:
        sampling: the faces.
        size: side of a face; None keeps that of the model.
        out: the folder.
        observer: gets the progress.
    Returns:
        the first faces of the first people, for a grid.
    """
    import numpy as np
    from PIL import Image

    from facegen import __version__
    from facegen.data.media.generated_media import save_picture
    from facegen.data.media.marking import Mark
    from facegen.inference.face_pictures import SampledFaces, enlarge, enlargement, face_stems

    model, labels = sampling.model, [subject.label for subject in sampling.subjects]
    stems = face_stems(labels, sampling.count, model.name, sampling.seed)
    paths = [[out / f"{stem}.png" for stem in row] for row in stems]
    pixels = size or model.image_pixels
    mark = Mark(model.name, sampling.seed, enlargement(model.image_pixels, pixels))
    _begin(out, [path.name for row in paths for path in row], f"{sampling.key} {pixels}",
           {"model": model.name, "version": __version__, "seed": sampling.seed})  # fmt: skip
    waiting = [block for block in sampling.blocks() if not all(path.exists() for path in block.of(paths))]
    total = len(labels) * sampling.count
    done = total - sum(block.stop - block.start for block in waiting)
    observer.start("draw faces", total, done)
    with when_interrupted(lambda: f"{done:,} of {total:,} faces are in {out}; the same command draws the others"):
        for block in waiting:
            for path, face in zip(block.of(paths), sampling.draw(block), strict=True):
                save_picture(Image.fromarray(enlarge(face, pixels)), path, mark)
                done += 1
                observer.advance(done)
    observer.finish()
    firsts = [block for block in sampling.blocks() if block.start == 0][:GRID_PEOPLE]
    shown = np.stack([sampling.draw(block)[:GRID_FACES] for block in firsts])
    return SampledFaces(shown, labels[:GRID_PEOPLE], model.name, sampling.seed)


def _begin(out: Path, files: list[str], key: str, facts: dict[str, object]) -> None:
    """List the files before they are written; delete those of a call with other inputs, which may have equal names."""
    if _key(out) != key:
        write_index(out, [], facts)
    write_index(out, [GRID, *files], {**facts, "key": key})


def _key(out: Path) -> object:
    try:
        return json.loads(read_text(out / INDEX)).get("key")
    except (FacegenError, OSError, ValueError, AttributeError, RecursionError):
        return None
