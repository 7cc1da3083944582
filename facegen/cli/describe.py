"""`facegen describe`: explain a part or a recipe table."""

import dataclasses
from textwrap import fill, indent
from typing import Any

import click
from pydantic import BaseModel
from rich.table import Table

from facegen.cli.completion import TABLE, complete_kind, complete_name
from facegen.cli.console import console, styled
from facegen.cli.list_plugins import installed_parts, parts_table
from facegen.core.describe.docstrings import SettingRow, docstring_sections, section_entries, setting_rows, toml_value
from facegen.core.errors import RecipeError
from facegen.core.interruption import REQUESTS_TO_STOP
from facegen.core.kinds import KINDS, RECIPE_KINDS, Kind
from facegen.core.plugins import contained
from facegen.core.recipe.recipe import ENGINE_TABLES
from facegen.core.recipe.settings import settings_model
from facegen.core.registry import registry
from facegen.core.text.json_text import json_text
from facegen.core.text.raised import raised
from facegen.core.text.suggest import did_you_mean

PROSE_COLUMNS = 120
RECIPE_TABLES: dict[str, tuple[type[BaseModel], str | None]] = {
    **{name: (model, None) for name, model in ENGINE_TABLES.items()},
    **{kind.table: (kind.engine_keys, kind.name) for kind in RECIPE_KINDS.values()},
}
"""{table of a recipe: (schema of the engine's keys, kind of part that its type names)}."""


@click.command("describe")
@click.argument("kind", shell_complete=complete_kind)
@click.argument("name", required=False, shell_complete=complete_name)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str, name: str | None, as_json: bool) -> None:
    """Explain a part: its purpose, settings, recipe lines and layers.

    KIND is a kind of part, such as objective, or "table" for a table of recipes, such as match or train.
    Without NAME, the names of that kind are listed.
    """
    if kind not in KINDS and kind != TABLE:
        raise RecipeError(f"'{kind}' is not a kind of part{did_you_mean(kind, [*KINDS, TABLE])}")
    if name is None:
        _list_names(kind, as_json)
        return
    described = describe_table(name) if kind == TABLE else describe_part(kind, name)
    if as_json:
        click.echo(json_text(described, indent=2, default=dataclasses.asdict))
    else:
        _show(described)


def describe_table(name: str) -> dict[str, Any]:
    """Return the description of a table of recipes: the keys that the engine reads, ready for JSON.

    Raises:
        RecipeError: there is no such table.
    """
    if name not in RECIPE_TABLES:
        raise RecipeError(f"[{name}] is not a table of recipes{did_you_mean(name, RECIPE_TABLES)}")
    model, kind = RECIPE_TABLES[name]
    rows = _rows(model, "Attributes")
    about, lines = docstring_sections(model)[""], [f"[{name}]"]
    if kind is not None:
        about = "" if not rows else f"{about}\n\n"
        about += f"Its type names a {kind}, which adds its own keys: `facegen describe {kind}` lists them."
        lines.append("type =  # required: string")
    return {
        "title": f"[{name}]",
        "sections": {"": about},
        "settings": rows,
        "recipe": "\n".join([*lines, *map(_toml_line, rows)]),
    }


def describe_part(kind_name: str, name: str) -> dict[str, Any]:
    """Return the description of a part, ready for JSON.

    Raises:
        RecipeError: there is no such part.
        PluginError: it is broken.
    """
    part = registry().find(kind_name, name)
    loaded, kind = part.load(), part.kind
    rows, engine_rows = _rows(part.schema(), "Settings", loaded), _rows(kind.engine_keys, "Attributes")
    layers, reason = _layers(kind_name, loaded)
    return {
        "title": f"{kind_name} {name}",
        "package": f"{part.source.package} {part.source.version}",
        "class": f"{loaded.__module__}:{loaded.__qualname__}",
        "sections": {title: text for title, text in docstring_sections(loaded).items() if title != "Settings"},
        "settings": rows,
        "engine_keys": engine_rows,
        "recipe": _snippet(kind, name, rows, engine_rows),
        "layers": layers,
        "layers_missing": reason,
    }


def _rows(model: type[BaseModel], section: str, documented: type | None = None) -> list[SettingRow]:
    sections = docstring_sections(documented or model)
    return setting_rows(model, section_entries(sections.get(section, "")))


def _layers(kind: str, part: type) -> tuple[list[Any], str]:
    if kind not in ("conditioner", "generator", "discriminator"):
        return [], ""
    from facegen.core.describe.layers import part_layers

    required = [name for name, field in settings_model(part).model_fields.items() if field.is_required()]
    if required:
        return [], f"it needs {', '.join(required)}"
    try:
        with contained():
            return part_layers(kind, part, {}), ""
    except REQUESTS_TO_STOP:
        raise
    except BaseException as error:  # a part that cannot run on the sample corpus can still be described
        return [], raised(error)


def _toml_line(row: SettingRow) -> str:
    if row.default is None:
        return f"{row.name} =  # required: {row.type}"
    return f"{row.name} = {row.default}" if row.default else f"# {row.name} =  # {row.type}"


def _snippet(kind: Kind, name: str, rows: list[SettingRow], engine_rows: list[SettingRow]) -> str:
    lines = [f"[{kind.table}]", f"type = {toml_value(name)}", *map(_toml_line, rows)]
    if engine_rows:
        lines += ["", f"# keys of every {kind.name}", *map(_toml_line, engine_rows)]
    return "\n".join(lines)


def _list_names(kind: str, as_json: bool) -> None:
    parts = [] if kind == TABLE else installed_parts(kind)
    names = list(RECIPE_TABLES) if kind == TABLE else [part.name for part in parts]
    if as_json:
        click.echo(json_text(names))
    elif kind == TABLE:
        console.print("\n".join(names))
    else:
        console.print(parts_table(parts))


def _show(described: dict[str, Any]) -> None:
    origin = f"  {described['package']}  {described['class']}" if "package" in described else ""
    console.print(styled((described["title"], "bold"), origin), soft_wrap=True)
    for title, text in described["sections"].items():
        _show_section(title, text)
    _show_settings("Settings", described["settings"])
    _show_settings("Keys of the table", described.get("engine_keys", []))
    _show_section("In a recipe", described["recipe"])
    if described.get("layers"):
        _show_layers(described["layers"])
    elif described.get("layers_missing"):
        console.print(f"\nNo table of layers: {described['layers_missing']}", soft_wrap=True)


def _show_section(title: str, text: str) -> None:
    console.print(styled("\n", (title, "bold")) if title else "")
    console.print(indent(text, "  " if title else ""), soft_wrap=True)


def _show_settings(title: str, rows: list[SettingRow]) -> None:
    if rows:
        console.print(styled("\n", (title, "bold")))
    for row in rows:
        default = "(required)" if row.default is None else f"= {row.default or '(none)'}"
        takes = f"{row.type} {row.bounds}".strip()
        console.print(styled("  ", (row.name, "cyan"), f" {default}  ", (takes, "dim")), soft_wrap=True)
        margin, width = " " * 6, min(console.width, PROSE_COLUMNS)
        meaning = fill(row.meaning, width, initial_indent=margin, subsequent_indent=margin)
        console.print(meaning, soft_wrap=True)


def _show_layers(layers: list[Any]) -> None:
    table = Table("layer", "", "output", box=None, pad_edge=False, header_style="dim")
    table.add_column("parameters", justify="right")
    for row in layers:
        shape = " x ".join(str(size) for size in row.shape)
        table.add_row(row.name, row.layer, shape, f"{row.num_parameters:,}" if row.num_parameters else "")
    table.add_section()
    table.add_row("all", "", "", f"{sum(row.num_parameters for row in layers):,}")
    console.print(styled("\n", ("Layers", "bold"), " (128 pixels, 6 s of speech, 10 people)"))
    console.print(table)
