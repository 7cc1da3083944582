"""What a call of `facegen collect` asks for: who, what and how, with all that is wrong with it at once."""

from collections.abc import Iterable
from pathlib import Path

from facegen.collect.settings import CollectSettings, check_settings
from facegen.collect.sources.source_list import SourceList, read_sources
from facegen.core.errors import DataError


def read_request(
    path: Path, overrides: Iterable[str] = (), *, faithful: bool = False, require_consent: bool = False
) -> tuple[SourceList, CollectSettings]:
    """Read and check a list of sources, and the settings in it.

    Args:
        path: a TOML file, or a CSV table of people or of segments.
        overrides: "table.key=value" pairs, laid over its tables.
        faithful: the thesis's own rule decides which clips are kept.
        require_consent: refuse people of whom no consent is recorded.
    Raises:
        DataError: it cannot be read, or something in it is wrong; every problem that was found.
    """
    problems: list[str] = []
    sources = read_sources(path, problems, require_consent=require_consent)
    settings = check_settings(path, sources.tables, overrides, problems, faithful=faithful)
    if problems or settings is None:
        raise DataError(*problems)
    return sources, settings
