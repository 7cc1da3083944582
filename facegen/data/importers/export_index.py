"""The list of tar shards of an export (shards.json), by which a lost or truncated shard is detected."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from facegen.core.errors import DataError
from facegen.core.readable_files import read_bytes
from facegen.core.recipe.tables import Table
from facegen.data.corpus.file_swap import STAGING

SHARD_LIST_FILE = "shards.json"
TAR_GLOB = f"shard-{'[0-9]' * 5}.tar"


class TarShard(Table):
    """One tar file of an export: name, number of clips, size in bytes, and SHA-256."""

    file: Annotated[str, Field(pattern=r"^shard-\d{5}\.tar$")]
    num_clips: Annotated[int, Field(ge=1)]
    num_bytes: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ShardList(Table):
    """Content of shards.json: the version of facegen that wrote it, and the tar files in order."""

    facegen: str
    shards: tuple[TarShard, ...]

    def to_json(self) -> bytes:
        """Encode as the content of shards.json."""
        return (self.model_dump_json(indent=1) + "\n").encode()


def tar_name(number: int) -> str:
    """Return the file name of a shard by its number."""
    return f"shard-{number:05d}.tar"


def find_shards(folder: Path) -> list[Path]:
    """List the tar files of a folder; those of an export are checked by size, and leftovers of an older one skipped.

    Raises:
        DataError: a shard is missing or truncated, or the export was interrupted.
    """
    tars = sorted(path for path in folder.glob("*.tar") if path.is_file())
    path = folder / SHARD_LIST_FILE
    if not path.is_file():
        if (folder / STAGING).exists():
            raise DataError(
                f"{folder}: an export is writing here, or was interrupted; wait until it ends, or export again"
            )
        return tars
    try:
        listed = ShardList.model_validate_json(read_bytes(path))
    except (OSError, ValidationError) as error:
        detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        raise DataError(
            f"{path}: is damaged ({detail}); copy it again, or delete it to pack the existing shards"
        ) from None
    problems = []
    for shard in listed.shards:
        shard_path = folder / shard.file
        size = shard_path.stat().st_size if shard_path.is_file() else -1
        if size != shard.num_bytes:
            state = "is missing" if size < 0 else f"has {size} bytes instead of {shard.num_bytes}"
            problems.append(
                f"{shard_path}: {state}; copy it again, or delete {SHARD_LIST_FILE} to pack the existing shards"
            )
    if problems:
        raise DataError(*problems)
    leftovers = set(folder.glob(TAR_GLOB)) - {folder / shard.file for shard in listed.shards}
    return [path for path in tars if path not in leftovers]
