"""Markdown from docstrings, which are plain text."""

import re
from collections.abc import Iterable, Sequence

EQUATION = re.compile(r"\S+.*(?: = | <- |->|~).*")
SPECIAL = re.compile(r"(?<![\w`])([*_])|([<>\[\]|])")


def prose(text: str) -> str:
    """Escape what Markdown would read as markup, outside of code."""
    pieces = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(piece if piece.startswith("`") else SPECIAL.sub(r"\\\g<0>", piece) for piece in pieces)


def paragraphs(text: str) -> str:
    """Turn the text of a docstring into paragraphs; equations and indented lines become code."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.splitlines()
        is_code = all(line.startswith("    ") for line in lines) or (
            EQUATION.match(lines[0]) and not block.rstrip().endswith((".", ":"))
        )
        blocks.append(code(block) if is_code else prose(block))
    return "\n\n".join(blocks)


def code(text: str, language: str = "text") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.strip(chr(10))}\n```"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def setting_table(rows: Iterable) -> str:
    """Return the table of settings (`facegen.core.describe.docstrings.SettingRow`), narrow enough for a phone."""
    return table(("key", "meaning"), [(_key(row.name), f"{prose(row.meaning)}<br>{_values(row)}") for row in rows])


def _key(name: str) -> str:
    return f"<code>{name.replace('_', '_<wbr>')}</code>"


def _values(row) -> str:
    default = "required" if row.default is None else f"default `{row.default}`" if row.default else "no default"
    return f"{default}; `{' '.join(filter(None, (row.type, row.bounds)))}`"
