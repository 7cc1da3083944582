"""Normalisation of speech, and pooling over time."""

from typing import Literal

import torch
from torch import Tensor, nn

from facegen.core.batch import Batch
from facegen.core.errors import RecipeError
from facegen.core.optional_imports import torchaudio
from facegen.parts.layers.precision import to_float32

Pooling = Literal["mean", "mean_std"]


class SpeechLevel(nn.Module):
    """Speech of a batch, normalised and pre-emphasised.

    x = speech / max |speech|,   y_t = x_t - a x_t-1

    Args:
        part: name of the part, for errors.
        normalise: whether each row is divided by its largest amplitude.
        pre_emphasis: a; 0 switches it off.
    Shape:
        speech (B, samples) -> (B, samples)
    """

    def __init__(self, part: str, *, normalise: bool, pre_emphasis: float) -> None:
        super().__init__()
        self.part, self.normalise, self.pre_emphasis = part, normalise, pre_emphasis

    def forward(self, batch: Batch) -> Tensor:
        speech = batch.speech
        if speech is None:
            raise RecipeError(f"{self.part}: the batch holds no speech")
        if self.normalise:
            speech = speech / speech.abs().amax(dim=1, keepdim=True).clamp(min=1e-4)
        if self.pre_emphasis:
            emphasised: Tensor = torchaudio().functional.preemphasis(speech, self.pre_emphasis)
            return emphasised
        return speech


class TimePooling(nn.Module):
    """Mean over time, or mean and standard deviation.

    Args:
        pooling: "mean" or "mean_std".
    Shape:
        (B, features, time) -> (B, features) or (B, 2 features), at least float32
    """

    def __init__(self, pooling: Pooling) -> None:
        super().__init__()
        self.times_wider = 2 if pooling == "mean_std" else 1

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = to_float32(hidden)
        mean = hidden.mean(dim=2)
        if self.times_wider == 1:
            return mean
        return torch.cat([mean, (hidden.var(dim=2, correction=0) + 1e-5).sqrt()], dim=1)


def too_short(part: str, speech_samples: int, needed_samples: int, remedy: str) -> RecipeError:
    """Return the error for speech that is too short for a network."""
    return RecipeError(
        f"{part}: {speech_samples} samples of speech are too short for this network, which needs {needed_samples}: "
        f"raise data.speech_seconds, or {remedy}"
    )
