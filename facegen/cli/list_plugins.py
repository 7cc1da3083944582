"""`facegen list-plugins`: list installed parts and commands, and broken plugins."""

from dataclasses import asdict

import click
from rich.table import Table

from facegen.cli.completion import complete_kind
from facegen.cli.console import console, styled
from facegen.cli.plugin_commands import PluginCommand, plugin_commands
from facegen.core.kinds import KINDS
from facegen.core.registry import Part, registry
from facegen.core.text.json_text import json_text
from facegen.core.text.suggest import did_you_mean


@click.command("list-plugins")
@click.option(
    "--kind", metavar="KIND", shell_complete=complete_kind, help=f"List parts of one kind only: {', '.join(KINDS)}."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """List the installed parts, the commands of plugins, and broken plugins.

    Parts and commands are not imported, only the modules that register them. `facegen describe KIND NAME` explains a
    part.
    """
    if kind is not None and kind not in KINDS:
        raise click.BadParameter(f"'{kind}' is not a kind of part{did_you_mean(kind, KINDS)}", param_hint="--kind")
    parts = installed_parts(kind)
    commands = sorted(plugin_commands().commands.items())
    broken = list(dict.fromkeys([*registry().broken, *plugin_commands().broken]))
    if as_json:
        listed = {
            "parts": [{"kind": part.kind.name, "name": part.name, **asdict(part.source)} for part in parts],
            "commands": [{"name": name, **asdict(command.source)} for name, command in commands],
            "broken": [str(fault) for fault in broken],
        }
        click.echo(json_text(listed, indent=2))
        return
    console.print(parts_table(parts))
    if commands:
        console.print()
        console.print(commands_table([command for _, command in commands]))
    for fault in broken:
        console.print(styled(("Broken:", "red"), f" {fault}"), soft_wrap=True)


def installed_parts(kind: str | None = None) -> list[Part]:
    """Return the parts of a kind, or of all kinds, ordered by kind and name."""
    names = KINDS if kind is None else [kind]
    return [part for name in names for _, part in sorted(registry().parts[name].items())]


def parts_table(parts: list[Part]) -> Table:
    """Build a table with a row per part; the kind stands in its first row only."""
    table = Table("kind", "name", "package", "version", box=None, pad_edge=False, header_style="bold")
    above = ""
    for part in parts:
        kind = part.kind.name
        table.add_row("" if kind == above else kind, part.name, part.source.package, part.source.version)
        above = kind
    return table


def commands_table(commands: list[PluginCommand]) -> Table:
    """Build a table with a row per command of a plugin."""
    table = Table("command", "package", "version", box=None, pad_edge=False, header_style="bold")
    for command in commands:
        table.add_row(command.name, command.source.package, command.source.version)
    return table
