"""Fitting of transforms to the conditions of the training split, once before the first step of a stage."""

import torch
from torch import Tensor

from facegen.core.batch import Condition
from facegen.core.interfaces import ConditionTransform
from facegen.core.progress import Observer
from facegen.core.randomness import repeatable
from facegen.data.loading.rows import Rows
from facegen.training.distributed import Distributed
from facegen.training.encodings import Encodings, encode_rows
from facegen.training.face_pipeline import FacePipeline

MAX_ROWS = 8192
"""Number of training rows to which transforms are fitted where encodings are not cached."""


@torch.no_grad()
def fit_transforms(
    pipeline: FacePipeline,
    rows: Rows,
    encodings: Encodings | None,
    seed: int,
    precision: str,
    distributed: Distributed,
    observer: Observer,
) -> None:
    """Fit each transform to the conditions that the transforms before it return; do nothing if none is fitted.

    All processes get the result of the first one.

    Args:
        pipeline: its encoders are loaded.
        rows: the training split.
        encodings: cached encodings of the split; None where they are computed here, of a sample of rows.
        seed: of the run.
        precision: of the encoders.
        distributed: this process among all.
        observer: progress of the command.
    """
    if not any(is_fitted(transform) for transform in pipeline.transforms):
        return
    if encodings is not None:
        encoding = encodings.values
    else:
        was_training = pipeline.training
        encoding = encode_rows(rows, rows.choose(MAX_ROWS, seed), pipeline.eval().encoders, precision, observer)
        pipeline.train(was_training)
    own = encoding[:, : pipeline.encoders.condition_dim]
    with repeatable(own.device, seed, "fitting"):
        _fit(pipeline, own)
    fitted = [transform for transform in pipeline.transforms if is_fitted(transform)]
    distributed.broadcast(buffer for transform in fitted for buffer in transform.buffers())


def is_fitted(transform: torch.nn.Module) -> bool:
    """Tell whether a transform overrides `fit`."""
    return isinstance(transform, ConditionTransform) and type(transform).fit is not ConditionTransform.fit


def _fit(pipeline: FacePipeline, own: Tensor) -> None:
    condition = Condition(own, own, own, {})
    for transform in pipeline.transforms:
        if not isinstance(transform, ConditionTransform):
            raise TypeError(f"{type(transform).__name__} is no ConditionTransform")
        transform.fit(condition.generator)
        condition = transform(condition, None)
