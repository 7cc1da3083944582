"""What `facegen pack` is given, told apart by what it is: a table, a folder of people, tar shards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen.core.errors import DataError
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
    """Where clips come from.

    Attributes:
        importer: "pairs", "folder", "webdataset" or "voxceleb".
        name: for the corpus's provenance; no path, which says more than a corpus should.
        place: for error texts.
        requests: what is asked for.
    """

    importer: str
    name: str
    place: str
    requests: ImportRequests


def read_source(paths: Sequence[Path]) -> ImportSource:
    """Read what is asked for by a table of pairs, a folder of people, a folder of shards, or shards.

    Raises:
        DataError: it is none of these, or cannot be read.
    """
    first = paths[0]
    if len(paths) > 1:
        others = [path for path in paths if not _is_tar(path)]
        if others:
            raise DataError(*(f"{path}: is no tar shard; of anything else, give one" for path in others))
        return _shards(f"{len(paths)} shards", first.parent, paths)
    if first.is_dir():
        if (first / HEADER_FILE).exists():
            raise DataError(f"{first}: is a packed corpus already; give what it was packed from, or train on it")
        shards = find_shards(first)
        if shards:
            return _shards(first.resolve().name, first, shards)
        return ImportSource("folder", first.resolve().name, str(first), read_folder(first))
    if _is_tar(first):
        return _shards(first.name, first, [first])
    return ImportSource("pairs", first.name, str(first), read_pairs(first))


def join_sources(voxceleb: Path, vggface: Path, meta: Path) -> ImportSource:
    """Read what is asked for by VoxCeleb, VGGFace and the table that joins them.

    Raises:
        DataError: one of them cannot be read.
    """
    return ImportSource("voxceleb", meta.name, str(meta), read_voxceleb(voxceleb, vggface, meta))


def _shards(name: str, place: Path, paths: Sequence[Path]) -> ImportSource:
    return ImportSource("webdataset", name, str(place), read_shards(paths))


def _is_tar(path: Path) -> bool:
    """By its ending, or by its first header."""
    if path.suffix.lower() == ".tar":
        return True
    magic, offset = TAR_MAGIC
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(len(magic)) == magic
    except OSError:
        return False
