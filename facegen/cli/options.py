"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """RECIPE, --preset, --set and --data."""
    decorators = (
        click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False)),
        click.option("--preset", metavar="NAME", help="Lay one of the recipe's presets over it, such as small."),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="TABLE.KEY=VALUE",
            help="Change one key; may be repeated, and the last one counts. One of several tables is named by its type "
            "or by its position, counted from 0: penalty.r1.r1_gamma=1, penalty.0.r1_gamma=1.",
        ),
        click.option(
            "--data", type=click.Path(path_type=Path, file_okay=False), help="A packed corpus instead of the recipe's."
        ),
    )
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


class ManyValues(click.Command):
    """A command whose repeatable options also take several values at once: `--faces a.jpg b.jpg c.jpg`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        repeatable = {
            name
            for option in self.params
            if isinstance(option, click.Option) and option.multiple
            for name in option.opts
        }
        spread: list[str] = []
        current = ""
        fresh = False
        for arg in args:
            if arg.startswith("-"):
                current, fresh = (arg, True) if arg in repeatable else ("", False)
            elif current and not fresh:
                spread.append(current)
            else:
                fresh = False
            spread.append(arg)
        return super().parse_args(ctx, spread)
