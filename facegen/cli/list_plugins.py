"""`facegen list-plugins`."""


import click
from rich.markup import escape
from rich.table import Table

from facegen.cli.console import console
from facegen.core.json_text import json_text
from facegen.core.kinds import KINDS
from facegen.core.registry import Part, registry
from facegen.core.suggest import did_you_mean


@click.command("list-plugins")
@click.option("--kind", metavar="KIND", help=f"Of one kind only: {', '.join(KINDS)}.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(kind: str | None, as_json: bool) -> None:
    """List every part that is installed, and plugins that are broken.

    Nothing is imported but the plugins' own tables of contents. `facegen describe KIND NAME` explains a part.
    """
    if kind is not None and kind not in KINDS:
        raise click.BadParameter(f"'{kind}' is not a kind of part{did_you_mean(kind, KINDS)}", param_hint="--kind")
    parts = installed_parts(kind)
    if as_json:
        described = [
            {
                "kind": part.kind.name,
                "name": part.name,
                "plugin": part.source.plugin,
                "package": part.source.package,
                "version": part.source.version,
            }
            for part in parts
        ]
        click.echo(json_text({"parts": described, "broken": [str(broken) for broken in registry().broken]}, indent=2))
        return
    console.print(parts_table(parts))
    for broken in registry().broken:
        console.print(f"[red]Broken:[/] {escape(str(broken))}", soft_wrap=True)


def installed_parts(kind: str | None = None) -> list[Part]:
    """The parts of a kind, or of all, by kind and name."""
    kinds = KINDS if kind is None else [kind]
    return [part for name in kinds for _, part in sorted(registry().parts[name].items())]


def parts_table(parts: list[Part]) -> Table:
    """A row a part; the kind stands in the first of its rows only."""
    table = Table("kind", "name", "package", "version", box=None, pad_edge=False, header_style="bold")
    above = ""
    for part in parts:
        kind = part.kind.name
        table.add_row(
            "" if kind == above else kind, escape(part.name), escape(part.source.package), part.source.version
        )
        above = kind
    return table
