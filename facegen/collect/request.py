"""Arguments of `facegen collect`: the list of sources and the settings, checked together."""

from collections.abc import Iterable
from pathlib import Path

from facegen.collect.settings import CollectSettings, check_settings
from facegen.collect.sources.source_list import SourceList, read_sources
from facegen.core.errors import DataError


def read_request(
    path: Path, overrides: Iterable[str] = (), *, faithful: bool = False, require_consent: bool = False
) -> tuple[SourceList, CollectSettings]:
    """Read and check a list of sources and the settings in it.

    Args:
        path: a TOML file, or a CSV table of people or of segments.
        overrides: "table.key=value" settings that replace those of the file.
        faithful: select clips by the thesis's rule.
        require_consent: refuse people without a recorded consent.
    Raises:
        DataError: the file cannot be read, or has faults; the error lists all of them.
    """
    problems: list[str] = []
    sources = read_sources(path, problems, require_consent=require_consent)
    settings = check_settings(path, sources.tables, overrides, problems, faithful=faithful)
    if problems or settings is None:
        raise DataError(*problems)
    return sources, settings
