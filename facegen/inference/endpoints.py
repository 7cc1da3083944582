"""Endpoints of an interpolation: people given by files, names or sentences, or people of the run's corpus."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.recipe.tables import EvaluationSplit
from facegen.data.loading.prepare import restore_faces
from facegen.data.loading.rows import Rows
from facegen.inference.sample import Subject, encode_subjects, identity_index, unknown_name
from facegen.training.face_pipeline import FacePipeline
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset

SHOWN_PEOPLE = 5
"""Number of people that an error lists."""


@dataclass(frozen=True)
class Endpoints:
    """Two people to interpolate between, or one person to vary the noise of.

    Attributes:
        labels: their names in pictures.
        encodings: (P, dim) encodings by the run's face pipeline.
        faces: (P, H, W, 3) uint8, their true faces; None if they are unknown.
    """

    labels: Sequence[str]
    encodings: Tensor
    faces: Tensor | None


def endpoints_of_subjects(
    run: Run,
    pipeline: FacePipeline,
    subjects: Sequence[Subject],
    device: torch.device,
    observer: Observer | None = None,
) -> Endpoints:
    """Encode people given by files, names or sentences; true faces come from the corpus if all names are in it.

    Raises:
        DataError: every value that is missing, cannot be read, or is unknown to the run.
    """
    encodings = encode_subjects(pipeline, subjects, run.data, device, observer)
    faces = _faces_by_name(run, [subject.name or "" for subject in subjects])
    return Endpoints([subject.label for subject in subjects], encodings, faces)


def _faces_by_name(run: Run, names: Sequence[str]) -> Tensor | None:
    """Read one training face per name; None if a name is empty or unknown, or the run's corpus is missing."""
    if not all(names):
        return None
    try:
        dataset = open_dataset(run.recipe)
    except DataError:
        return None
    clips = dataset.clips("train")
    identities = torch.tensor([identity_index(name, run.data.identities) for name in names])
    is_own = clips.identity == identities[:, None]
    if not bool(is_own.any(dim=1).all()):
        return None
    first_clips = clips.clip[is_own.int().argmax(dim=1)]
    return dataset.faces(first_clips, torch.zeros_like(first_clips)).cpu()


def endpoints_of_people(
    run: Run,
    pipeline: FacePipeline,
    people: Sequence[str],
    num: int,
    split: EvaluationSplit,
    seed: int,
    device: torch.device,
) -> Endpoints:
    """Encode people of the run's corpus, each by the first clip of a split.

    Args:
        run, pipeline: the run and its face pipeline.
        people: names of people of the training split, or numbers of people of the corpus.
        num: number of people to choose at random if none are named.
        split: the split to read.
        seed: of the random choice.
        device: of the face pipeline.
    Raises:
        DataError: every person who is not in the split, or the run cannot draw people of the split.
    """
    dataset, settings = open_dataset(run.recipe), run.recipe.config("dataset").engine
    rows = Rows(dataset, settings, split, pipeline.needs, device, Observer(), keep=False)
    if people:
        chosen = torch.tensor(_first_rows(people, rows, run.data.identities))
    else:
        chosen = rows.choose(num, seed, distinct_people=True)
        if len(chosen) < num:
            num_people = len(rows.clips.person.unique())
            raise DataError(f"the split '{split}' holds {num_people} people, fewer than {num}; choose another --split")
    if "identity" in pipeline.needs and bool((rows.clips.identity[chosen] < 0).any()):
        raise DataError(
            f"the run draws people by name, and those of '{split}' are not among the names of the training split; "
            f"choose known people with --split heldout_utterances, or with --split train"
        )
    batch = rows.fetch_plain(chosen)
    labels = [_label(row, rows, run.data.identities) for row in chosen.tolist()]
    return Endpoints(labels, pipeline.encode(batch), restore_faces(batch.faces).cpu())


def _first_rows(people: Sequence[str], rows: Rows, names: Sequence[str]) -> list[int]:
    """Find the first row of every person; every problem is reported at once."""
    first_rows, problems = [], []
    clips = rows.clips
    for person in people:
        if (identity := identity_index(person, names)) >= 0:
            own_rows = torch.nonzero(clips.identity == identity)[:, 0]
        elif person.isdecimal():
            own_rows = torch.nonzero(clips.person == int(person))[:, 0]
        else:
            problems.append(unknown_name(person, names))
            continue
        if len(own_rows):
            first_rows.append(int(own_rows[0]))
            continue
        in_split = clips.person.unique()
        shown = ", ".join(map(str, in_split[:SHOWN_PEOPLE].tolist()))
        problems.append(
            f"'{person}' is not in the split '{rows.split}', which holds {len(in_split)} people ({shown}"
            f"{', ...' if len(in_split) > SHOWN_PEOPLE else ''}); choose another with --split"
        )
    if problems:
        raise DataError(*dict.fromkeys(problems))
    return first_rows


def _label(row: int, rows: Rows, names: Sequence[str]) -> str:
    identity = int(rows.clips.identity[row])
    return names[identity] if 0 <= identity < len(names) else f"person {int(rows.clips.person[row])}"
