"""Everything that a user can name is documented, and everything that the documentation names exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from facegen.cli.main import COMMANDS
from facegen.collect.settings import TABLES as COLLECT_TABLES
from facegen.collect.sources.csv_rows import PersonTable
from facegen.core.errors import DataError
from facegen.core.hookspecs import HOOKS
from facegen.core.kinds import KINDS
from facegen.core.recipe.recipe import ENGINE_TABLES
from facegen.core.registry import registry
from facegen.core.scaffold.new_plugin import PluginNames, example
from facegen.testing import check_part

PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.is_file())


def keys_of(table: str, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        yield table, name
        if isinstance(field.default, BaseModel):
            yield from keys_of(f"{table}.{name}", type(field.default))


SOURCE_TABLES = {"person": PersonTable, **COLLECT_TABLES}
TABLES = [*ENGINE_TABLES.items(), *SOURCE_TABLES.items(), *((kind.table, kind.engine_keys) for kind in KINDS.values())]
KEYS = [key for table, model in TABLES for key in keys_of(table, model)]
PARTS = [(part.kind.name, part.name) for parts in registry().parts.values() for part in parts.values()]


def documented(word: str) -> bool:
    """Return True for a word in code: between backticks, or in a code block."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", CODE) is not None


CODE = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", TEXT, flags=re.DOTALL))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    assert documented(f"facegen {command}")


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_every_part_is_documented(kind, name):
    assert documented(name), f"no page mentions the {kind} `{name}`"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented(hook):
    assert documented(hook)


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_key_that_the_engine_reads_is_documented(table, key):
    assert documented(key), f"no page mentions `{key}` of [{table}]"


@pytest.mark.parametrize("table", [name for name, _ in TABLES])
def test_every_table_is_documented(table):
    assert documented(table)


def test_commands_in_the_documentation_exist():
    named = set(re.findall(r"(?<!from )(?<![\w.-])facegen ([a-z][a-z-]+)(?=[\s`\\]|$)", CODE))
    added = set(re.findall(r"def facegen_commands\(\).*\n +return {\"([a-z-]+)\":", CODE))
    for hooks in (PROJECT / "plugins").glob("*/facegen_*/__init__.py"):
        added |= set(
            re.findall(r"def facegen_commands\(\).*\n +return {\"([a-z-]+)\":", hooks.read_text(encoding="utf-8"))
        )
    known = {*COMMANDS, *added}
    assert named <= known, f"the documentation calls {sorted(named - known)}, which there is not"


def test_the_plugin_of_the_documentation_keeps_the_contract():
    page = (PROJECT / "docs" / "plugins.md").read_text(encoding="utf-8")
    (source,) = (block for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL) if "class Hinge" in block)
    names: dict[str, type] = {}
    exec(source, names)
    check_part("objective", names["Hinge"], margin=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_is_that_of_new_plugin(kind):
    page = (PROJECT / "docs" / "plugin_examples.md").read_text(encoding="utf-8")
    names = PluginNames(f"my_{kind}")
    for section in ("part", "recipe"):
        text = names.fill(example(kind, section))
        assert text in page, f"copy `{section}` of facegen/core/scaffold/templates/{kind}.txt into the page"


def test_the_command_of_the_documentation_runs(tmp_path):
    page = (PROJECT / "docs" / "plugins.md").read_text(encoding="utf-8")
    (source,) = (block for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL) if "def census" in block)
    names: dict[str, click.Command] = {}
    exec(source, names)
    with pytest.raises(DataError, match="is no packed corpus; make one with `facegen pack`"):
        names["census"].main([str(tmp_path)], standalone_mode=False)
    (tmp_path / "corpus.json").write_text('{"identities": ["ada", "ben"]}')
    assert CliRunner().invoke(names["census"], [str(tmp_path)]).output == "2\n"


def test_the_metric_of_the_documentation_keeps_the_contract():
    page = (PROJECT / "docs" / "measuring.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    names: dict[str, type] = {}
    exec(source, names)
    check_part("metric", names["Brightness"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    assert page.is_file()
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def paths_of_the_tree() -> list[str]:
    """Files and folders in the tree of docs/architecture.md, relative to the project; indentation gives the folder."""
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = page.split("```")[1]
    paths: list[str] = []
    folders: list[tuple[int, str]] = []
    for line in tree.strip("\n").splitlines():
        indent, name = len(line) - len(line.lstrip()), line.split()[0]
        folders = [(above, folder) for above, folder in folders if above < indent]
        paths.append("".join(folder for _, folder in folders) + name)
        folders.append((indent, name))
    return paths


def test_the_tree_of_the_architecture_page_exists():
    missing = [path for path in paths_of_the_tree() if not (PROJECT / path).exists()]
    assert not missing, f"docs/architecture.md names {missing}"


def test_the_tree_of_the_architecture_page_names_every_package():
    packages = {f"{path.parent.relative_to(PROJECT)}/" for path in (PROJECT / "facegen").rglob("__init__.py")}
    kinds = {package for package in packages if re.fullmatch(r"facegen/parts/(?!layers)\w+/", package)}
    unnamed = packages - kinds - set(paths_of_the_tree())
    assert not unnamed, f"docs/architecture.md does not name {sorted(unnamed)}"
