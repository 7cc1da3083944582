"""Grid of faces of several runs, for the same people and the same noise."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from facegen.core.errors import CheckpointError, DataError
from facegen.core.progress import Observer
from facegen.core.randomness import repeatable
from facegen.core.recipe.tables import DataSettings, EvaluationSplit
from facegen.data.loading.prepare import restore_faces
from facegen.data.loading.rows import Rows
from facegen.data.media.generated_media import save_picture
from facegen.data.media.grids import grid
from facegen.data.media.marking import TRUE_FACES, Mark
from facegen.evaluation.comparison.compare import Column
from facegen.inference.load import load_face_pipeline
from facegen.training.devices import device_of_finished
from facegen.training.face_pipeline import choose_noises
from facegen.training.runs.run import Run
from facegen.training.sample_grid import SHOWN_PIXELS
from facegen.training.train import open_dataset

NUM_SHOWN_PEOPLE = 8
Faces = NDArray[np.uint8]


def draw_sample_comparison(columns: Sequence[Column], path: Path, observer: Observer) -> bool:
    """Draw people in rows: the true face, then one column per run; each row has its own noise.

    Args:
        columns: runs and splits; the first split of each run is used.
        path: PNG file to write.
        observer: receives the reason if there is no picture.
    Returns:
        True if the picture was drawn.
    """
    drawing = [
        column for column in columns if column.run and column.run.recipe.optional_config("generator") is not None
    ]
    first = {column.place: column for column in reversed(drawing)}
    shown = [column for column in drawing if first[column.place] is column]
    if not shown:
        observer.say("no picture: no run among these draws faces")
        return False
    report = shown[0].report
    if len({(column.report.corpus_key, column.report.split) for column in shown}) > 1:
        observer.warn("no picture: the runs were evaluated on different corpora or splits, and share no faces")
        return False
    try:
        drawings = [_draw(column.run, report.split, report.seed, observer) for column in shown if column.run]
    except (DataError, CheckpointError) as error:
        observer.warn(f"no picture: {error}")
        return False
    # True faces of the run with the largest images.
    true = max((real for _, real, _ in drawings), key=lambda faces: faces.shape[1])
    pixels = true.shape[1]
    faces = [true, *(enlarged(drawn, pixels) for drawn, _, _ in drawings)]
    names = next((names for _, _, names in drawings if names), [f"person {row + 1}" for row in range(len(true))])
    picture = grid(
        np.stack(faces, axis=1), row_labels=names, column_labels=["true face", *(column.label for column in shown)],
        title=f"{report.split} of {report.corpus}, one noise per row", scale=max(1, round(SHOWN_PIXELS / pixels)),
    )  # fmt: skip
    models = ", ".join(dict.fromkeys(column.run.name for column in shown if column.run))
    save_picture(picture, path, Mark(models, report.seed, TRUE_FACES))
    return True


@torch.no_grad()
def _draw(run: Run, split: EvaluationSplit, seed: int, observer: Observer) -> tuple[Faces, Faces, list[str]]:
    """Draw generated and true faces of a run, with names if the run knows people by name."""
    device = device_of_finished(run.recipe.run.device, observer)
    pipeline = load_face_pipeline(run, device)
    request: DataSettings = run.recipe.config("dataset").engine
    rows = Rows(open_dataset(run.recipe), request, split, pipeline.needs, device, observer, keep=False)
    chosen = rows.choose(NUM_SHOWN_PEOPLE, seed, distinct_people=True)
    batch = rows.fetch_plain(chosen)
    noises = choose_noises(pipeline.noise, len(chosen), seed, device)
    with repeatable(device, seed, "side by side"):
        faces = pipeline.draw(pipeline.condition(None, pipeline.encode(batch)).generator, noises)
    people = batch.identity.tolist()
    if "identity" not in pipeline.needs:
        names = []
    elif min(people) < 0:
        raise DataError(f"{run.path}: draws people by name, and knows no names of '{split}'; choose another --split")
    else:
        names = [run.data.identities[person] for person in people]
    return restore_faces(faces).cpu().numpy(), restore_faces(batch.faces).cpu().numpy(), names


def enlarged(faces: Faces, pixels: int) -> Faces:
    """Enlarge faces bicubically: (N, H, W, 3) -> (N, pixels, pixels, 3)."""
    if faces.shape[1] == pixels:
        return faces
    images = [Image.fromarray(face).resize((pixels, pixels), Image.Resampling.BICUBIC) for face in faces]
    return np.stack([np.asarray(image) for image in images])
