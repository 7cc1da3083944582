"""Reader of lists of sources in TOML: [[person]] tables, and tables of settings."""

import re
import tomllib
from pathlib import Path
from typing import Any

from facegen.collect.sources.csv_rows import PersonRow, PersonTable
from facegen.core.errors import DataError
from facegen.core.recipe.settings import check_table
from facegen.core.text.shown import shown
from facegen.core.text.text_files import read_text
from facegen.core.text.toml_text import parse_toml

PERSON = "person"
MAX_LIST_CHARACTERS = 2**24
"""Largest length of a list of sources: some 100,000 people."""


def read_toml_rows(path: Path, problems: list[str]) -> tuple[list[PersonRow], dict[str, Any]]:
    """Read the people of a TOML file, and its other tables unchecked.

    Faults of single rows are added to `problems`.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        text = read_text(path, MAX_LIST_CHARACTERS)
        tables = parse_toml(text, MAX_LIST_CHARACTERS)
    except FileNotFoundError:
        raise DataError(f"{path}: does not exist; give a list of sources in TOML or CSV") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: cannot be read as TOML: {error}") from None
    entries = tables.pop(PERSON, [])
    if not (isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)):
        problems.append(f"{path}: person = {shown(entries)}: must be a list of tables, each written [[person]]")
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
    """Return the line numbers of the [[person]] headers, which tomllib does not give.

    A header inside a multi-line string is counted, too; the caller then leaves the line numbers out.
    """
    header = re.compile(r"\s*\[\[\s*[\"']?person[\"']?\s*\]\]")
    return [number for number, line in enumerate(text.splitlines(), start=1) if header.match(line)]
