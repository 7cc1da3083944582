"""A list of sources in TOML: [[person]] tables, and settings beside them."""

import re
import tomllib
from pathlib import Path
from typing import Any

from facegen.collect.sources.csv_rows import PersonRow, PersonTable
from facegen.core.errors import DataError
from facegen.core.recipe.settings import check_table
from facegen.core.text.text_files import read_text

PERSON = "person"


def read_toml_rows(path: Path, problems: list[str]) -> tuple[list[PersonRow], dict[str, Any]]:
    """The people of a TOML file, and its other tables as they stand there.

    Raises:
        DataError: it cannot be read at all; what is wrong with single rows goes to `problems`.
    """
    try:
        text = read_text(path)
        tables = tomllib.loads(text)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; give a list of sources, in TOML or CSV") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: cannot be read as TOML: {error}") from None
    entries = tables.pop(PERSON, [])
    if not (isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)):
        problems.append(f"{path}: person = {entries!r}: must be a list of tables, each written [[person]]")
        return [], tables
    lines = _lines_of_people(text)
    rows = []
    for number, entry in enumerate(entries):
        line = f":{lines[number]}" if len(lines) == len(entries) else ""
        name = f" '{entry['name']}'" if isinstance(entry.get("name"), str) else f" {number + 1}"
        where = f"{path}{line}: [[person]]{name}"
        checked, wrong = check_table(PersonTable, entry)
        problems += [f"{where} {problem}" for problem in wrong]
        if isinstance(checked, PersonTable):
            rows.append(PersonRow(checked, where))
    return rows, tables


def _lines_of_people(text: str) -> list[int]:
    """Where the tables begin; TOML's own reader does not say. A header inside a long string would be counted, too."""
    header = re.compile(r"\s*\[\[\s*[\"']?person[\"']?\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), start=1) if header.match(line)]
