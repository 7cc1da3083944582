"""shards.json: which tar shards an export consists of, so that one that got lost on the way is missed."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from facegen.core.errors import DataError
from facegen.core.tables import Table

FILE_NAME = "shards.json"
STAGING = ".exporting"


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


def check_export(folder: Path) -> None:
    """See that all shards of an export are there and whole, by their sizes; folders of others are let pass.

    Raises:
        DataError: one is missing or cut short, or the export never came to its end.
    """
    if (folder / STAGING).exists():
        raise DataError(f"{folder / STAGING}: an export is at work here, or was killed; wait for it, or export again")
    path = folder / FILE_NAME
    if not path.is_file():
        return
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
            problems.append(f"{found}: {state}; copy it again, or delete {FILE_NAME} to pack what is there")
    if problems:
        raise DataError(*problems)
