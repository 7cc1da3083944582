"""Parts by kind and name, from facegen itself and from every installed plugin."""

import importlib
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions

import pluggy

from facegen.core import hookspecs
from facegen.core.declared_settings import declared_settings, explain_reserved
from facegen.core.errors import PluginError, RecipeError
from facegen.core.kinds import KINDS, Kind
from facegen.core.renamed import old_names
from facegen.core.suggest import did_you_mean

ENTRY_POINT_GROUP = "facegen"
OWN_PACKAGE = "facegen"


@dataclass(frozen=True)
class Source:
    """Where parts come from: the plugin's name, its package and version."""

    plugin: str
    package: str
    version: str

    def __str__(self) -> str:
        return f"plugin '{self.plugin}' (package {self.package} {self.version})"

    def cannot_import(self, error: BaseException) -> str:
        """What to say, and do, when something of the package does not import."""
        reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        remedy = "reinstall" if self.package == OWN_PACKAGE else "uninstall"
        return f"fails to import: {reason}; fix it, or {remedy} {self.package}"


@dataclass(frozen=True)
class Part:
    """A registered part, not yet imported when its target is a string."""

    kind: Kind
    name: str
    target: str | type
    source: Source

    def load(self) -> type:
        """The class.

        Raises:
            PluginError: its module does not import, it is not a class of its kind, it uses a name that the interface
                no longer has, or a setting has a reserved name.
        """
        loaded = self._import() if isinstance(self.target, str) else self.target
        interface = getattr(importlib.import_module("facegen"), self.kind.interface)
        if not (isinstance(loaded, type) and issubclass(loaded, interface)):
            raise PluginError(
                f"{self.source}: {self.kind.name} '{self.name}' is {loaded!r}, which is no subclass of "
                f"facegen.{self.kind.interface}"
            )
        renamed = old_names(self.kind.name, loaded, interface)
        if renamed:
            raise PluginError(
                f"{self.source}: {self.kind.name} '{self.name}' uses names that facegen.{self.kind.interface} no "
                f"longer has: {'; '.join(renamed)}"
            )
        reserved = self.reserved_setting(loaded)
        if reserved is not None:
            raise PluginError(str(reserved))
        return loaded

    def reserved_setting(self, target: str | type) -> "Broken | None":
        """A setting that no recipe could reach, because the engine reads the key of that name; None without one."""
        reserved = explain_reserved(self.kind, declared_settings(target))
        return Broken(self.source, f"registers {self.kind.name} '{self.name}', whose {reserved}") if reserved else None

    def _import(self) -> object:
        module, _, attribute = str(self.target).partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:  # whatever a stranger's module raises, the rest goes on
            reason = self.source.cannot_import(error)
            raise PluginError(f"{self.source}: {self.kind.name} '{self.name}' ({self.target}) {reason}") from error


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be registered, or a name that two of them claim, and why."""

    source: Source
    reason: str

    def __str__(self) -> str:
        return f"{self.source} {self.reason}"


@dataclass
class Registry:
    """All parts, and all that is broken; one broken plugin never stops the rest."""

    parts: dict[str, dict[str, Part]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    broken: list[Broken] = field(default_factory=list)
    _clashes: dict[tuple[str, str], str] = field(default_factory=dict)

    def find(self, kind: str, name: str) -> Part:
        """A part by kind and name.

        Raises:
            PluginError: two packages claim the name.
            RecipeError: there is no such part; the nearest name is given.
        """
        if (kind, name) in self._clashes:
            raise PluginError(self._clashes[kind, name])
        if name in self.parts[kind]:
            return self.parts[kind][name]
        hint = "".join(f" ({broken})" for broken in self.broken)
        raise RecipeError(f"{kind} '{name}' is not installed{did_you_mean(name, self.parts[kind])}{hint}")

    def add(self, source: Source, plugin: object) -> None:
        """Register what a plugin's hooks return; what is wrong with it goes to `broken`."""
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs.HookSpecs)
        try:
            manager.register(plugin)
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            self.broken.append(Broken(source, _explain_hook(str(error))))
            return
        if not manager.get_hookcallers(plugin):
            self.broken.append(Broken(source, "implements no hook; is @hookimpl missing above its functions?"))
        for kind in KINDS.values():
            # Called one by one, because pluggy itself passes over a hook that returns None.
            for implementation in getattr(manager.hook, kind.hook).get_hookimpls():
                try:
                    offered = _checked_parts(implementation.function())
                except (Exception, SystemExit) as error:  # a stranger's hook may raise anything
                    self.broken.append(Broken(source, f"fails in {kind.hook}: {type(error).__name__}: {error}"))
                    continue
                for name, target in offered.items():
                    self._add_part(Part(kind, name, target, source))

    def _add_part(self, part: Part) -> None:
        earlier = self.parts[part.kind.name].get(part.name)
        if earlier is None:
            self.parts[part.kind.name][part.name] = part
            # The sources of facegen's own parts need not be read at every start: their tests load each of them.
            reserved = None if part.source.package == OWN_PACKAGE else part.reserved_setting(part.target)
            self.broken += [] if reserved is None else [reserved]
            return
        reason = (
            f"registers {part.kind.name} '{part.name}', which {earlier.source} has too; "
            f"uninstall one of them, or ask its author for another name"
        )
        self.broken.append(Broken(part.source, reason))
        self._clashes[part.kind.name, part.name] = f"{part.source} {reason}"


def _checked_parts(returned: object) -> dict[str, str | type]:
    if not isinstance(returned, dict):
        raise TypeError(f"returns {returned!r}; must be a dict {{name: 'module:Class'}}")
    for name, target in returned.items():
        named = isinstance(name, str) and name and (isinstance(target, type) or ":" in str(target))
        if not named:
            raise TypeError(f"returns {name!r}: {target!r}; must be a name and 'module:Class', or a class")
    return returned


def _explain_hook(message: str) -> str:
    wrong = next((word.strip("'\"") for word in message.split() if "facegen_" in word), message)
    return f"implements no hook of facegen: '{wrong}'{did_you_mean(wrong, (kind.hook for kind in KINDS.values()))}"


def _entry_points() -> list[tuple[EntryPoint, Distribution]]:
    """Entry points of the group with their packages, each once, in a stable order."""
    found: dict[tuple[str, str], tuple[EntryPoint, Distribution]] = {}
    for distribution in distributions():
        for entry_point in distribution.entry_points:
            if entry_point.group == ENTRY_POINT_GROUP:
                found.setdefault((distribution.name, entry_point.name), (entry_point, distribution))
    return [found[key] for key in sorted(found)]


@cache
def registry() -> Registry:
    """The parts of this installation: facegen's own, then every entry point of the group `facegen`."""
    import facegen
    from facegen import parts

    known = Registry()
    known.add(Source("facegen", OWN_PACKAGE, facegen.__version__), parts)
    for entry_point, distribution in _entry_points():
        source = Source(entry_point.name, distribution.name, distribution.version)
        try:
            plugin = entry_point.load()
        except (Exception, SystemExit) as error:  # whatever a stranger's module raises, the rest goes on
            known.broken.append(Broken(source, source.cannot_import(error)))
            continue
        known.add(source, plugin)
    return known
