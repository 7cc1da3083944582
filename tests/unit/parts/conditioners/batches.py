"""Rows with one thing known about each person."""

import torch
from torch import Tensor

from facegen.core.batch import Batch, DataSpec


def speech_spec(samples: int) -> DataSpec:
    return DataSpec(16, 16000, samples, columns=frozenset({"faces", "identity", "speech"}))


def batch_of(speech: Tensor | None = None, *, text: Tensor | None = None, caption: Tensor | None = None) -> Batch:
    num = next(len(column) for column in (speech, text, caption) if column is not None)
    rows = torch.arange(num)
    return Batch(torch.zeros(num, 3, 16, 16), rows, rows, (rows[:, None] + 1) % num, speech, caption, text)
