"""Cache of encodings that no longer change."""

from collections.abc import Callable

import torch
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.progress import Observer
from facegen.core.recipe.tables import MatchSettings, TrainSettings
from facegen.data.loading.rows import Rows
from facegen.training.face_pipeline import Encoders, FacePipeline
from facegen.training.optimisers import autocast

CHUNK_ROWS = 128


class Encodings:
    """Encodings of every clip of a split.

    Args:
        clips: (N,) clip numbers.
        values: (N, dim) their encodings.
    """

    def __init__(self, clips: Tensor, values: Tensor) -> None:
        order = clips.argsort()
        self._clips, self._values = clips[order], values[order]

    @property
    def values(self) -> Tensor:
        """All encodings, in the order of their clips: (N, dim)."""
        return self._values

    def of(self, clip: Tensor) -> Tensor:
        """Look up clips: (B,) -> (B, dim)."""
        return self._values[torch.searchsorted(self._clips, clip)]


@torch.no_grad()
def encode_once(
    rows: Rows,
    source: Encoders | FacePipeline,
    precision: str,
    observer: Observer,
    num_read: int | None = None,
) -> Encodings | None:
    """Encode a split once, or return None where encodings change: encoders that learn, random crops.

    Args:
        rows: the split.
        source: encodes; a face pipeline adds the encodings of its draft.
        precision: of the computation.
        observer: progress of the command.
        num_read: rows that all batches read together; of a split with more rows, each batch is encoded instead.
    """
    if not (source.is_frozen and rows.inputs_are_fixed) or (num_read is not None and num_read < len(rows.clips)):
        return None
    encode = source.encode if isinstance(source, FacePipeline) else source
    every_row = torch.arange(len(rows.clips))
    return Encodings(
        rows.clips.clip.to(rows.device), encode_rows(rows, every_row, encode, precision, observer)
    )  # fmt: skip


def num_rows_read(settings: MatchSettings | TrainSettings) -> int:
    """Count the rows that all batches of a stage read together, in one process."""
    batches = settings.critic_steps if isinstance(settings, TrainSettings) else 1
    return settings.steps * settings.batch_size * batches


@torch.no_grad()
def encode_rows(
    rows: Rows, chosen: Tensor, encode: Callable[[Batch], Tensor], precision: str, observer: Observer
) -> Tensor:
    """Encode rows of a split, each with the middle of its speech: (N, dim).

    Args:
        rows: the split.
        chosen: (N,) positions in the split.
        encode: encodes a batch.
        precision: of the computation.
        observer: progress of the command.
    """
    observer.start("encode", len(chosen))
    values, done = [], 0
    with autocast(rows.device, precision):
        for chunk in chosen.split(CHUNK_ROWS):
            values.append(encode(rows.fetch_plain(chunk)).float())
            done += len(chunk)
            observer.advance(done)
    observer.finish()
    return torch.cat(values)
