"""Encodings of recordings and of clips by the frozen encoder of a model."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

import facegen
from facegen.core.interfaces import Dataset
from facegen.inference.sample import speech_batch

CHUNK_ROWS = 64


def encode_files(model: facegen.Model, paths: Sequence[Path]) -> Tensor:
    """Encode recordings, each whole: (N, d)."""
    parts = [list(paths[start : start + CHUNK_ROWS]) for start in range(0, len(paths), CHUNK_ROWS)]
    return torch.cat([model.encode(part) for part in parts])


@torch.no_grad()
def encode_clips(model: facegen.Model, dataset: Dataset, clips: Tensor) -> Tensor:
    """Encode the beginnings of clips, as long as in training: (N, d) float32 on the CPU."""
    samples, rows = model.run.data.speech_samples, []
    for part in clips.split(CHUNK_ROWS):
        speech = dataset.speech(part, torch.zeros_like(part), samples)
        rows.append(model.pipeline.encode(speech_batch(speech.to(model.device))).float().cpu())
    return torch.cat(rows)
