"""A page for each built-in part, from its docstring and its signature."""

from importlib.metadata import packages_distributions

from markdown_text import code, paragraphs, prose, setting_table, table

from facegen.cli.describe import describe_part
from facegen.core.describe.docstrings import section_entries
from facegen.core.kinds import KINDS
from facegen.core.recipe.file import read_tables
from facegen.core.recipe.shipped import shipped_recipes
from facegen.core.registry import registry

OWN_PACKAGES = {"facegen", *packages_distributions().get("facegen", ())}


def part_pages() -> dict[str, str]:
    """Return {uri: text} of the pages of all built-in parts, in the order of kinds and names."""
    used = recipes_by_part()
    pages = {}
    for kind in KINDS:
        for name, part in sorted(registry().parts[kind].items()):
            if part.source.package in OWN_PACKAGES:
                pages[f"reference/parts/{kind}/{name}.md"] = part_page(kind, name, used.get((kind, name), []))
    return pages


def recipes_by_part() -> dict[tuple[str, str], list[str]]:
    """Return {(kind, part): shipped recipes that name it, without their presets}."""
    used: dict[tuple[str, str], list[str]] = {}
    for recipe, path in shipped_recipes().items():
        tables = read_tables(path, None, ())
        for kind in KINDS.values():
            entries = tables.get(kind.table, [])
            for entry in entries if isinstance(entries, list) else [entries]:
                if "type" in entry and recipe not in used.setdefault((kind.name, entry["type"]), []):
                    used[kind.name, entry["type"]].append(recipe)
    return used


def part_page(kind: str, name: str, recipes: list[str]) -> str:
    """Return the page of a part."""
    described = describe_part(kind, name)
    sections = described["sections"]
    summary, _, rest = sections[""].partition("\n\n")
    blocks = [f"# {kind} `{name}`", f"**{prose(summary)}**"]
    if rest.strip():
        blocks.append(paragraphs(rest))
    if described["settings"]:
        blocks += ["## Settings", setting_table(described["settings"])]
    blocks += ["## In a recipe", code(described["recipe"], "toml")]
    if described["engine_keys"]:
        blocks.append(f"[Keys of the table](../../keys.md#{KINDS[kind].table}) explains the keys of every {kind}.")
    if recipes:
        links = ", ".join(f"[`{recipe}`](../../recipes/{recipe}.md)" for recipe in recipes)
        blocks.append(f"Shipped recipes with this part: {links}.")
    for title in ("Engine", "Shape", "Raises"):
        if title in sections:
            blocks += [f"## {title}", _entries(sections[title])]
    if "Source" in sections:
        blocks += ["## Source", paragraphs(sections["Source"]), "[Where facegen differs](../../../deviations.md)."]
    blocks += _layers(described)
    blocks.append(f"Class `{described['class']}`; on the command line: `facegen describe {kind} {name}`.")
    return "\n\n".join(blocks) + "\n"


def _entries(text: str) -> str:
    entries = section_entries(text)
    if not entries:
        return code(text)
    return "\n".join(f"- `{name}`: {prose(meaning)}" for name, meaning in entries.items())


def _layers(described: dict) -> list[str]:
    if not described["layers"]:
        return []
    rows = [
        (f"`{row.name}`", row.layer, " x ".join(map(str, row.shape)), f"{row.num_parameters:,}")
        for row in described["layers"]
    ]
    total = sum(row.num_parameters for row in described["layers"])
    listed = table(("layer", "class", "output", "parameters"), [*rows, ("all", "", "", f"{total:,}")])
    indented = "\n".join(f"    {line}" for line in listed.splitlines())
    return ["## Layers", f'??? note "{len(rows)} layers (128 pixels, 6 s of speech, 10 people)"\n\n{indented}']
