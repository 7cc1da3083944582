"""The header of a packed corpus (corpus.json): its content and its files."""

import json
import re
from collections.abc import Collection
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from facegen.core.errors import DataError
from facegen.core.readable_files import read_bytes
from facegen.core.recipe.settings import check_table
from facegen.core.recipe.tables import Table
from facegen.core.text.printable import printable

FORMAT_VERSION: Literal[1] = 1
OptionalColumn = Literal["speech", "caption", "text"]
OPTIONAL_COLUMNS: tuple[OptionalColumn, ...] = get_args(OptionalColumn)
STRING_COLUMNS = ("name", "caption", "consent", "source", "licence", "language")
HEADER_FILE = "corpus.json"
MAX_BYTES = 2**28
"""Largest corpus.json that is read; the list of people of any usable corpus is shorter."""
MAX_IDENTITY_CHARACTERS = 200

SHARD_NAME = r"^(faces-\d{5}|speech-\d{5}|index(-\d{5})?)\.safetensors$"

Number = Annotated[int, Field(ge=0, lt=2**53)]
Label = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Identity = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=MAX_IDENTITY_CHARACTERS)]


class Shard(Table):
    """One safetensors file of a corpus.

    Attributes:
        file: file name, without a folder.
        num_rows: number of faces or samples; number of clips for the index.
        num_bytes: file size.
        sha256: hash of the whole file.
    """

    file: Annotated[str, Field(pattern=SHARD_NAME)]
    num_rows: Number
    num_bytes: Number
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _stored(text: Any) -> Any:
    """Escape bytes of a file name that are not UTF-8, which JSON cannot hold."""
    return printable(text) if isinstance(text, str) else text


class Provenance(Table):
    """Origin of a corpus: importer, name of the source, version of facegen, and settings."""

    importer: str
    source: Annotated[str, BeforeValidator(_stored)]
    facegen: str
    settings: dict[str, Any]


class CorpusHeader(Table):
    """The content of corpus.json.

    Attributes:
        format_version: version of the format; any other version is refused.
        image_pixels: side of the stored faces.
        sample_rate_hz: sample rate of the stored speech.
        identities: names of all people, sorted.
        attributes: {column: number of classes} of the labels known for at least one clip.
        text_dim: length of the text vectors; 0 if there are none.
        columns: the Batch columns that the corpus can fill.
        num_clips, num_frames, num_tracks, num_samples: counts.
        faces, speech, index: the files.
        provenance: origin of the corpus.
    """

    format_version: Literal[1] = FORMAT_VERSION
    image_pixels: Annotated[int, Field(ge=16, le=1024)]
    sample_rate_hz: Annotated[int, Field(ge=4000, le=96000)]
    identities: Annotated[tuple[Identity, ...], Field(min_length=1)]
    attributes: dict[Label, Annotated[int, Field(ge=2, le=1000)]]
    text_dim: Annotated[int, Field(ge=0, le=65536)]
    columns: tuple[Literal["faces", "identity"] | OptionalColumn, ...]
    num_clips: Number
    num_frames: Number
    num_tracks: Number
    num_samples: Number
    faces: Annotated[tuple[Shard, ...], Field(min_length=1)]
    speech: tuple[Shard, ...]
    index: Shard
    provenance: Provenance

    @property
    def shards(self) -> tuple[Shard, ...]:
        """All files except corpus.json."""
        return (*self.faces, *self.speech, self.index)

    def to_json(self) -> bytes:
        """Encode as the content of corpus.json."""
        return (json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()


class FreeNames:
    """Unused names for new shards, so that a new file never replaces one that is still being read.

    Args:
        taken: names of the existing files.
        first: first number in the new names.
    """

    def __init__(self, taken: Collection[str] = (), first: int = 0) -> None:
        self._taken, self._first = set(taken), first

    def next(self, kind: str) -> str:
        """Return the next unused name of a kind: "faces", "speech" or "index"."""
        plain = ["index.safetensors"] if kind == "index" else []
        numbered = (f"{kind}-{number:05d}.safetensors" for number in count(self._first))
        name = next(name for name in chain(plain, numbered) if name not in self._taken)
        self._taken.add(name)
        return name


def renumber_shards(header: CorpusHeader) -> tuple[CorpusHeader, dict[str, str]]:
    """Number the shards from 0, as in a corpus that is packed into an empty folder.

    Returns:
        The header with the new names, and {old name: new name} of the shards that change.
    """
    names, changes = FreeNames(), {}

    def renamed(shard: Shard) -> Shard:
        name = names.next(shard.file.split("-")[0].split(".")[0])
        if name != shard.file:
            changes[shard.file] = name
        return shard.model_copy(update={"file": name})

    faces, speech = tuple(map(renamed, header.faces)), tuple(map(renamed, header.speech))
    update = {"faces": faces, "speech": speech, "index": renamed(header.index)}
    return header.model_copy(update=update), changes


def stored_shards(folder: Path) -> list[Path]:
    """List the files of a folder that are named like shards of a corpus, in its header or not."""
    return sorted(path for path in folder.glob("*.safetensors") if re.fullmatch(SHARD_NAME, path.name))


def read_header(folder: Path) -> CorpusHeader:
    """Read and check the header of a corpus; the files that it names are not checked.

    Raises:
        DataError: it is missing, damaged, of another version, or contradicts itself.
    """
    path = folder / HEADER_FILE
    values = _read_json(folder, path)
    version = values.get("format_version")
    if version != FORMAT_VERSION:
        raise DataError(
            f"{path}: format_version = {json.dumps(version)}; this facegen reads {FORMAT_VERSION}; "
            f"pack the corpus again, or use the version of facegen that packed it"
        )
    checked, problems = check_table(CorpusHeader, values)
    if isinstance(checked, CorpusHeader):
        problems = _contradictions(checked)
    if problems or not isinstance(checked, CorpusHeader):
        raise DataError(*(f"{path}: {problem[:500]}" for problem in problems[:20]), f"{path}: pack the corpus again")
    return checked


def _read_json(folder: Path, path: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise DataError(f"{folder}: {'is not a folder' if folder.exists() else 'does not exist'}; give a packed corpus")
    if not path.is_file():
        raise DataError(
            f"{folder}: has no {HEADER_FILE}: it is not a packed corpus, or packing was interrupted; "
            f"make one with `facegen pack PAIRS.csv --out {folder}`"
        )
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path}: is larger than {MAX_BYTES >> 20} MiB, the limit for a corpus; pack the corpus again")
    try:
        values = json.loads(read_bytes(path).decode())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not valid JSON ({error}); pack the corpus again") from None
    if not isinstance(values, dict):
        raise DataError(f"{path}: is not a JSON object; pack the corpus again")
    return values


def _contradictions(header: CorpusHeader) -> list[str]:
    columns = set(header.columns)
    names = [shard.file for shard in header.shards]
    kinds = [(header.faces, "faces-"), (header.speech, "speech-"), ((header.index,), "index")]
    checks = {
        "identities must be sorted and unique": list(header.identities) == sorted(set(header.identities)),
        "columns must include faces and identity": {"faces", "identity"} <= columns,
        "columns must include speech if and only if num_tracks > 0": ("speech" in columns) == (header.num_tracks > 0),
        "columns must include text if and only if text_dim > 0": ("text" in columns) == (header.text_dim > 0),
        "every file must be named once, in the list of its kind": len(set(names)) == len(names)
        and all(shard.file.startswith(prefix) for shards, prefix in kinds for shard in shards),
        "num_frames must be the sum of num_rows of the face shards": sum(s.num_rows for s in header.faces)
        == header.num_frames,
        "num_samples must be the sum of num_rows of the speech shards": sum(s.num_rows for s in header.speech)
        == header.num_samples,
        "num_clips must be num_rows of the index": header.index.num_rows == header.num_clips,
        "there must be at least one clip": header.num_clips > 0,
    }
    return [message for message, holds in checks.items() if not holds]
