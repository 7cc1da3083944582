"""`facegen schema`: print the JSON Schema of recipes."""

import click

from facegen.core.recipe.recipe_schema import recipe_schema
from facegen.core.text.json_text import json_text


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of recipes, with every installed part.

    `facegen schema > recipe.schema.json` writes it to a file. In an editor with a TOML language server, such as Even
    Better TOML or Taplo, a recipe whose first line is `#:schema recipe.schema.json` is checked and completed.
    """
    click.echo(json_text(recipe_schema(), indent=1))
