"""Detection of the kind of source given to `facegen pack`: a table, a folder of people, or tar shards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen.core.errors import DataError
from facegen.core.readable_files import open_bytes, real_path
from facegen.data.corpus.header import HEADER_FILE
from facegen.data.importers.clip_requests import ImportRequests
from facegen.data.importers.export_index import find_shards
from facegen.data.importers.folder import read_folder
from facegen.data.importers.table import read_pairs
from facegen.data.importers.voxceleb import read_voxceleb
from facegen.data.importers.webdataset import read_shards

TAR_MAGIC = (b"ustar", 257)


@dataclass(frozen=True)
class ImportSource:
    """A source of clips.

    Attributes:
        importer: "pairs", "folder", "webdataset" or "voxceleb".
        name: name in the provenance of the corpus; not a path, because a path can reveal private information.
        place: path for error messages.
        requests: the clips of the source.
    """

    importer: str
    name: str
    place: str
    requests: ImportRequests


def read_source(paths: Sequence[Path]) -> ImportSource:
    """Detect and read a source: a table of pairs, a folder of people, a folder of shards, or shards.

    Raises:
        DataError: the source is none of these, or cannot be read.
    """
    first = paths[0]
    if len(paths) > 1:
        others = [path for path in paths if not _is_tar(path)]
        if others:
            raise DataError(*(f"{path}: is not a tar shard; several paths must all be tar shards" for path in others))
        return _shards(f"{len(paths)} shards", first.parent, paths)
    if first.is_dir():
        if (first / HEADER_FILE).exists():
            raise DataError(
                f"{first}: is a packed corpus already; train on it, or give the source that it was packed from"
            )
        shards = find_shards(first)
        if shards:
            return _shards(real_path(first).name, first, shards)
        return ImportSource("folder", real_path(first).name, str(first), read_folder(first))
    if _is_tar(first):
        return _shards(first.name, first, [first])
    return ImportSource("pairs", first.name, str(first), read_pairs(first))


def join_sources(voxceleb: Path, vggface: Path | None, meta: Path, frames: Path | None = None) -> ImportSource:
    """Read a source that joins speech and images of VoxCeleb and images of VGGFace by the table of VoxCeleb.

    Raises:
        DataError: one of them cannot be read.
    """
    return ImportSource("voxceleb", meta.name, str(meta), read_voxceleb(voxceleb, vggface, meta, frames))


def _shards(name: str, place: Path, paths: Sequence[Path]) -> ImportSource:
    return ImportSource("webdataset", name, str(place), read_shards(paths))


def _is_tar(path: Path) -> bool:
    """Check for a tar file, by its extension or by its first header."""
    if path.suffix.lower() == ".tar":
        return True
    magic, offset = TAR_MAGIC
    try:
        if not path.is_file():  # opening a pipe would wait for its writer
            return False
        with open_bytes(path) as file:
            file.seek(offset)
            return file.read(len(magic)) == magic
    except OSError:
        return False
