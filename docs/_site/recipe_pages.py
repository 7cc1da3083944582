"""Pages of the shipped recipes, and of all keys of recipes, from the models that check them."""

import re

from markdown_text import code, paragraphs, prose, setting_table, table

from facegen.cli.describe import describe_table
from facegen.collect.settings import TABLES as COLLECT_TABLES
from facegen.core.describe.docstrings import docstring_sections, section_entries, setting_rows
from facegen.core.kinds import KINDS
from facegen.core.recipe.file import read_tables
from facegen.core.recipe.recipe import ENGINE_TABLES
from facegen.core.recipe.shipped import recipe_summary, shipped_recipes


def recipe_pages() -> dict[str, str]:
    """Return {uri: text} of the pages of the shipped recipes."""
    return {f"reference/recipes/{name}.md": _recipe_page(name) for name in shipped_recipes()}


def _recipe_page(name: str) -> str:
    path = shipped_recipes()[name]
    text = path.read_text(encoding="utf-8")
    presets = re.findall(r"^\[preset\.(\w+)", text, flags=re.MULTILINE)
    extends = re.search(r'^extends = "(\w+)(?:\.toml)?"', text, flags=re.MULTILINE)
    blocks = [f"# `{name}`", prose(recipe_summary(text))]
    if extends:
        blocks.append(f"It extends [`{extends[1]}`]({extends[1]}.md): what is not in this file is as there.")
    preset = "small" if "small" in presets or extends else None
    blocks += ["## Use", code("\n".join(_use(name, preset)), "sh"), "## Parts", _parts(name)]
    blocks += ["## File", code(text, "toml")]
    blocks.append(
        "[Papers](../../papers.md) sets it beside its paper, and [Deviations](../../deviations.md) says where "
        "facegen differs."
    )
    return "\n\n".join(blocks) + "\n"


def _use(name: str, preset: str | None) -> list[str]:
    option = f" --preset {preset}" if preset else ""
    return [f"facegen check {name}{option}", f"facegen train {name}{option}", f"facegen recipes {name} --copy my.toml"]


def _parts(name: str) -> str:
    tables = read_tables(shipped_recipes()[name], None, ())
    rows = []
    for kind in KINDS.values():
        entries = tables.get(kind.table, [])
        for entry in entries if isinstance(entries, list) else [entries]:
            if "type" in entry:
                rows.append((kind.name, f"[`{entry['type']}`](../parts/{kind.name}/{entry['type']}.md)"))
    return table(("kind", "part"), rows)


def recipe_key_page() -> str:
    """Return the page of all keys that the engine reads, table by table."""
    blocks = [
        "# Keys of recipes",
        "This page is made from the models that check recipes. A table that chooses a part also has the part's own "
        "keys, which stand on the part's page. [Recipes](../recipes.md) explains how tables work together.",
    ]
    for name in ENGINE_TABLES:
        described = describe_table(name)
        blocks += [f"## `[{name}]` {{ #{name} }}", paragraphs(described["sections"][""])]
        blocks.append(setting_table(described["settings"]))
    for kind in KINDS.values():
        if kind.engine_keys.model_fields:
            blocks += _table_of(f"[{kind.table}]", kind.table, kind.engine_keys)
    blocks.append("# Keys of lists of sources\n\nThese tables belong to `facegen collect`.")
    for name, model in COLLECT_TABLES.items():
        blocks += _table_of(f"[{name}]", f"sources-{name}", model)
    return "\n\n".join(blocks) + "\n"


def _table_of(title: str, anchor: str, model: type) -> list[str]:
    sections = docstring_sections(model)
    rows = setting_rows(model, section_entries(sections.get("Attributes", "")))
    return [f"## `{title}` {{ #{anchor} }}", paragraphs(sections[""]), setting_table(rows)]
