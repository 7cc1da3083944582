"""Export of a packed corpus as WebDataset tar shards, from which `facegen pack` restores it bit for bit."""

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from facegen import __version__
from facegen.core.errors import DataError
from facegen.core.files import sync_file
from facegen.core.progress import Observer
from facegen.data.corpus.file_swap import renumber, staging_folder, swap
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.shards import sha256_of
from facegen.data.importers.ahead import run_ahead
from facegen.data.importers.export_index import SHARD_LIST_FILE, TAR_GLOB, ShardList, TarShard, tar_name
from facegen.data.media.audio_encoding import encode_flac, encode_wav

SHARD_BYTES = 2**29
OVERWRITING_FIRST = 50_000
"""First number in the temporary names of shards that replace older ones, far above the final numbers."""
ENCODERS = {"flac": encode_flac, "wav": encode_wav}
SEX_LETTERS = "fm"

Files = dict[str, bytes]


@dataclass(frozen=True)
class ExportReport:
    """Result of an export.

    Attributes:
        folder: folder of the export.
        shards: the tar files.
        num_clips, num_faces: their content.
    """

    folder: Path
    shards: tuple[TarShard, ...]
    num_clips: int
    num_faces: int


def export_shards(
    corpus_dir: Path,
    out: Path,
    *,
    speech: Literal["flac", "wav"] = "flac",
    shard_bytes: int = SHARD_BYTES,
    overwrite: bool = False,
    observer: Observer | None = None,
) -> ExportReport:
    """Write every clip of a corpus as a sample: faces as PNG, speech as FLAC or WAV, the rest as JSON and NPY.

    The same corpus gives the same bytes. Files are written to OUT/.staging, and replace an older export in one step
    (`file_swap`). If the process is killed at any moment, the older or the new export is complete. A track that several
    clips share is written with each clip.

    Args:
        corpus_dir: the corpus.
        out: folder of the shards; created if missing.
        speech: format of the speech; both formats are lossless.
        shard_bytes: a shard is closed before it gets larger than this, unless a single clip is larger.
        overwrite: replace an existing export.
        observer: receives the progress.
    Raises:
        DataError: the corpus is missing, or the folder cannot be written or holds an export already.
    """
    corpus = Corpus.open(corpus_dir)
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file; give a folder")
    try:
        with staging_folder(out) as staging:
            if not overwrite and any(out.glob("*.tar")):
                raise DataError(f"{out}: holds tar shards already; give another folder, or --overwrite to replace them")
            old = [path.name for path in sorted(out.glob(TAR_GLOB))]
            shards = tuple(_write(corpus, staging, _free_names(old), speech, shard_bytes, observer or Observer()))
            swap(staging, SHARD_LIST_FILE, _listing(shards), new=[shard.file for shard in shards], old=old)
            shards = _numbered_from_0(staging, shards)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{out}: cannot be written ({reason}); free disk space, or give another folder") from None
    return ExportReport(out, shards, corpus.header.num_clips, corpus.header.num_frames)


def _free_names(old: list[str]) -> Iterator[str]:
    numbers = count(OVERWRITING_FIRST if old else 0)
    return (name for name in map(tar_name, numbers) if name not in old)


def _listing(shards: tuple[TarShard, ...]) -> bytes:
    return ShardList(facegen=__version__, shards=shards).to_json()


def _numbered_from_0(staging: Path, shards: tuple[TarShard, ...]) -> tuple[TarShard, ...]:
    """Rename the shards once the names of an older export are free, so that the same corpus gives the same files."""
    renamed = tuple(shard.model_copy(update={"file": tar_name(number)}) for number, shard in enumerate(shards))
    changes = {old.file: new.file for old, new in zip(shards, renamed, strict=True)}
    if renamed != shards and renumber(staging, SHARD_LIST_FILE, _listing(renamed), changes):
        return renamed
    return shards


def _write(
    corpus: Corpus, staging: Path, names: Iterator[str], speech: str, shard_bytes: int, observer: Observer
) -> Iterator[TarShard]:
    observer.start("export", corpus.header.num_clips)
    shard = _OpenShard(staging / next(names))
    try:
        for clip, files in enumerate(_samples(corpus, speech)):
            size = sum(2 * tarfile.BLOCKSIZE + len(content) for content in files.values())
            if shard.num_clips and shard.tar.offset + size + tarfile.RECORDSIZE > shard_bytes:
                yield shard.finish()
                shard = _OpenShard(staging / next(names))
            shard.add(f"{clip:09d}", files)
            observer.advance(clip + 1)
        yield shard.finish()
    finally:
        shard.abandon()
    observer.finish()


class _OpenShard:
    """Writer of one tar file."""

    def __init__(self, path: Path) -> None:
        self.path, self.num_clips = path, 0
        self.file = path.open("xb")
        self.tar = tarfile.open(fileobj=self.file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def add(self, key: str, files: Files) -> None:
        for extension, content in files.items():
            # No owner and no time, so that the same corpus gives the same bytes.
            entry = tarfile.TarInfo(f"{key}.{extension}")
            entry.size = len(content)
            self.tar.addfile(entry, io.BytesIO(content))
        self.tar.members = []  # type: ignore[attr-defined]
        self.num_clips += 1

    def finish(self) -> TarShard:
        self.tar.close()
        self.file.close()
        sync_file(self.path)
        size, digest = self.path.stat().st_size, sha256_of(self.path)
        return TarShard(file=self.path.name, num_clips=self.num_clips, num_bytes=size, sha256=digest)

    def abandon(self) -> None:
        # On a full disk, closing fails again.
        with suppress(OSError):
            self.file.close()


def _samples(corpus: Corpus, speech: str) -> Iterator[Files]:
    """Yield {extension: content} of every clip in order; threads encode a few clips ahead."""
    tasks = (partial(_sample, corpus, clip, speech) for clip in range(corpus.header.num_clips))
    return run_ahead(tasks, "facegen-export")


def _sample(corpus: Corpus, clip: int, speech: str) -> Files:
    index, rate = corpus.index, corpus.header.sample_rate_hz
    frames = torch.arange(int(index.frame_offsets[clip + 1] - index.frame_offsets[clip]))
    faces = corpus.faces(torch.full_like(frames, clip), frames).numpy()
    files = {f"{number}.png" if number else "png": _png(face) for number, face in enumerate(faces)}
    track = int(index.track[clip])
    if track >= 0:
        length = int(index.track_offsets[track + 1] - index.track_offsets[track])
        samples = corpus.speech(torch.tensor([clip]), torch.tensor([0]), length)[0].numpy()
        files[speech] = ENCODERS[speech](samples, rate)
    if index.text is not None:
        vector = io.BytesIO()
        np.save(vector, index.text[clip].numpy(), allow_pickle=False)
        files["npy"] = vector.getvalue()
    files["json"] = (json.dumps(_metadata(corpus, clip), ensure_ascii=False, indent=1) + "\n").encode()
    return files


def _metadata(corpus: Corpus, clip: int) -> dict[str, Any]:
    """Collect the content of the JSON file; `utterance` is a string, as some JSON readers have no 63-bit integers."""
    header, index = corpus.header, corpus.index
    first, end = index.frame_offsets[clip : clip + 2].tolist()
    times = [t / header.sample_rate_hz if t >= 0 else None for t in index.frame_time_samples[first:end].tolist()]
    labels = {name: int(column[clip]) for name, column in index.attributes.items() if column[clip] >= 0}
    sex = labels.pop("sex", -1)
    metadata = {
        "identity": header.identities[int(index.identity[clip])],
        "sex": SEX_LETTERS[sex] if sex >= 0 else "",
        **{name: column.at(torch.tensor([clip]))[0] for name, column in index.strings.items()},
        "times": times if any(time is not None for time in times) else None,
        "boxes": _boxes(corpus, first, end),
        "attributes": labels,
        "utterance": str(int(index.utterance[clip])),
        "image_pixels": header.image_pixels,
        "sample_rate_hz": header.sample_rate_hz,
    }
    return {key: value for key, value in metadata.items() if value not in ("", None, {})}


def _boxes(corpus: Corpus, first: int, end: int) -> list[list[int]] | None:
    boxes = corpus.index.frame_boxes
    return None if boxes is None or not bool(boxes[first:end, 2].any()) else boxes[first:end].tolist()


def _png(face: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(face).save(buffer, format="PNG")
    return buffer.getvalue()
