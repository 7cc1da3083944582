"""Installed plugins: the entry points of the group `facegen`, and what their hooks return.

Free of torch and pydantic, since `facegen --help` reads it. Code of a plugin runs inside `guarded`: whatever it raises
or prints, other plugins and facegen itself go on.
"""

import importlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, distributions
from typing import TypeVar

import pluggy

from facegen.core import hookspecs
from facegen.core.errors import PluginError
from facegen.core.interruption import REQUESTS_TO_STOP
from facegen.core.text.raised import raised
from facegen.core.text.suggest import did_you_mean

ENTRY_POINT_GROUP = "facegen"
OWN_PACKAGE = "facegen"
Target = TypeVar("Target")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


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
        reason = raised(error).removeprefix("ImportError: ").removeprefix("ModuleNotFoundError: ")
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
        faults: functions marked as hooks that implement none.
    """

    source: Source
    implementations: Mapping[str, Sequence[Callable[[], object]]]
    faults: tuple[Broken, ...] = ()

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
                with guarded(lambda error: f"fails in {hook}: {raised(error)}"):
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
        with contained():
            yield
    except REQUESTS_TO_STOP:
        raise
    except BaseException as error:  # sys.exit, and whatever else a plugin may raise
        raise PluginError(explain(error)) from error


@contextmanager
def contained() -> Iterator[None]:
    """Run code of a plugin: its output goes to stderr, and a recursion limit that it lowers is put back.

    Output is redirected in the main thread only: threads share sys.stdout, so two of them would undo each other.
    """
    is_main, limit = threading.current_thread() is threading.main_thread(), sys.getrecursionlimit()
    try:
        with redirect_stdout(sys.stderr) if is_main else nullcontext():
            yield
    finally:
        if sys.getrecursionlimit() < limit:
            sys.setrecursionlimit(limit)


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
    """Find the hooks that a module implements; those that are wrong go to `faults`, and the others are usable.

    Raises:
        PluginError: it implements none at all; the message is the reason alone.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    implementations: dict[str, list[Callable[[], object]]] = {}
    faults: list[Broken] = []
    for name in dir(module):
        with guarded(lambda error: f"cannot be registered: {raised(error)}"):
            options = manager.parse_hookimpl_opts(module, name)
        if options is None:
            continue
        hook, function = options.get("specname") or name, getattr(module, name)
        reason = _explain_hook(hook, function)
        if reason:
            faults.append(Broken(source, reason))
        else:
            # The functions themselves, because pluggy passes over a hook that returns None.
            implementations.setdefault(hook, []).append(function)
    if not implementations and not faults:
        raise PluginError("implements no hook; is @hookimpl missing above its functions?")
    return Plugin(source, implementations, tuple(faults))


def _explain_hook(hook: str, function: Callable[..., object]) -> str:
    """Explain why a function cannot implement a hook; return "" if it can."""
    if hook not in hookspecs.HOOKS:
        return f"implements no hook of facegen: '{hook}'{did_you_mean(hook, hookspecs.HOOKS)}"
    parameters = inspect.signature(function).parameters.values()
    required = [one.name for one in parameters if one.default is one.empty and one.kind not in _VARIADIC]
    return f"implements {hook} with the argument {', '.join(required)}; a hook takes none" if required else ""


@cache
def installed_plugins() -> tuple[tuple[Plugin, ...], tuple[Broken, ...]]:
    """Import every installed plugin; return those that work and those that do not."""
    plugins: list[Plugin] = []
    broken: list[Broken] = []
    for source, entry_point in _entry_points():
        try:
            with guarded(source.cannot_import):
                module = entry_point.load()
            plugin = read_plugin(source, module)
            plugins.append(plugin)
            broken += plugin.faults
        except PluginError as error:
            broken.append(Broken(source, str(error)))
    return tuple(plugins), tuple(broken)


def source_of_module(module: str) -> Source | None:
    """Return the plugin in whose package a module lies; None if it is of no plugin."""
    package = module.partition(".")[0]
    return next((source for source, entry in _entry_points() if entry.module.partition(".")[0] == package), None)


def _entry_points() -> list[tuple[Source, EntryPoint]]:
    """Return the entry points of the group with their origins, each once, in a stable order."""
    unique: dict[tuple[str, str], tuple[Source, EntryPoint]] = {}
    for distribution in distributions():
        for entry_point in distribution.entry_points:
            if entry_point.group == ENTRY_POINT_GROUP:
                source = Source(entry_point.name, distribution.name, distribution.version)
                unique.setdefault((source.package, source.plugin), (source, entry_point))
    return [unique[key] for key in sorted(unique)]
