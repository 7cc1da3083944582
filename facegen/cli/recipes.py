"""`facegen recipes`: list, print or copy the recipes that are shipped with facegen."""

from pathlib import Path

import click
from rich.table import Table

from facegen.cli.completion import complete_shipped
from facegen.cli.console import console
from facegen.core.errors import RecipeError
from facegen.core.files import write_file
from facegen.core.recipe.shipped import SUFFIX, recipe_summary, shipped_recipes, standalone_text
from facegen.core.text.json_text import json_text
from facegen.core.text.suggest import did_you_mean


@click.command("recipes")
@click.argument("name", required=False, shell_complete=complete_shipped)
@click.option(
    "--copy",
    "target",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write recipe NAME to a new file, such as my.toml, for you to change.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(name: str | None, target: Path | None, as_json: bool) -> None:
    """List the recipes that are shipped with facegen, or print recipe NAME.

    Wherever facegen takes a recipe, these names need neither a folder nor an ending: `facegen train NAME`.
    """
    if name is None and target is not None:
        raise click.UsageError("--copy needs the NAME of a recipe; `facegen recipes` lists them")
    if name is not None and as_json:
        raise click.UsageError("--json prints the list of recipes; leave NAME out")
    if name is None:
        _list(as_json)
        return
    shipped = shipped_recipes()
    if name not in shipped:
        raise RecipeError(f"'{name}' is not a shipped recipe{did_you_mean(name, shipped)}")
    if target is None:
        click.echo(shipped[name].read_text(encoding="utf-8"), nl=False)
    else:
        _copy(name, target)


def _list(as_json: bool) -> None:
    rows = [
        {"name": name, "summary": recipe_summary(path.read_text(encoding="utf-8")), "path": str(path)}
        for name, path in shipped_recipes().items()
    ]
    if as_json:
        click.echo(json_text(rows, indent=2))
        return
    table = Table("recipe", "summary", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(row["name"], row["summary"])
    console.print(table)


def _copy(name: str, target: Path) -> None:
    if target.suffix != SUFFIX:
        raise click.BadParameter(f"'{target}' must end in {SUFFIX}, as every recipe", param_hint="--copy")
    if target.exists():
        raise RecipeError(f"{target}: exists already; name a new file")
    try:
        write_file(target, standalone_text(name))
    except OSError as error:
        raise RecipeError(f"{target}: cannot be written: {error.strerror}") from error
    console.print(f"Recipe: {target}, a copy of {name}", soft_wrap=True)
