"""Installed plugins: the entry points of the group `facegen`, and what their hooks return.

Free of torch and pydantic, since `facegen --help` reads it. Code of a plugin runs inside `guarded`: whatever it raises
or prints, other plugins and facegen itself go on.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, distributions
from typing import TypeVar

import pluggy

from facegen.core import hookspecs
from facegen.core.errors import PluginError
from facegen.core.text.suggest import did_you_mean

ENTRY_POINT_GROUP = "facegen"
OWN_PACKAGE = "facegen"
Target = TypeVar("Target")


@dataclass(frozen=True)
class Source:
    """Origin of parts and commands: name of the plugin, its package and version."""

    plugin: str
    package: str
    version: str

    def __str__(self) -> str:
        return f"plugin '{self.plugin}' (package {self.package} {self.version})"

    def cannot_import(self, error: BaseException) -> str:
        """Return the message for code of the package that does not import: reason and remedy."""
        reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        remedy = "reinstall" if self.package == OWN_PACKAGE else "uninstall"
        return f"fails to import: {reason}; fix it, or {remedy} {self.package}"


@dataclass(frozen=True)
class Broken:
    """A plugin, or one of its parts or commands, that cannot be used, and the reason."""

    source: Source
    reason: str

    def __str__(self) -> str:
        return f"{self.source} {self.reason}"


@dataclass(frozen=True)
class Plugin:
    """A plugin whose module is imported.

    Attributes:
        source: its origin.
        implementations: {hook: functions that implement it}.
    """

    source: Source
    implementations: Mapping[str, Sequence[Callable[[], object]]]

    def offers(
        self, hook: str, check: Callable[[object], Mapping[str, Target]], broken: list[Broken]
    ) -> Iterator[tuple[str, Target]]:
        """Yield the names and targets that the plugin returns for a hook.

        Args:
            hook: name of the hook.
            check: returns what the hook returned; raises an exception when that has the wrong form.
            broken: receives the hooks that fail.
        """
        for implementation in self.implementations.get(hook, ()):
            try:
                with guarded(lambda error: f"fails in {hook}: {type(error).__name__}: {error}"):
                    returned = check(implementation())
            except PluginError as error:
                broken.append(Broken(self.source, str(error)))
                continue
            yield from returned.items()


@contextmanager
def guarded(explain: Callable[[BaseException], str]) -> Iterator[None]:
    """Run code of a plugin, with its standard output sent to stderr, which no program parses.

    Raises:
        PluginError: the code raised an exception or called sys.exit; `explain(exception)` is the message.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        raise PluginError(explain(error)) from error


def load_target(source: Source, described: str, target: str) -> object:
    """Import "module:attribute".

    Args:
        source: origin of the target, for the message.
        described: kind and name of the target, for the message.
        target: "module:attribute".

    Raises:
        PluginError: the module does not import, or lacks the attribute.
    """
    module, _, attribute = target.partition(":")
    with guarded(lambda error: f"{source}: {described} ({target}) {source.cannot_import(error)}"):
        loaded: object = getattr(importlib.import_module(module), attribute)
    return loaded


def read_plugin(source: Source, module: object) -> Plugin:
    """Find the hooks that a module implements.

    Raises:
        PluginError: it implements none, or one that facegen does not have; the message is the reason alone.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    with guarded(_explain_registration):
        manager.register(module)
        manager.check_pending()
        callers = manager.get_hookcallers(module)
    if not callers:
        raise PluginError("implements no hook; is @hookimpl missing above its functions?")
    # The functions themselves, because pluggy passes over a hook that returns None.
    return Plugin(source, {caller.name: [hook.function for hook in caller.get_hookimpls()] for caller in callers})


def _explain_registration(error: BaseException) -> str:
    if not isinstance(error, pluggy.PluginValidationError):
        return f"cannot be registered: {type(error).__name__}: {error}"
    message = str(error)
    unknown = next((word.strip("'\"") for word in message.split() if "facegen_" in word), message)
    return f"implements no hook of facegen: '{unknown}'{did_you_mean(unknown, hookspecs.HOOKS)}"


@cache
def installed_plugins() -> tuple[tuple[Plugin, ...], tuple[Broken, ...]]:
    """Import every installed plugin; return those that work and those that do not."""
    plugins, broken = [], []
    for source, entry_point in _entry_points():
        try:
            with guarded(source.cannot_import):
                module = entry_point.load()
            plugins.append(read_plugin(source, module))
        except PluginError as error:
            broken.append(Broken(source, str(error)))
    return tuple(plugins), tuple(broken)


def _entry_points() -> list[tuple[Source, EntryPoint]]:
    """Return the entry points of the group with their origins, each once, in a stable order."""
    unique: dict[tuple[str, str], tuple[Source, EntryPoint]] = {}
    for distribution in distributions():
        for entry_point in distribution.entry_points:
            if entry_point.group == ENTRY_POINT_GROUP:
                source = Source(entry_point.name, distribution.name, distribution.version)
                unique.setdefault((source.package, source.plugin), (source, entry_point))
    return [unique[key] for key in sorted(unique)]
