"""Code blocks of the documentation: commands are parsed, recipes checked, Python compiled; links have targets."""

import ast
import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from facegen import __version__
from facegen.cli.main import COMMANDS, facegen
from facegen.collect.settings import TABLES as COLLECT_TABLES
from facegen.collect.sources.csv_rows import PersonTable
from facegen.core.describe.docstrings import docstring_sections
from facegen.core.kinds import KINDS
from facegen.core.recipe.recipe import ENGINE_TABLES
from facegen.core.recipe.settings import check_table, settings_model
from facegen.core.recipe.shipped import shipped_recipes
from facegen.core.registry import registry

PROJECT = Path(__file__).parents[1]
PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
    PROJECT / "recipes" / "README.md",
]
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
OF_LAYOUT = {"extends", "without", "preset", "judge"}
OF_PACKAGES = {"project", "build-system", "tool"}


def blocks(language: str) -> list[Any]:
    """Every block of a language, as (page, text)."""
    return [
        pytest.param(
            textwrap.dedent(match[3]), id=f"{page.relative_to(PROJECT)}:{text.count(chr(10), 0, match.start())}"
        )
        for page in PAGES
        for text in [page.read_text(encoding="utf-8")]
        for match in FENCE.finditer(text)
        if match[2] == language
    ]


def facegen_calls(shell: str) -> Iterator[list[str]]:
    """Arguments of every call of facegen in a piece of shell."""
    for line in re.sub(r"\\\n", " ", shell).splitlines():
        words = shlex.split(line, comments=True)
        starts = [i for i, word in enumerate(words) if word == "facegen" and words[max(0, i - 1)] != "pip"]
        if starts and (starts[0] == 0 or words[starts[0] - 1] in ("-m", "&&", ";", "do")):
            rest = words[starts[0] + 1 :]
            ends = [i for i, word in enumerate(rest) if word in ("&&", ";", "|", ">")]
            yield rest[: ends[0]] if ends else rest


SHELL = [*blocks("sh"), *blocks("bash")]
CALLS = [
    pytest.param(call, id=f"{block.id}: {' '.join(call)}") for block in SHELL for call in facegen_calls(*block.values)
]


@pytest.mark.parametrize("call", CALLS)
def test_commands_are_called_as_they_allow(call, monkeypatch):
    """Options and choices exist, and what is required is given; files need not exist."""
    name, *arguments = call
    if name not in COMMANDS:
        pytest.skip(f"{name} is the command of a plugin")
    context = click.Context(facegen, info_name="facegen")
    command = facegen.get_command(context, name)
    assert command is not None
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: Path(value))
    command.make_context(name, arguments, parent=context)


@pytest.mark.parametrize("call", [call for call in CALLS if call.values[0][0] in ("train", "check", "sweep")])
def test_recipes_that_commands_name_exist(call):
    recipe = call[1]
    if "/" not in recipe and not recipe.endswith(".toml"):
        assert recipe in shipped_recipes()


@pytest.mark.parametrize("text", blocks("python"))
def test_python_compiles(text):
    assert ast.parse(text).body


def faults_of(table: str, entry: dict[str, Any]) -> list[str]:
    """What is wrong with one table of a recipe, or of a list of sources."""
    if table == "logger" and not entry:
        return []
    models = {**ENGINE_TABLES, **COLLECT_TABLES, "person": PersonTable}
    kind = next((kind for kind in KINDS.values() if kind.table == table), None)
    if kind is None:
        return check_table(models[table], entry)[1] if table in models else [f"[{table}] is no table"]
    own = {key: value for key, value in entry.items() if key != "type" and key not in kind.engine_keys.model_fields}
    engine = {key: value for key, value in entry.items() if key in kind.engine_keys.model_fields}
    faults = check_table(kind.engine_keys, engine)[1]
    installed = registry().parts[kind.name]
    if "type" in entry and entry["type"] not in installed:
        return faults if is_shown(entry["type"]) else [f"[{table}] type = {entry['type']!r} is not installed"]
    names = [entry["type"]] if "type" in entry else sorted(installed)
    attempts = [check_table(settings_model(installed[name].load()), own)[1] for name in names]
    return faults + min(([fault for fault in each if "is missing" not in fault] for each in attempts), key=len)


def is_shown(part: str) -> bool:
    """A part that the documentation itself writes, or that a plugin of this repository brings."""
    title = "".join(word.capitalize() for word in part.split("_"))
    sources = [path.read_text(encoding="utf-8") for path in (PROJECT / "plugins").glob("*/facegen_*/__init__.py")]
    return any(f"class {title}(" in page.read_text(encoding="utf-8") for page in PAGES) or any(
        f'"{part}"' in source for source in sources
    )


@pytest.mark.parametrize("text", blocks("toml"))
def test_toml_keeps_the_schema_of_recipes(text):
    tables = tomllib.loads(text)
    if OF_PACKAGES & set(tables):
        return
    layers = [tables, *tables.get("preset", {}).values(), *([tables["judge"]] if "judge" in tables else [])]
    for layer in layers:
        for table, value in layer.items():
            if (layer is tables and table in OF_LAYOUT) or table in ("recipe", "judge"):
                continue
            for entry in value if isinstance(value, list) else [value]:
                assert not faults_of(table, entry), f"[{table}]"


def anchors_of(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and the site make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.+)$", text, flags=re.MULTILINE)
    plain = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_to_headings_lead_to_one(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            assert anchor in anchors_of(page.parent / target if target else page), f"{target}#{anchor}"


def test_the_readme_is_short():
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_the_citation_names_this_version():
    citation = (PROJECT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, flags=re.MULTILINE)[1] == __version__


def test_every_part_has_the_sections_that_its_page_shows():
    for parts in registry().parts.values():
        for part in parts.values():
            assert "Source" in docstring_sections(part.load()), part.name
