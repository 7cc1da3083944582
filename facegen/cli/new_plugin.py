"""`facegen new-plugin`: write a new plugin with one part."""

from pathlib import Path

import click

from facegen.cli.completion import complete_kind
from facegen.cli.console import console
from facegen.core.kinds import KINDS
from facegen.core.scaffold.new_plugin import write_plugin
from facegen.core.text.suggest import did_you_mean


@click.command("new-plugin")
@click.argument("name")
@click.option("--kind", metavar="KIND", required=True, shell_complete=complete_kind, help="Kind of the part.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path(),
    help="Folder that the folder of the plugin is created in.  [default: the current one]",
)  # fmt: skip
def command(name: str, kind: str, out: Path) -> None:
    """Write a new plugin with a working part of a kind: package, docstring, tests, recipe and README.

    NAME is that of the part in a recipe, such as soft-hinge; the package is then called facegen-soft-hinge.
    """
    if kind not in KINDS:
        raise click.BadParameter(f"'{kind}' is not a kind of part{did_you_mean(kind, KINDS)}", param_hint="--kind")
    folder, files = write_plugin(name, kind, out)
    for path in files:
        console.print(str(folder / path), soft_wrap=True)
    console.print(
        f"Next: cd {folder!s} && pip install -e . && pytest; then change the example into your own part.",
        soft_wrap=True,
    )
