"""Options of several commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add RECIPE, --preset, --set and --data to a command."""
    decorators = (
        click.argument("recipe", type=click.Path(path_type=Path)),
        click.option("--preset", metavar="NAME", help="Preset of the recipe to apply, such as small."),
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
    """Command whose repeatable options take several values at once: `--faces a.jpg b.jpg c.jpg`.

    The argument of the command may stand after such a list. If it is missing elsewhere, it is the last value of the
    last list of several values, unless that is an existing file other than a model.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        expanded: list[str] = []
        current: click.Option | None = None
        awaits_value = False
        num_arguments = 0
        last_of_list: int | None = None
        for place, arg in enumerate(args):
            if arg == "--":
                return super().parse_args(ctx, expanded + args[place:])
            if arg.startswith("-") and arg != "-" and not awaits_value:
                current = self._option(arg)
                awaits_value = current is not None
            elif awaits_value:
                awaits_value = False
                current = current if current is not None and current.multiple else None
            elif current is not None:
                last_of_list = len(expanded)
                expanded.append(current.opts[0])
            else:
                num_arguments += 1
            expanded.append(arg)
        if num_arguments == 0 and last_of_list is not None and _may_be_a_run(expanded[last_of_list + 1]):
            argument = expanded[last_of_list + 1]
            del expanded[last_of_list : last_of_list + 2]
            expanded.append(argument)
        return super().parse_args(ctx, expanded)

    def _option(self, word: str) -> click.Option | None:
        """Return the option whose value is the next word; None for a flag, for `--option=value`, and if unknown."""
        for option in self.params:
            if isinstance(option, click.Option) and word in option.opts and not option.is_flag:
                return option
        return None


def _may_be_a_run(word: str) -> bool:
    path = Path(word)
    return path.suffix == ".safetensors" or not path.is_file()
