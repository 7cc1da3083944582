"""Writer of a packed corpus: shard by shard, in a staging folder until the corpus is complete."""

from array import array
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from facegen.core.errors import DataError
from facegen.core.files import write_file
from facegen.core.text.names import normalise_name
from facegen.data.corpus.file_swap import renumber, staging_folder, swap
from facegen.data.corpus.header import (
    HEADER_FILE,
    OPTIONAL_COLUMNS,
    STRING_COLUMNS,
    CorpusHeader,
    FreeNames,
    Provenance,
    Shard,
    renumber_shards,
    stored_shards,
)  # fmt: skip
from facegen.data.corpus.shards import ShardWriter, describe_shard
from facegen.data.loading.splits import utterance_number

SHARD_BYTES = 2**30
OVERWRITING_FIRST = 50_000
"""First number in the temporary names of shards that replace older ones, far above the final numbers."""


@dataclass(frozen=True)
class ClipRecord:
    """Metadata of a clip: everything except its faces and its track.

    Attributes:
        identity: name of the person.
        utterance: name of the video, or of the clip itself; all clips of an utterance are held out together. An int is
            taken as its `splits.utterance_number`.
        name: origin of the clip, for people.
        track: number that `CorpusWriter.add_track` returned; -1 without speech.
        attributes: {column: class}.
        caption, consent, source, licence, language: strings; empty if unknown.
        text: (text_dim,) float32, or None.
    """

    identity: str
    utterance: str | int
    name: str
    track: int = -1
    attributes: dict[str, int] = field(default_factory=dict)
    caption: str = ""
    consent: str = ""
    source: str = ""
    text: NDArray[np.float32] | None = None
    licence: str = ""
    language: str = ""


class CorpusWriter:
    """Writer of a packed corpus; use it as a context manager, and call `finish` at the end.

    Files are written to OUT/.staging, and replace an older corpus in one step (`file_swap`). If the process is killed
    at any moment, the older or the new corpus is complete, and the next call deletes the leftovers of the other.

    Args:
        folder: folder of the corpus; created if missing.
        image_pixels: side of the faces.
        sample_rate_hz: sample rate of the speech.
        attribute_classes: {column: number of classes} of the labels that clips may have.
        provenance: origin of the corpus, stored in its header.
        overwrite: replace an existing corpus.
        shard_bytes: a shard is closed before it gets larger than this.
    Raises:
        DataError: on entering, if the folder holds a corpus already, is not a folder, or another process is writing.
    """

    staging: Path
    """Staging folder of the corpus; a table that is written here ends up beside the corpus."""

    def __init__(
        self,
        folder: Path,
        *,
        image_pixels: int,
        sample_rate_hz: int,
        attribute_classes: dict[str, int],
        provenance: Provenance,
        overwrite: bool = False,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self.folder, self._overwrite = folder, overwrite
        self._image_pixels, self._sample_rate_hz = image_pixels, sample_rate_hz
        self._attribute_classes, self._provenance, self._shard_bytes = attribute_classes, provenance, shard_bytes
        self._open: dict[str, ShardWriter] = {}
        self._closed: dict[str, list[Shard]] = {"faces": [], "speech": []}
        self._clips: list[ClipRecord] = []
        self._frame_offsets, self._track_offsets = array("q", [0]), array("q", [0])
        self._frame_time_samples = array("q")
        self._frame_boxes = array("q")

    def __enter__(self) -> Self:
        if self.folder.exists() and not self.folder.is_dir():
            raise DataError(f"{self.folder}: is a file; give a folder")
        with ExitStack() as work:
            try:
                self.staging = work.enter_context(staging_folder(self.folder))
            except OSError as error:
                raise DataError(f"{self.folder}: cannot be written ({error.strerror}); give another folder") from None
            self._old = [path.name for path in stored_shards(self.folder)]
            if not self._overwrite:
                _refuse_older(self.folder, self._old)
            self._names = FreeNames(self._old, OVERWRITING_FIRST if self._old else 0)
            self._work = work.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._open.values():
            writer.abandon()
        self._work.__exit__(kind, error, trace)

    @property
    def num_clips(self) -> int:
        """Number of clips added so far."""
        return len(self._clips)

    def add_track(self, speech: NDArray[np.int16]) -> int:
        """Add a track, (samples,) with at least one, and return its number."""
        if not len(speech):
            raise ValueError("a track needs at least one sample")
        self._append("speech", speech, "int16", ())
        self._track_offsets.append(self._track_offsets[-1] + len(speech))
        return len(self._track_offsets) - 2

    def add_clip(
        self,
        clip: ClipRecord,
        faces: NDArray[np.uint8],
        time_samples: list[int],
        boxes: NDArray[np.int64] | None = None,
    ) -> None:
        """Add a clip with its faces.

        Args:
            clip: its metadata.
            faces: (n, H, W, 3).
            time_samples: positions of the faces in the track; -1 if unknown.
            boxes: (n, 3) left, top and side of the faces in their sources, in pixels.
        """
        if len(faces) != len(time_samples) or not len(faces):
            raise ValueError(f"{len(faces)} faces with {len(time_samples)} times")
        if boxes is not None and boxes.shape != (len(faces), 3):
            raise ValueError(f"{len(faces)} faces with boxes of shape {boxes.shape}")
        if self._clips and _filled_columns(clip) != _filled_columns(self._clips[0]):
            raise ValueError(
                f"{clip.name}: either all clips of a corpus have speech, or none; likewise for caption and text"
            )
        self._append("faces", faces, "uint8", (self._image_pixels, self._image_pixels, 3))
        self._frame_offsets.append(self._frame_offsets[-1] + len(faces))
        self._frame_time_samples.extend(time_samples)
        self._frame_boxes.extend([0] * 3 * len(faces) if boxes is None else boxes.ravel().tolist())
        self._clips.append(replace(clip, identity=normalise_name(clip.identity)))

    def finish(self) -> CorpusHeader:
        """Write the index and the header, and replace an older corpus."""
        if not self._clips:
            raise ValueError("a corpus needs at least one clip")
        for kind in list(self._open):
            self._close(kind)
        names = sorted({clip.identity for clip in self._clips})
        columns = self._columns(names)
        path = self.staging / self._names.next("index")
        write_file(path, save(columns))
        header = self._header(names, columns, describe_shard(path, len(self._clips)))
        new = [shard.file for shard in header.shards]
        swap(self.staging, HEADER_FILE, header.to_json(), new=new, old=self._old)
        return self._numbered_from_0(header)

    def _numbered_from_0(self, header: CorpusHeader) -> CorpusHeader:
        """Rename the shards once the names of an older corpus are free, so that packing twice gives equal files."""
        renamed, changes = renumber_shards(header)
        if changes:
            kept = [shard.file for shard in header.shards if shard.file not in changes]
            if not renumber(self.staging, HEADER_FILE, renamed.to_json(), changes, kept=kept):
                return header
        return renamed

    def _append(self, kind: str, rows: NDArray[Any], dtype: str, row_shape: tuple[int, ...]) -> None:
        writer = self._open.get(kind)
        if writer is not None and writer.num_bytes + rows.nbytes > self._shard_bytes:
            self._close(kind)
            writer = None
        if writer is None:
            path = self.staging / self._names.next(kind)
            writer = self._open[kind] = ShardWriter(path, kind, dtype, row_shape)
        writer.append(rows)

    def _close(self, kind: str) -> None:
        self._closed[kind].append(self._open.pop(kind).close())

    def _columns(self, names: list[str]) -> dict[str, NDArray[Any]]:
        number_of = {name: number for number, name in enumerate(names)}
        clips = self._clips
        columns: dict[str, NDArray[Any]] = {
            "identity": _integers(number_of[clip.identity] for clip in clips),
            "utterance": _integers(_utterance(clip) for clip in clips),
            "track": _integers(clip.track for clip in clips),
            "frame_offsets": np.frombuffer(self._frame_offsets, np.int64),
            "frame_time_samples": np.frombuffer(self._frame_time_samples, np.int64),
            "track_offsets": np.frombuffer(self._track_offsets, np.int64),
        }
        boxes = np.frombuffer(self._frame_boxes, np.int64).reshape(-1, 3)
        if boxes[:, 2].any():
            columns["frame_boxes"] = boxes
        for name in self._attribute_classes:
            labels = _integers(clip.attributes.get(name, -1) for clip in clips)
            if (labels >= 0).any():
                columns[f"attribute.{name}"] = labels
        for name in STRING_COLUMNS:
            encoded = [getattr(clip, name).encode("utf-8", "replace") for clip in clips]
            if any(encoded):
                columns[f"{name}.text"] = np.frombuffer(b"".join(encoded), np.uint8)
                columns[f"{name}.offsets"] = np.cumsum([0, *(len(string) for string in encoded)], dtype=np.int64)
        if clips and clips[0].text is not None:
            columns["text"] = np.stack([clip.text for clip in clips if clip.text is not None])
        return columns

    def _header(self, names: list[str], columns: dict[str, NDArray[Any]], index: Shard) -> CorpusHeader:
        has = {"speech": len(self._track_offsets) > 1, "caption": "caption.text" in columns, "text": "text" in columns}
        return CorpusHeader(
            image_pixels=self._image_pixels,
            sample_rate_hz=self._sample_rate_hz,
            identities=tuple(names),
            attributes={name: n for name, n in self._attribute_classes.items() if f"attribute.{name}" in columns},
            text_dim=columns["text"].shape[1] if has["text"] else 0,
            columns=("faces", "identity", *(name for name in OPTIONAL_COLUMNS if has[name])),
            num_clips=len(self._clips),
            num_frames=self._frame_offsets[-1],
            num_tracks=len(self._track_offsets) - 1,
            num_samples=self._track_offsets[-1],
            faces=tuple(self._closed["faces"]),
            speech=tuple(self._closed["speech"]),
            index=index,
            provenance=self._provenance,
        )


def _filled_columns(clip: ClipRecord) -> tuple[bool, bool, bool]:
    return clip.track >= 0, bool(clip.caption), clip.text is not None


def _utterance(clip: ClipRecord) -> int:
    return clip.utterance if isinstance(clip.utterance, int) else utterance_number(clip.identity, clip.utterance)


def _refuse_older(folder: Path, shards: list[str]) -> None:
    if (folder / HEADER_FILE).exists():
        raise DataError(f"{folder}: holds a corpus already; give another folder, or --overwrite to replace it")
    if shards:
        raise DataError(
            f"{folder}: holds {shards[0]} of a corpus without {HEADER_FILE}; give another folder, or "
            f"--overwrite to replace it"
        )


def _integers(values: Any) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64)
