"""The page of all commands and options, from the command line itself."""

import click
from markdown_text import code, paragraphs, prose, table

from facegen.cli.main import COMMANDS, facegen


def command_page() -> str:
    """Return the page of all commands."""
    blocks = [
        "# Options of all commands",
        "This page is made from the commands themselves. [Commands](../commands.md) shows their output.",
    ]
    context = click.Context(facegen, info_name="facegen")
    for name in COMMANDS:
        command = facegen.get_command(context, name)
        blocks += _command(command, click.Context(command, info_name=name, parent=context))
    return "\n\n".join(blocks) + "\n"


def _command(command: click.Command, context: click.Context) -> list[str]:
    usage = " ".join(["facegen", context.info_name or "", *command.collect_usage_pieces(context)])
    rows = [
        (
            ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
            + (f" `{option.make_metavar(context)}`" if not option.is_flag else ""),
            prose(option.help or ""),
        )
        for option in command.get_params(context)
        if isinstance(option, click.Option) and not option.hidden
    ]
    help_text = "\n".join(line for line in (command.help or "").replace("\b", "").splitlines())
    return [
        f"## `facegen {context.info_name}` {{ #{context.info_name} }}",
        paragraphs(help_text),
        code(usage),
        table(("option", "meaning"), rows),
    ]
