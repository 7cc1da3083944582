"""A split held in memory: faces and tracks are read or rendered once, then gathered on the device."""

import hashlib
import math
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing

import torch
from torch import Tensor

from facegen.core.cache import has_rendered, load_rendered, save_rendered
from facegen.core.clips import Clips
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer

CHUNK_ROWS = 64


def resident_bytes(dataset: Dataset, clips: Clips, needs: frozenset[str]) -> int:
    """Compute the memory of a `ResidentSplit`, in bytes."""
    size = int(clips.num_frames.sum()) * dataset.spec.image_pixels**2 * 3
    return size + (2 * int(clips.track_samples.sum()) if "speech" in needs else 0)


def fits_in_memory(num_bytes: int, resident_gib: float, device: torch.device) -> bool:
    """Tell whether a split is held on the device: up to `resident_gib`, and half of what is free on a GPU."""
    free = torch.cuda.mem_get_info(device)[0] / 2 if device.type == "cuda" else math.inf
    return num_bytes <= min(resident_gib * 2**30, free)


def _key(dataset: Dataset, clips: Clips, has_speech: bool) -> str:
    """Hash the corpus, the rows, and the columns that are held."""
    digest = hashlib.sha256(f"{dataset.fingerprint()} {has_speech}".encode())
    for numbers in (clips.clip, clips.num_frames, clips.track_samples):
        digest.update(numbers.numpy().tobytes())
    return digest.hexdigest()[:32]


def is_rendered_already(dataset: Dataset, clips: Clips, needs: frozenset[str]) -> bool:
    """Tell whether a `ResidentSplit` would be read from the cache on disk."""
    return dataset.is_rendered and has_rendered(_key(dataset, clips, "speech" in needs))


class ResidentSplit:
    """Faces and speech of a split, in the memory of one device.

    The faces of all clips are concatenated, and so are the tracks; offsets locate those of each row. Rendered data is
    also cached on disk.

    Args:
        dataset: source of faces and speech.
        clips: the split.
        needs: the Batch columns in use; speech is loaded only if it is in use.
        device: device that holds the data.
        observer: receives the progress.
        stage: name of this step for the observer.
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
        key = _key(dataset, clips, has_speech) if dataset.is_rendered else ""
        cached = load_rendered(key) if key else None
        if cached is not None:
            self._faces = cached["faces"].to(device)
            self._speech = cached["speech"].to(device) if has_speech else None
            return
        observer.start(stage, len(clips) * (1 + has_speech))
        self._faces = self._load_faces(dataset, clips, observer)
        self._speech = self._load_speech(dataset, clips, observer) if has_speech else None
        observer.finish()
        if key:
            save_rendered(key, {"faces": self._faces} | ({} if self._speech is None else {"speech": self._speech}))

    def _load_faces(self, dataset: Dataset, clips: Clips, observer: Observer) -> Tensor:
        clip = clips.clip.repeat_interleave(clips.num_frames)
        frame = torch.arange(len(clip)) - self._first_frame.cpu().repeat_interleave(clips.num_frames)
        size = dataset.spec.image_pixels
        faces = torch.empty(len(clip), size, size, 3, dtype=torch.uint8, device=self._device)

        def load(rows: Tensor) -> None:
            faces[rows[0] : rows[-1] + 1] = dataset.faces(clip[rows].to(self._device), frame[rows].to(self._device))

        with closing(self._loaded(load, list(torch.arange(len(clip)).split(CHUNK_ROWS)))) as loaded:
            for done in loaded:
                observer.advance(done * len(clips) // len(clip))
        return faces

    def _load_speech(self, dataset: Dataset, clips: Clips, observer: Observer) -> Tensor:
        speech = torch.empty(int(clips.track_samples.sum()), dtype=torch.int16, device=self._device)

        def load(rows: Tensor) -> None:
            length = int(clips.track_samples[rows[0]])
            clip = clips.clip[rows].to(self._device)
            tracks = dataset.speech(clip, torch.zeros_like(clip), length)
            starts = self._first_sample[rows.to(self._device)]
            speech[starts[:, None] + torch.arange(length, device=self._device)] = tracks.to(self._device)

        # Tracks of equal length are fetched together, because rendering many rows at once is faster.
        lengths = torch.unique(clips.track_samples).tolist()
        rows_by_length = [torch.nonzero(clips.track_samples == length)[:, 0] for length in lengths]
        chunks = [chunk for rows in rows_by_length for chunk in rows.split(CHUNK_ROWS)]
        with closing(self._loaded(load, chunks)) as loaded:
            for done in loaded:
                observer.advance(len(clips) + done)
        return speech

    def _loaded(self, load: Callable[[Tensor], None], chunks: list[Tensor]) -> Generator[int, None, None]:
        """Load chunks and yield the number of rows loaded so far; on a CPU, every core loads its own chunk.

        Rendering consists of many small operations, which run faster one chunk per core than shared between cores.
        """
        cores = torch.get_num_threads()
        if self._device.type != "cpu" or cores == 1:
            done = 0
            for chunk in chunks:
                load(chunk)
                done += len(chunk)
                yield done
            return
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(cores) as pool:
                try:
                    running = {pool.submit(load, chunk): len(chunk) for chunk in chunks}
                    done = 0
                    for finished in as_completed(running):
                        finished.result()
                        done += running[finished]
                        yield done
                finally:
                    pool.shutdown(cancel_futures=True)  # on Ctrl-C, chunks that have not begun are not loaded
        finally:
            torch.set_num_threads(cores)

    def faces(self, rows: Tensor, frame: Tensor) -> Tensor:
        """Gather faces: (B,) rows of the split, (B,) frames -> (B, H, W, 3) uint8."""
        return self._faces[self._first_frame[rows] + frame]

    def speech(self, rows: Tensor, start_samples: Tensor, num_samples: int) -> Tensor:
        """Crop speech: (B,) rows of the split, (B,) starts -> (B, num_samples) int16; short tracks are repeated."""
        if self._speech is None:
            raise RuntimeError("speech was not loaded")
        places = start_samples[:, None] + torch.arange(num_samples, device=self._device)
        return self._speech[self._first_sample[rows][:, None] + places % self._track_samples[rows][:, None]]
