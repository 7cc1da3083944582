"""shards.json: which tar shards an export consists of, so that one that got lost on the way is missed."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from facegen.core.errors import DataError
from facegen.core.recipe.tables import Table
from facegen.data.corpus.file_swap import STAGING

SHARD_LIST_FILE = "shards.json"
TAR_GLOB = f"shard-{'[0-9]' * 5}.tar"


class TarShard(Table):
    """One tar file of an export: its name, how many clips and bytes it has, and its SHA-256."""

    file: Annotated[str, Field(pattern=r"^shard-\d{5}\.tar$")]
    num_clips: Annotated[int, Field(ge=1)]
    num_bytes: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ShardList(Table):
    """The content of shards.json: the version of facegen that exported, and the tar files in their order."""

    facegen: str
    shards: tuple[TarShard, ...]

    def to_json(self) -> bytes:
        """The content of the file."""
        return (self.model_dump_json(indent=1) + "\n").encode()


def tar_name(number: int) -> str:
    """The name of a shard of an export by its number."""
    return f"shard-{number:05d}.tar"


def find_shards(folder: Path) -> list[Path]:
    """The tar files of a folder; of an export, checked by their sizes, without what an interrupted export left.

    Raises:
        DataError: one is missing or cut short, or the export never came to its end.
    """
    tars = sorted(path for path in folder.glob("*.tar") if path.is_file())
    path = folder / SHARD_LIST_FILE
    if not path.is_file():
        if (folder / STAGING).exists():
            raise DataError(f"{folder}: an export is at work here, or was killed; wait for it, or export again")
        return tars
    try:
        listed = ShardList.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        raise DataError(f"{path}: is damaged ({detail}); copy it again, or delete it to pack what is there") from None
    problems = []
    for shard in listed.shards:
        found = folder / shard.file
        size = found.stat().st_size if found.is_file() else -1
        if size != shard.num_bytes:
            state = "is missing" if size < 0 else f"has {size} bytes instead of {shard.num_bytes}"
            problems.append(f"{found}: {state}; copy it again, or delete {SHARD_LIST_FILE} to pack what is there")
    if problems:
        raise DataError(*problems)
    left = set(folder.glob(TAR_GLOB)) - {folder / shard.file for shard in listed.shards}
    return [path for path in tars if path not in left]
