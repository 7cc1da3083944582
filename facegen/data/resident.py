"""A split kept in memory: faces and tracks are read or rendered once, and gathered on the device from then on."""

import torch
from torch import Tensor

from facegen.core.clips import Clips
from facegen.core.interfaces import Dataset
from facegen.core.observer import Observer

CHUNK_ROWS = 64


def resident_bytes(dataset: Dataset, clips: Clips, needs: frozenset[str]) -> int:
    """What `Resident` would hold of a split, in bytes."""
    size = int(clips.num_frames.sum()) * dataset.spec.image_pixels**2 * 3
    return size + (2 * int(clips.track_samples.sum()) if "speech" in needs else 0)


class Resident:
    """Faces and speech of a split, on one device.

    Faces of all clips lie one behind the other, and so do the tracks; a row of the split finds its own by offset.

    Args:
        dataset: where they come from.
        clips: the split.
        needs: the Batch columns in use; speech that nobody needs is not loaded.
        device: where they are kept.
        observer: told how far it is, with the label `stage`.
    """

    def __init__(
        self,
        dataset: Dataset,
        clips: Clips,
        needs: frozenset[str],
        device: torch.device,
        observer: Observer,
        stage: str,
    ) -> None:
        self._device = device
        self._first_frame = (clips.num_frames.cumsum(0) - clips.num_frames).to(device)
        self._first_sample = (clips.track_samples.cumsum(0) - clips.track_samples).to(device)
        self._track_samples = clips.track_samples.to(device)
        has_speech = "speech" in needs
        observer.start(stage, len(clips) * (1 + has_speech))
        self._faces = self._load_faces(dataset, clips, observer)
        self._speech = self._load_speech(dataset, clips, observer) if has_speech else None
        observer.finish()

    def _load_faces(self, dataset: Dataset, clips: Clips, observer: Observer) -> Tensor:
        clip = clips.clip.repeat_interleave(clips.num_frames)
        frame = torch.arange(len(clip)) - self._first_frame.cpu().repeat_interleave(clips.num_frames)
        size = dataset.spec.image_pixels
        faces = torch.empty(len(clip), size, size, 3, dtype=torch.uint8, device=self._device)
        for start in range(0, len(clip), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            faces[chunk] = dataset.faces(clip[chunk].to(self._device), frame[chunk].to(self._device))
            observer.advance(min(start + CHUNK_ROWS, len(clip)) * len(clips) // len(clip))
        return faces

    def _load_speech(self, dataset: Dataset, clips: Clips, observer: Observer) -> Tensor:
        speech = torch.empty(int(clips.track_samples.sum()), dtype=torch.int16, device=self._device)
        done = 0
        # Tracks of one length are fetched together: a renderer is fast on many rows at once.
        for length in torch.unique(clips.track_samples).tolist():
            rows = torch.nonzero(clips.track_samples == length)[:, 0]
            for chunk in rows.split(CHUNK_ROWS):
                clip = clips.clip[chunk].to(self._device)
                tracks = dataset.speech(clip, torch.zeros_like(clip), length)
                places = self._first_sample[chunk.to(self._device)][:, None] + torch.arange(length, device=self._device)
                speech[places] = tracks.to(self._device)
                done += len(chunk)
                observer.advance(len(clips) + done)
        return speech

    def faces(self, rows: Tensor, frame: Tensor) -> Tensor:
        """(B,) rows of the split, (B,) frames -> (B, H, W, 3) uint8."""
        return self._faces[self._first_frame[rows] + frame]

    def speech(self, rows: Tensor, start_samples: Tensor, num_samples: int) -> Tensor:
        """(B,) rows of the split, (B,) starts -> (B, num_samples) int16, repeated where a track ends."""
        if self._speech is None:
            raise RuntimeError("speech was not loaded")
        places = start_samples[:, None] + torch.arange(num_samples, device=self._device)
        return self._speech[self._first_sample[rows][:, None] + places % self._track_samples[rows][:, None]]
