"""Rows that an evaluation measures, chosen by the seed."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.core.errors import DataError
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings, EvaluateSettings
from facegen.data.loading.rows import Rows
from facegen.training.face_pipeline import FacePipeline


@dataclass(frozen=True)
class Subjects:
    """Rows to evaluate, and the face pipeline that draws them.

    Attributes:
        rows: rows of the split.
        chosen: (N,) indices of the evaluated rows in the split.
        settings: number of noises, and the seed of every random draw.
        face_pipeline: the run's face pipeline; None for a run that only matches.
    """

    rows: Rows
    chosen: Tensor
    settings: EvaluateSettings
    face_pipeline: FacePipeline | None


def choose_subjects(
    dataset: Dataset,
    request: DataSettings,
    settings: EvaluateSettings,
    pipeline: FacePipeline | None,
    judge_needs: frozenset[str],
    device: torch.device,
    observer: Observer,
) -> Subjects:
    """Choose rows of the split, in an order fixed by the seed.

    Args:
        dataset: the corpus.
        request: image size and speech length of its rows.
        settings: split, number of rows and seed.
        pipeline: the run's face pipeline; None for a run that only matches.
        judge_needs: the Batch columns that the judge reads.
        device: device of the batches.
        observer: receives the progress of loading.
    Raises:
        DataError: the split is empty or lacks a column, or the run or the judge identifies people by name and the
            split holds people without a known name.
    """
    run_needs = frozenset[str]() if pipeline is None else pipeline.needs
    rows = Rows(dataset, request, settings.split, run_needs | judge_needs, device, observer, keep=False)
    if "identity" in rows.needs and bool((rows.clips.identity < 0).any()):
        subject = "the run draws" if "identity" in run_needs else "the judge identifies"
        raise DataError(
            f"{subject} people by name, and the people of '{settings.split}' are not among the names of the training "
            f"split; evaluate known people with --split heldout_utterances or --split train"
        )
    return Subjects(rows, rows.choose(settings.num_clips, settings.seed), settings, pipeline)


def faces_key(subjects: Subjects) -> str:
    """Hash corpus, split and chosen rows: equal keys mean the same real faces in the same order."""
    rows, settings = subjects.rows, subjects.settings
    source = f"{rows.dataset.fingerprint()} {rows.dataset.spec.image_pixels} {rows.split} {settings.seed}".encode()
    return hashlib.sha256(source + rows.clips.clip[subjects.chosen].numpy().tobytes()).hexdigest()[:32]
