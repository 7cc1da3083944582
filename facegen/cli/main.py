"""The program `facegen`: runs a command, and turns errors into messages and exit codes."""

import atexit
import gc
import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress

import click

from facegen import __version__
from facegen.cli.background_faults import report_background_faults
from facegen.cli.streams import (
    MAX_CHARACTERS,
    discard_output,
    out_of_memory,
    prepare_streams,
    print_error,
    report_problems,
)
from facegen.core.disk_faults import explain_disk_fault
from facegen.core.errors import FacegenError
from facegen.core.text.printable import printable
from facegen.core.text.shown import cut

COMMANDS = {
    "train": ("facegen.cli.train", "Train a recipe, or resume a run."),
    "sweep": ("facegen.cli.sweep", "Train a recipe with several seeds and values of keys."),
    "check": ("facegen.cli.check", "Check a recipe without training it."),
    "generate": ("facegen.cli.generate", "Draw faces with a run: from speech, a name or a sentence."),
    "interpolate": ("facegen.cli.interpolate", "Draw transitions between two people, or between two noises."),
    "match": ("facegen.cli.match", "Find the face that fits a voice, or the voice of a face."),
    "score-pairs": ("facegen.cli.score_pairs", "Score pairs of a voice and a face, for benchmarks."),
    "evaluate": ("facegen.cli.evaluate", "Measure a run on people that it was not trained on."),
    "compare": ("facegen.cli.compare", "Compare evaluations of several runs."),
    "export": ("facegen.cli.export", "Write a run as one file."),
    "models": ("facegen.cli.models", "List the models that ship with facegen."),
    "collect": ("facegen.cli.collect", "Collect a corpus from channels and videos."),
    "pack": ("facegen.cli.pack", "Pack your own faces and speech into a corpus."),
    "export-shards": ("facegen.cli.export_shards", "Write a packed corpus as WebDataset tar shards."),
    "inspect": ("facegen.cli.inspect", "Show the content of a packed corpus."),
    "drop": ("facegen.cli.drop", "Remove the faces that were marked on a review list."),
    "forget": ("facegen.cli.forget", "Remove a person from a corpus, and verify it."),
    "list-plugins": ("facegen.cli.list_plugins", "List installed parts and commands, and broken plugins."),
    "new-plugin": ("facegen.cli.new_plugin", "Write a new plugin with a part of a kind."),
    "recipes": ("facegen.cli.recipes", "List the recipes that are shipped with facegen, or copy one."),
    "schema": ("facegen.cli.schema", "Print the JSON Schema of recipes, for editors."),
    "describe": ("facegen.cli.describe", "Explain a part: its purpose, settings and layers."),
    "doctor": ("facegen.cli.doctor", "Check this installation."),
}
"""{name: (module that defines `command`, line of help)}; a module is imported when its command is called."""

INTERRUPTED = 130
MAX_FOLDERS = 200
"""Largest number of folders inside each other in a path."""
_LESS_MEMORY = "choose a smaller [train] batch_size or [data] image_pixels, or a larger machine"
PLUGIN = "facegen.plugin"
"""Key of `click.Context.meta`: source of the plugin whose command runs."""

_DEVICE_OF_RECIPE = "The device is a key of the recipe: --set run.device=cpu (auto, cpu, cuda, cuda:N, mps or xpu)"
_DEVICE_OF_RUN = "A finished run uses the device that it was trained on, or the CPU where a machine lacks that"


class PluginBugError(Exception):
    """An exception in the command of a plugin that is no FacegenError; `__cause__` holds it."""


class LazyGroup(click.Group):
    """A group that lists its commands without importing them, and asks plugins for commands that it does not have."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
            return command
        if cmd_name.startswith("-") or ctx.resilient_parsing:  # a mistake for click to report; completion
            return None
        from facegen.cli.plugin_commands import plugin_commands

        plugin_command = plugin_commands().find(cmd_name, ctx)
        ctx.meta[PLUGIN] = plugin_command.source
        return plugin_command.load()

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if error.option_name == "--device":
                has_recipe = error.ctx is not None and any(
                    option.name == "overrides" for option in error.ctx.command.params
                )
                raise click.UsageError(
                    f"No such option '--device'. {_DEVICE_OF_RECIPE if has_recipe else _DEVICE_OF_RUN}", error.ctx
                ) from error
            raise
        except (FacegenError, click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if PLUGIN in ctx.meta:
                raise PluginBugError(str(ctx.meta[PLUGIN])) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from facegen.cli.plugin_commands import plugin_commands

        with formatter.section("Commands"):
            formatter.write_dl([(name, meaning) for name, (_, meaning) in COMMANDS.items()])
        plugins = plugin_commands()
        if plugins.commands or plugins.broken:
            with formatter.section("Plugin commands"):
                rows = [(name, f"{command.source.package} {command.source.version}")
                        for name, command in sorted(plugins.commands.items())]  # fmt: skip
                packages = sorted({broken.source.package for broken in plugins.broken})
                if packages:
                    rows.append(("(broken)", f"{', '.join(packages)}: `facegen list-plugins` shows why"))
                formatter.write_dl(rows)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="facegen COMMAND --help explains a command.",
)
@click.version_option(__version__, prog_name="facegen")
def facegen() -> None:
    """Draw faces from voices, names and sentences; match voices and faces; measure both."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        args: words of the command line; by default those of this process, which then is the program's own.
    Returns:
        0: success; 1: an error that the message explains, or a bug; 2: wrong usage; 130: interrupted.
    """
    if args is None:
        atexit.register(gc.freeze)  # Python would search all objects of torch for cycles, which takes a second
    prepare_streams()
    if args is None:
        report_background_faults()
    words = sys.argv[1:] if args is None else list(args)
    return explained(lambda: _run(words))


def _run(words: list[str]) -> object:
    deep = [word for word in words if word.count("/") > MAX_FOLDERS]
    if deep:  # the functions of pathlib are recursive
        raise click.UsageError(f"{deep[0]}: has more than {MAX_FOLDERS} folders inside each other")
    return facegen.main(words, prog_name="facegen", standalone_mode=False)


def explained(work: Callable[[], object]) -> int:
    """Do the work; return the exit code, and print errors as messages on stderr."""
    try:
        code = work()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except FacegenError as error:
        return report_problems(error.problems)
    except click.ClickException as error:
        # click declares the message final; it may hold control characters of a user's file name.
        object.__setattr__(error, "message", cut(printable(error.message), MAX_CHARACTERS))
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        print_error(f"Interrupted: {stop}." if str(stop) else "Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return 1
    except OSError as error:
        # Errors of files have names; see core/files.py.
        if error.filename is None:
            discard_output()
            return report_problems([explain_disk_fault(error, "standard output", kept="files are not affected")])
        return report_problems([explain_disk_fault(error)])
    except PluginBugError as bug:
        return _report_bug(bug.__cause__, f"This is a bug in {bug}. Please report it there, with the lines above.")
    except Exception as error:
        if out_of_memory(error):
            reason = f": {error}" if str(error) else ""
            return report_problems([f"the memory of this machine is not enough{reason}; {_LESS_MEMORY}"])
        request = "This is a bug in facegen. Please report it, with the lines above and the output of `facegen doctor`."
        return _report_bug(error, request)


def _report_bug(error: BaseException | None, request: str) -> int:
    with suppress(OSError):
        traceback.print_exception(error)
    print_error(request, label="")
    return 1


if __name__ == "__main__":
    sys.exit(main())
