"""Who stands at the ends of an interpolation: somebody's own files and words, or people of the run's corpus."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.recipe.tables import EvaluationSplit
from facegen.core.text.suggest import did_you_mean
from facegen.data.loading.prepare import restore_faces
from facegen.data.loading.rows import Rows
from facegen.inference.sample import SHOWN_NAMES, Subject, number_of, subjects_batch
from facegen.training.face_pipeline import FacePipeline
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset

SHOWN_PEOPLE = 5


@dataclass(frozen=True)
class Endpoints:
    """The people between whom, or at whom, faces are drawn.

    Attributes:
        labels: who they are.
        encodings: (P, dim) what the run's face pipeline makes of them.
        faces: (P, H, W, 3) uint8, their true faces; None where they are not known.
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
    """People of whom files, names or sentences are given; true faces where they have names that the corpus knows.

    Raises:
        DataError: all that is missing, cannot be read, or was not trained on.
    """
    batch = subjects_batch(subjects, pipeline.needs, run.data, device, observer)
    faces = _faces_by_name(run, [subject.name or "" for subject in subjects])
    return Endpoints([subject.label for subject in subjects], pipeline.encode(batch), faces)


def _faces_by_name(run: Run, names: Sequence[str]) -> Tensor | None:
    """A face of the training split each; None where the run knows no names, or its corpus is gone."""
    if not all(names):
        return None
    try:
        dataset = open_dataset(run.recipe)
    except DataError:
        return None
    clips = dataset.clips("train")
    numbers = torch.tensor([number_of(name, run.data.identities) for name in names])
    found = clips.identity == numbers[:, None]
    if not bool(found.any(dim=1).all()):
        return None
    chosen = clips.clip[found.int().argmax(dim=1)]
    return dataset.faces(chosen, torch.zeros_like(chosen)).cpu()


def endpoints_of_people(
    run: Run,
    pipeline: FacePipeline,
    people: Sequence[str],
    num: int,
    split: EvaluationSplit,
    seed: int,
    device: torch.device,
) -> Endpoints:
    """People of the run's corpus, by their first clip of a split.

    Args:
        run, face pipeline: what draws them.
        people: names of people of the training split, or numbers of people of the corpus.
        num: how many the seed draws where none are named.
        split: where they are looked for.
        seed: of that draw.
        device: where the face pipeline is.
    Raises:
        DataError: somebody is not in the split, or the run cannot draw those who are.
    """
    dataset, request = open_dataset(run.recipe), run.recipe.config("dataset").engine
    rows = Rows(dataset, request, split, pipeline.needs, device, Observer(), keep=False)
    known = rows.clips.person
    if people:
        chosen = torch.tensor(_rows_of(people, rows, run.data.identities))
    else:
        chosen = rows.choose(num, seed, distinct_people=True)
        if len(chosen) < num:
            raise DataError(f"the split '{split}' holds {len(known.unique())} people; choose another with --split")
    if "identity" in pipeline.needs and bool((rows.clips.identity[chosen] < 0).any()):
        raise DataError(
            f"the run draws people by name, and those of '{split}' are not among the names of the training split; "
            f"choose known people with --split heldout_utterances, or with --split train"
        )
    batch = rows.fetch_plain(chosen)
    labels = [_label(row, rows, run.data.identities) for row in chosen.tolist()]
    return Endpoints(labels, pipeline.encode(batch), restore_faces(batch.faces).cpu())


def _rows_of(people: Sequence[str], rows: Rows, names: Sequence[str]) -> list[int]:
    """The first row of each; every problem at once."""
    found, problems = [], []
    for each in people:
        clips = rows.clips
        if (number := number_of(each, names)) >= 0:
            places = torch.nonzero(clips.identity == number)[:, 0]
        elif each.isdecimal():
            places = torch.nonzero(clips.person == int(each))[:, 0]
        else:
            known = names if len(names) <= SHOWN_NAMES else (*names[:SHOWN_NAMES], "...")
            problems.append(f"'{each}' is nobody that the run was trained on{did_you_mean(each, known)}")
            continue
        if len(places):
            found.append(int(places[0]))
            continue
        there = clips.person.unique()
        shown = ", ".join(map(str, there[:SHOWN_PEOPLE].tolist()))
        problems.append(
            f"'{each}' is not in the split '{rows.split}', which holds {len(there)} people ({shown}"
            f"{', ...' if len(there) > SHOWN_PEOPLE else ''}); choose another with --split"
        )
    if problems:
        raise DataError(*dict.fromkeys(problems))
    return found


def _label(row: int, rows: Rows, names: Sequence[str]) -> str:
    number = int(rows.clips.identity[row])
    return names[number] if 0 <= number < len(names) else f"person {int(rows.clips.person[row])}"
