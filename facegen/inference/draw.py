"""Faces of given people, by a finished run."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.progress import Observer
from facegen.inference.load import load_face_pipeline
from facegen.inference.sample import Subject, subjects_batch
from facegen.training.distributed import Distributed
from facegen.training.runs.open_run import open_run_or_model
from facegen.training.sample_grid import choose_noises, draw_each


@torch.no_grad()
def draw_subjects(
    path: Path, subjects: Sequence[Subject], count: int, seed: int, observer: Observer | None = None
) -> Tensor:
    """Draw people with a run.

    Args:
        path: the run folder.
        subjects: who.
        count: faces of each, with the same noises for all.
        seed: of the noises, and of all else that the run draws at random.
        observer: warned of files that have a fault and are used all the same.
    Returns:
        (subjects, count, H, W, 3) uint8 on the CPU.
    Raises:
        CheckpointError: the run cannot draw.
        DataError: a subject cannot be read.
    """
    run = open_run_or_model(path)
    device = Distributed.join(run.recipe.run.device).device
    pipeline = load_face_pipeline(run, device)
    batch = subjects_batch(subjects, pipeline.needs, run.data, device, observer)
    noises = choose_noises(pipeline.noise, count, seed, device)
    return draw_each(pipeline, pipeline.encode(batch), noises, seed)
