"""Commands that plugins add by the hook `facegen_commands`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import click

from facegen.core.errors import PluginError
from facegen.core.plugins import Broken, Source, installed_plugins, load_target
from facegen.core.text.suggest import did_you_mean

HOOK = "facegen_commands"
_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class PluginCommand:
    """A command of a plugin; its module is imported by `load`.

    Attributes:
        name: as on the command line.
        target: "module:click_command", or the command itself.
        source: the plugin that adds it.
    """

    name: str
    target: str | click.Command
    source: Source

    def load(self) -> click.Command:
        """Return the command.

        Raises:
            PluginError: its module does not import, or the target is no click command.
        """
        loaded: object = self.target
        if isinstance(self.target, str):
            loaded = load_target(self.source, f"command '{self.name}'", self.target)
        if not isinstance(loaded, click.Command):
            raise PluginError(f"{self.source}: command '{self.name}' is {loaded!r}, which is no click.Command")
        return loaded


@dataclass
class PluginCommands:
    """Commands of all plugins, and everything that is broken.

    Attributes:
        built_in: names that plugins may not take.
        commands: {name: command}, without the names that two plugins claim.
        broken: faults of commands, and plugins that do not import.
    """

    built_in: Mapping[str, object]
    commands: dict[str, PluginCommand] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    _clashes: dict[str, str] = field(default_factory=dict)

    def find(self, name: str, context: click.Context) -> PluginCommand:
        """Return a command by name; the context is that of the message.

        Raises:
            PluginError: two plugins claim the name.
            click.UsageError: there is no such command; the message suggests the nearest name.
        """
        if name in self._clashes:
            raise PluginError(self._clashes[name])
        if name in self.commands:
            return self.commands[name]
        hint = "".join(f" ({broken})" for broken in self.broken)
        names = [*self.built_in, *self.commands]
        raise click.UsageError(f"there is no command '{name}'{did_you_mean(name, names)}{hint}", context)

    def add(self, command: PluginCommand) -> None:
        """Add a command; a name that is taken goes to `broken`, and between two plugins neither keeps it."""
        reason = f"adds the command '{command.name}', which "
        if command.name in self.built_in:
            self.broken.append(Broken(command.source, f"{reason}is built in; ask its author for another name"))
            return
        if command.name in self._clashes:
            self.broken.append(Broken(command.source, f"{reason}other plugins add too"))
            return
        earlier = self.commands.pop(command.name, None)
        if earlier is None:
            self.commands[command.name] = command
            return
        reason += f"{earlier.source} adds too; uninstall one of them, or ask its author for another name"
        self.broken.append(Broken(command.source, reason))
        self._clashes[command.name] = f"{command.source} {reason}"


def _checked_commands(returned: object) -> Mapping[str, str | click.Command]:
    if not isinstance(returned, dict):
        raise TypeError(f"returns {returned!r}; must be a dict {{name: 'module:click_command'}}")
    for name, target in returned.items():
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            raise TypeError(f"returns the name {name!r}; must be lower-case letters, digits and hyphens")
        if not (isinstance(target, click.Command) or (isinstance(target, str) and ":" in target)):
            raise TypeError(f"returns {name!r}: {target!r}; must be 'module:click_command', or a click.Command")
    return returned


@cache
def plugin_commands() -> PluginCommands:
    """Return the commands of all installed plugins; the modules of the commands are not imported."""
    from facegen.cli.main import COMMANDS  # which imports this module only when it needs plugins

    plugins, broken = installed_plugins()
    installed = PluginCommands(COMMANDS, broken=list(broken))
    for plugin in plugins:
        for name, target in plugin.offers(HOOK, _checked_commands, installed.broken):
            installed.add(PluginCommand(name, target, plugin.source))
    return installed
