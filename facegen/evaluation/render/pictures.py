"""Pictures of an evaluation: nearest faces, interpolations, and plots of distances."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Evidence, Training
from facegen.core.randomness import generator_for
from facegen.data.loading.prepare import restore_faces
from facegen.data.media.generated_media import save_picture
from facegen.data.media.grids import grid
from facegen.data.media.marking import Mark
from facegen.evaluation.gathering.subjects import Subjects
from facegen.evaluation.render.plots import Points, draw_scatter
from facegen.evaluation.report import Picture
from facegen.inference.interpolate import between_noises, between_people
from facegen.training.face_pipeline import FacePipeline, choose_noises
from facegen.training.sample_grid import condition_label

NUM_SHOWN = 8
NUM_NEAREST = 5
NUM_PATHS, NUM_STEPS = 4, 7
NUM_PAIRS = 1500
FACE_PIXELS = 96
"""Approximate size of a shown face; smaller faces are enlarged by a whole factor."""
_FRAME = np.array([34, 160, 84], dtype=np.uint8)
_CHUNK_ROWS = 1024
Faces = NDArray[np.uint8]


def draw_pictures(
    evidence: Evidence, subjects: Subjects, folder: Path, mark: Mark, *, trust_judge: bool = True
) -> list[Picture]:
    """Draw the pictures; each shows people chosen by the seed, unless its caption gives another choice.

    Args:
        evidence: evidence of the evaluation.
        subjects: evaluated rows; their face pipeline draws the interpolations.
        folder: folder of the pictures, below that of the report.
        mark: stored in every picture that shows generated faces.
        trust_judge: False leaves out pictures that depend on the judge's distances.
    Returns:
        The pictures, in the order of the report.
    """
    work: list[tuple[str, Callable[[Path], str]]] = []
    if trust_judge and evidence.fake is not None and evidence.fake_faces is not None:
        work.append(("retrieval.png", lambda path: _retrieval(evidence, path, mark)))
        if evidence.training is not None and len(evidence.training.faces):
            training = evidence.training
            work.append(("nearest_training.png", lambda path: _nearest_training(evidence, training, path, mark)))
        work.append(("distances_generated.svg", lambda path: _distances(evidence, "generated", path)))
    if trust_judge:
        work.append(("distances_real.svg", lambda path: _distances(evidence, "real", path)))
    pipeline = subjects.face_pipeline
    if pipeline is not None:
        work.append(("between_people.png", lambda path: _between_people(subjects, pipeline, path, mark)))
        if choose_noises(pipeline.noise, 1, 0, torch.device("cpu")).numel():
            work.append(("between_noises.png", lambda path: _between_noises(subjects, pipeline, path, mark)))
    evidence.observer.start(f"draw pictures of {evidence.split}", len(work))
    pictures = []
    for number, (file, draw) in enumerate(work, 1):
        caption = draw(folder / file)
        if caption:
            pictures.append(Picture(Path(file).stem, caption, f"{folder.name}/{file}"))
        evidence.observer.advance(number)
    evidence.observer.finish()
    return pictures


def _retrieval(evidence: Evidence, path: Path, mark: Mark) -> str:
    """Draw generated faces with the nearest real ones; the true one is framed."""
    if evidence.fake is None or evidence.fake_faces is None:
        return ""
    rows = _one_row_per_person(evidence)
    gallery = _unit(evidence.real[rows])
    queries = rows[:NUM_SHOWN]
    distances = 1 - _unit(evidence.fake[queries, 0]) @ gallery.T
    order = distances.argsort(dim=1, stable=True)
    ranks = (order == torch.arange(len(queries))[:, None]).int().argmax(dim=1)
    pictures, labels = [], []
    for query, row in enumerate(queries.tolist()):
        nearest = rows[order[query, :NUM_NEAREST]]
        shown = [evidence.fake_faces[row, 0], evidence.real_faces[row], *evidence.real_faces[nearest]]
        enlarged = [_enlarged(face.numpy()) for face in shown]
        pictures.append([
            _framed(face) if number > 1 and nearest[number - 2] == row else face
            for number, face in enumerate(enlarged)
        ])  # fmt: skip
        labels.append(f"rank {int(ranks[query]) + 1} of {len(rows)}")
    columns = ["generated", "true face", "nearest", *(f"{number}th" for number in range(2, NUM_NEAREST + 1))]
    columns = [{"2th": "2nd", "3th": "3rd"}.get(name, name) for name in columns]
    _save(pictures, labels, columns[: 2 + min(NUM_NEAREST, len(rows))], path, mark)
    return (
        f"Retrieval: a generated face, the true face, and the {NUM_NEAREST} nearest of a gallery of {len(rows)} real "
        f"faces, one per person, in the judge's features (cosine). The true face is framed if it is among them; its "
        f"rank is on the left."
    )


def _nearest_training(evidence: Evidence, training: Training, path: Path, mark: Mark) -> str:
    """Draw the generated faces that are closest to a training face."""
    if evidence.fake is None or evidence.fake_faces is None:
        return ""
    faces = _unit(training.embeddings)
    by_noise = [_nearest(_unit(fake), faces) for fake in evidence.fake.unbind(1)]
    distance, training_row = (torch.stack(values, dim=1) for values in zip(*by_noise, strict=True))
    closest, noise = distance.min(dim=1)
    shown = closest.argsort(stable=True)[:NUM_SHOWN]
    columns, labels = [], []
    for row in shown.tolist():
        match = int(training_row[row, noise[row]])
        trio = [evidence.fake_faces[row, noise[row]], training.faces[match], evidence.real_faces[row]]
        columns.append([_enlarged(face.numpy()) for face in trio])
        same = bool(training.person[match] == evidence.person[row])
        labels.append(f"{float(closest[row]):.3f}{' same person' if same else ''}")
    _save(list(zip(*columns, strict=True)), ["generated", "nearest training face", "true face"], labels, path, mark)
    real, _ = _nearest(_unit(evidence.real), faces)
    return (
        f"Memorisation: the {len(shown)} generated faces, of {len(evidence.fake)} rows, that are nearest to one of "
        f"{len(faces)} faces of the training split, the nearest first, in the judge's features (cosine; the distance "
        f"is above each column). The median distance to the nearest training face is "
        f"{float(distance.median()):.3f} for generated faces and {float(real.median()):.3f} for the real ones of this "
        f"split."
    )


def _distances(evidence: Evidence, kind: str, path: Path) -> str:
    """Plot distances of conditions against distances of faces, for pairs of people."""
    faces = evidence.real[:, None] if kind == "real" else evidence.fake
    if faces is None:
        return ""
    generator = generator_for(evidence.seed, "illustrate", "pairs")
    first, second = torch.randint(len(evidence.person), (2, NUM_PAIRS), generator=generator)
    differs = evidence.person[first] != evidence.person[second]
    if not bool(differs.any()):
        return ""
    first, second = first[differs], second[differs]
    x = 1 - (_unit(evidence.encodings[first]) * _unit(evidence.encodings[second])).sum(1)
    other = 1 if faces.shape[1] > 1 else 0
    y = 1 - (_unit(faces[first, 0]) * _unit(faces[second, other])).sum(1)
    sex = evidence.attributes.get("sex", torch.full_like(evidence.person, -1))
    known = (sex[first] >= 0) & (sex[second] >= 0)
    same = known & (sex[first] == sex[second])
    groups = {"same sex": same, "different sexes": known & ~same, "sex unknown": ~known}
    all_points = [Points(name, x[chosen].numpy(), y[chosen].numpy()) for name, chosen in groups.items()]
    shown = [points for points in all_points if len(points.x)]
    draw_scatter(shown, f"{kind} faces", "condition distance", "face distance", path)
    noises = ", under different noises" if kind == "generated" and other else ""
    return (
        f"Correlation of distances: {len(first)} pairs of different people; cosine distance of their conditions in the "
        f"judge's encodings, against that of their {kind} faces in its features{noises}."
    )


def _between_people(subjects: Subjects, pipeline: FacePipeline, path: Path, mark: Mark) -> str:
    """Draw interpolations between the conditions of two people."""
    rows, seed = subjects.rows, subjects.settings.seed
    people = rows.choose(2 * NUM_PATHS, seed, distinct_people=True)
    num_paths = len(people) // 2
    if not num_paths:
        return ""
    batch = rows.fetch_plain(people)
    encodings, true = pipeline.encode(batch), restore_faces(batch.faces).cpu().numpy()
    noises = choose_noises(pipeline.noise, num_paths, seed, rows.device)
    pictures = []
    for path_index in range(num_paths):
        ends = slice(2 * path_index, 2 * path_index + 2)
        faces = between_people(pipeline, encodings[ends], noises[path_index], NUM_STEPS, seed).numpy()
        pictures.append([_enlarged(face) for face in (true[2 * path_index], *faces, true[2 * path_index + 1])])
    _save(pictures, [], ["true face", *[""] * NUM_STEPS, "true face"], path, mark)
    return (
        f"Interpolation between two people: faces generated along the straight line between the generator's inputs for "
        f"each {condition_label(pipeline.needs)}, under one noise per row; the true faces are at both ends."
    )


def _between_noises(subjects: Subjects, pipeline: FacePipeline, path: Path, mark: Mark) -> str:
    """Draw interpolations between two noises for one condition."""
    rows, seed = subjects.rows, subjects.settings.seed
    people = rows.choose(NUM_PATHS, seed, distinct_people=True)
    batch = rows.fetch_plain(people)
    encodings, true = pipeline.encode(batch), restore_faces(batch.faces).cpu().numpy()
    noises = choose_noises(pipeline.noise, 2 * len(people), seed, rows.device)
    pictures = []
    for row, encoding in enumerate(encodings):
        faces = between_noises(pipeline, encoding, noises[2 * row : 2 * row + 2], NUM_STEPS, seed).numpy()
        pictures.append([_enlarged(face) for face in (true[row], *faces)])
    _save(pictures, [], ["true face", *[""] * NUM_STEPS], path, mark)
    return (
        f"Interpolation between two noises: faces generated from one {condition_label(pipeline.needs)} per row, along "
        f"the arc between two noises; the true face is on the left."
    )


def _one_row_per_person(evidence: Evidence) -> Tensor:
    """Choose one row per person, in an order fixed by the seed."""
    order = torch.randperm(len(evidence.person), generator=generator_for(evidence.seed, "illustrate", "gallery"))
    first_row: dict[int, int] = {}
    for row in order.tolist():
        first_row.setdefault(int(evidence.person[row]), row)
    return torch.tensor(list(first_row.values()))


def _nearest(queries: Tensor, gallery: Tensor) -> tuple[Tensor, Tensor]:
    """Find the nearest of a gallery: (N, e), (M, e) of unit length -> (N,) distances, (N,) indices."""
    chunks = [(queries[rows] @ gallery.T).max(dim=1) for rows in torch.arange(len(queries)).split(_CHUNK_ROWS)]
    cosines, indices = torch.cat([chunk.values for chunk in chunks]), torch.cat([chunk.indices for chunk in chunks])
    return (1 - cosines).clamp(min=0), indices


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features.double(), dim=-1)


def _enlarged(face: Faces) -> Faces:
    scale = max(1, round(FACE_PIXELS / face.shape[0]))
    return face.repeat(scale, axis=0).repeat(scale, axis=1)


def _framed(face: Faces) -> Faces:
    framed, width = face.copy(), max(2, face.shape[0] // 24)
    inside = framed[width:-width, width:-width].copy()
    framed[:] = _FRAME
    framed[width:-width, width:-width] = inside
    return framed


def _save(
    pictures: Sequence[Sequence[Faces]], rows: Sequence[str], columns: Sequence[str], path: Path, mark: Mark
) -> None:
    images = np.stack([np.stack(list(row)) for row in pictures])
    save_picture(grid(images, row_labels=rows, column_labels=columns), path, mark)
