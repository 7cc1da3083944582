"""Loader of the batch of each step: rows, frames, and crops of the speech."""

from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.errors import DataError
from facegen.core.randomness import generator_for
from facegen.data.loading.prepare import mirror_faces
from facegen.data.loading.rows import Rows
from facegen.data.loading.sampler import Sampler, draw_mismatched_rows
from facegen.data.loading.transfer import to_device


class Loader:
    """Loader of the batches of a split, which are a pure function of (seed, step).

    Args:
        rows: the split.
        batch_size: number of rows per step.
        num_mismatched: number of mismatched rows (rows of other people) per row.
        seed: random seed of order, frames and crops.
        needs: the Batch columns to fill besides faces.
        with_faces: fill the faces, too; otherwise they have no pixels, for a stage whose features of faces are cached.
    Raises:
        DataError: the split is smaller than a batch, or cannot be balanced as asked.
    """

    def __init__(
        self,
        rows: Rows,
        batch_size: int,
        num_mismatched: int,
        seed: int,
        needs: frozenset[str],
        *,
        with_faces: bool = True,
    ) -> None:
        if len(rows.clips) < batch_size:
            raise DataError(
                f"the split '{rows.split}' holds {len(rows.clips)} clips, fewer than the batch of {batch_size}; "
                f"use more data, or a smaller batch_size"
            )
        self.rows = rows
        self.num_mismatched = max(num_mismatched, 1)
        self.seed = seed
        self.needs, self.with_faces = needs, with_faces
        self.sampler = Sampler(rows.clips, batch_size, seed, rows.settings.balance)
        self._ahead: tuple[int, Future[Batch]] | None = None
        self._worker = None if rows.is_resident else ThreadPoolExecutor(1, thread_name_prefix="facegen-loader")

    def batch(self, step: int, stride: int = 1) -> Batch:
        """Return the batch of a step; a split that is not resident is read one batch ahead, in a thread.

        Args:
            step: number of the step.
            stride: distance to the step of the next call; steps in between belong to other processes.
        """
        if self._worker is None:
            return self._batch(step)
        ahead, self._ahead = self._ahead, None
        batch = ahead[1].result() if ahead is not None and ahead[0] == step else self._batch(step)
        self._ahead = (step + stride, self._worker.submit(self._batch, step + stride))
        return batch

    def _batch(self, step: int) -> Batch:
        clips, settings = self.rows.clips, self.rows.settings
        generator = generator_for(self.seed, "batch", step)
        rows = self.sampler.rows(step)
        draws = torch.rand(len(rows), 3, generator=generator, dtype=torch.float64)
        frame = (draws[:, 0] * clips.num_frames[rows]).long()
        start = self._start_samples(rows, frame, draws[:, 1]) if "speech" in self.needs else torch.zeros_like(rows)
        mismatched = draw_mismatched_rows(clips.person[rows], self.num_mismatched, generator)
        # Drawn last, so that the other draws do not depend on the columns.
        identity_draw = torch.rand(len(rows), generator=generator, dtype=torch.float64)
        batch = self.rows.fetch(
            rows, frame, start, mismatched, self.needs, identity_draw, with_faces=self.with_faces
        )  # fmt: skip
        if settings.mirror and self.rows.split == "train":
            mirrored = to_device(draws[:, 2] < 0.5, self.rows.device)
            batch = batch.with_faces(mirror_faces(batch.faces, mirrored))
        return batch

    def _start_samples(self, rows: Tensor, frame: Tensor, draw: Tensor) -> Tensor:
        clips, settings = self.rows.clips, self.rows.settings
        length = settings.speech_samples
        spare = (clips.track_samples[rows] - length).clamp(min=0)
        if settings.pairing != "centred" and settings.crop == "fixed":
            return spare // 2
        moment = self.rows.dataset.frame_samples(clips.clip[rows], frame).cpu()
        if settings.pairing == "centred":
            centred = torch.minimum((moment - length // 2).clamp(min=0), spare)
            return torch.where(moment >= 0, centred, spare // 2)
        return start_at_other_time(spare, moment, length, draw)


def start_at_other_time(spare: Tensor, moment: Tensor, length: int, draw: Tensor) -> Tensor:
    """Draw the start of a crop that does not contain the time of the frame, or any start if there is no such crop.

    Args:
        spare: (B,) last possible start, in samples.
        moment: (B,) position of the frame in the track, in samples; -1 if unknown.
        length: length of the crop, in samples.
        draw: (B,) uniform in [0, 1).
    Returns:
        (B,) first samples of the crops.
    """
    before = torch.where(moment >= 0, (moment - length + 1).clamp(min=0), 0).minimum(spare + 1)
    after = torch.where(moment >= 0, (spare - moment).clamp(min=0), 0)
    anywhere = before + after == 0
    choices = torch.where(anywhere, spare + 1, before + after)
    start = (draw * choices).long()
    return torch.where(anywhere | (start < before), start, start - before + moment + 1)
