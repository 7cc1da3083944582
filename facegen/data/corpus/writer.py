"""Writes a packed corpus: shard by shard, in a folder of its own until all is there."""

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
from facegen.data.corpus import header as corpus_json
from facegen.data.corpus.file_swap import renumber, staging_folder, swap
from facegen.data.corpus.header import (
    OPTIONAL_COLUMNS,
    STRING_COLUMNS,
    CorpusHeader,
    FreeNames,
    Provenance,
    Shard,
    numbered_from_0,
    stored_shards,
)  # fmt: skip
from facegen.data.corpus.shards import ShardWriter, describe_shard
from facegen.data.loading.splits import utterance_number

SHARD_BYTES = 2**30
OVERWRITING_FIRST = 50_000
"""First number of shards that replace others, until they can be renamed: far from the names of both."""


@dataclass(frozen=True)
class ClipRecord:
    """What is known of a clip beside its faces and its track.

    Attributes:
        identity: who it is.
        utterance: the video, or the clip itself; all clips of one are held out together. A number is its
            `splits.utterance_number` already.
        name: where it came from, for people who look for it.
        track: what `CorpusWriter.add_track` answered; -1 without speech.
        attributes: {column: class}.
        caption, consent, source, licence, language: strings; empty where unknown.
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
    """Writes a packed corpus; use as a context manager, and call `finish` at the end.

    Everything goes to OUT/.staging first, and takes the place of an older corpus at once (`file_swap`): interrupted at
    any moment, the older corpus or the new one is whole, and the next call deletes what is left of the other.

    Args:
        folder: where the corpus goes; made if need be.
        image_pixels: side of the faces.
        sample_rate_hz: of the speech.
        attribute_classes: {column: number of classes} of labels that clips may have.
        provenance: stored with the corpus.
        overwrite: replace a corpus that is there already.
        shard_bytes: a shard is closed when it is larger.
    Raises:
        DataError: on entering: there is a corpus already, something else, or another process at work.
    """

    staging: Path
    """Where the corpus is written; a table that is put here appears beside the corpus."""

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
        """How many clips were added so far."""
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
            clip: what is known of it.
            faces: (n, H, W, 3).
            time_samples: their places in its track; -1 where unknown.
            boxes: (n, 3) left, top and side of the faces in their sources, in pixels.
        """
        if len(faces) != len(time_samples) or not len(faces):
            raise ValueError(f"{len(faces)} faces with {len(time_samples)} times")
        if boxes is not None and boxes.shape != (len(faces), 3):
            raise ValueError(f"{len(faces)} faces with boxes of shape {boxes.shape}")
        if self._clips and _has(clip) != _has(self._clips[0]):
            raise ValueError(f"{clip.name}: all clips of a corpus have speech, caption and text, or none has")
        self._append("faces", faces, "uint8", (self._image_pixels, self._image_pixels, 3))
        self._frame_offsets.append(self._frame_offsets[-1] + len(faces))
        self._frame_time_samples.extend(time_samples)
        self._frame_boxes.extend([0] * 3 * len(faces) if boxes is None else boxes.ravel().tolist())
        self._clips.append(replace(clip, identity=normalise_name(clip.identity)))

    def finish(self) -> CorpusHeader:
        """Write the index, and let the corpus take the place of an older one."""
        if not self._clips:
            raise ValueError("a corpus needs at least one clip")
        for kind in list(self._open):
            self._close(kind)
        names = sorted({clip.identity for clip in self._clips})
        columns = self._columns(names)
        path = self.staging / self._names.next("index")
        write_file(path, save(columns))
        header = self._manifest(names, columns, describe_shard(path, len(self._clips)))
        new = [shard.file for shard in header.shards]
        swap(self.staging, corpus_json.FILE_NAME, header.to_json(), new=new, old=self._old)
        return self._numbered_from_0(header)

    def _numbered_from_0(self, header: CorpusHeader) -> CorpusHeader:
        """The names that an older corpus had are free now, so that packing twice gives the same files."""
        renamed, changes = numbered_from_0(header)
        if changes:
            kept = [shard.file for shard in header.shards if shard.file not in changes]
            if not renumber(self.staging, corpus_json.FILE_NAME, renamed.to_json(), changes, kept=kept):
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

    def _manifest(self, names: list[str], columns: dict[str, NDArray[Any]], index: Shard) -> CorpusHeader:
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


def _has(clip: ClipRecord) -> tuple[bool, bool, bool]:
    return clip.track >= 0, bool(clip.caption), clip.text is not None


def _utterance(clip: ClipRecord) -> int:
    return clip.utterance if isinstance(clip.utterance, int) else utterance_number(clip.identity, clip.utterance)


def _refuse_older(folder: Path, shards: list[str]) -> None:
    if (folder / corpus_json.FILE_NAME).exists():
        raise DataError(f"{folder}: holds a corpus already; give another folder, or --overwrite to replace it")
    if shards:
        raise DataError(
            f"{folder}: holds {shards[0]} of a corpus without {corpus_json.FILE_NAME}; give another folder, or "
            f"--overwrite to replace it"
        )


def _integers(values: Any) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64)
