"""Options of several commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from facegen.cli.completion import complete_preset, complete_recipe


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add RECIPE, --preset, --set and --data to a command."""
    decorators = (
        click.argument("recipe", type=click.Path(path_type=Path), shell_complete=complete_recipe),
        click.option(
            "--preset",
            metavar="NAME",
            shell_complete=complete_preset,
            help="Preset of the recipe to apply, such as small.",
        ),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="TABLE.KEY=VALUE",
            help="Override one key; may be repeated, and the last one counts. Name one of several tables by its type "
            "or by its position, counted from 0: penalty.r1.r1_gamma=1, penalty.0.r1_gamma=1.",
        ),
        click.option(
            "--data",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            help="Packed corpus that replaces the recipe's.",
        ),
    )
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


class ManyValues(click.Command):
    """Command whose repeatable options take several values at once: `--faces a.jpg b.jpg c.jpg`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        repeatable = {
            name
            for option in self.params
            if isinstance(option, click.Option) and option.multiple
            for name in option.opts
        }
        expanded: list[str] = []
        current = ""
        awaits_value = False
        for arg in args:
            if arg.startswith("-"):
                current, awaits_value = (arg, True) if arg in repeatable else ("", False)
            elif current and not awaits_value:
                expanded.append(current)
            else:
                awaits_value = False
            expanded.append(arg)
        return super().parse_args(ctx, expanded)
