"""Parts by kind and name, from facegen itself and from every installed plugin."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from pydantic import BaseModel

from facegen.core.errors import PluginError, RecipeError
from facegen.core.kinds import KINDS, Kind
from facegen.core.part_contract import class_faults
from facegen.core.plugins import OWN_PACKAGE, Broken, Plugin, Source, installed_plugins, load_target, read_plugin
from facegen.core.recipe.declared_settings import declared_settings, explain_reserved
from facegen.core.recipe.settings import settings_model
from facegen.core.renamed import old_names
from facegen.core.text.suggest import did_you_mean


@dataclass(frozen=True)
class Part:
    """A registered part; its module is imported by `load`.

    Attributes:
        kind: its kind.
        name: as in a recipe.
        target: "module:Class", or the class.
        source: the plugin that registers it.
    """

    kind: Kind
    name: str
    target: str | type
    source: Source

    def load(self) -> type:
        """Return the class.

        Raises:
            PluginError: its module does not import, it is not a class of its kind, it uses a name that the interface
                no longer has, a setting has a reserved name, or an attribute has another type.
        """
        loaded: object = self.target
        if isinstance(self.target, str):
            loaded = load_target(self.source, f"{self.kind.name} '{self.name}'", self.target)
        interface = self.kind.interface_class()
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
        faults = [] if self.is_built_in else class_faults(self.kind.name, loaded)
        if faults:
            raise PluginError(*(f"{self.source}: {self.kind.name} '{self.name}' {fault}" for fault in faults))
        return loaded

    @property
    def is_built_in(self) -> bool:
        """True for parts of facegen itself."""
        return self.source.package == OWN_PACKAGE

    def schema(self) -> type[BaseModel]:
        """Return the schema of its settings.

        Raises:
            PluginError: the class cannot be loaded, or its annotations or defaults are wrong.
        """
        loaded = self.load()
        try:
            return settings_model(loaded)
        except PluginError as error:
            named = f"{self.source}: {self.kind.name} '{self.name}'"
            raise PluginError(*(f"{named}: {problem}" for problem in error.problems)) from error

    def reserved_setting(self, target: str | type) -> Broken | None:
        """Return the fault of a setting that no recipe can set, because the engine reads its key; None without one."""
        reserved = explain_reserved(self.kind, declared_settings(target))
        return Broken(self.source, f"registers {self.kind.name} '{self.name}', whose {reserved}") if reserved else None


@dataclass
class Registry:
    """All parts, and everything that is broken; one broken plugin never stops the rest."""

    parts: dict[str, dict[str, Part]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    broken: list[Broken] = field(default_factory=list)
    _clashes: dict[tuple[str, str], str] = field(default_factory=dict)

    def find(self, kind: str, name: str) -> Part:
        """Return a part by kind and name.

        Raises:
            PluginError: two packages register the name.
            RecipeError: there is no such part; the message suggests the nearest name.
        """
        if (kind, name) in self._clashes:
            raise PluginError(self._clashes[kind, name])
        if name in self.parts[kind]:
            return self.parts[kind][name]
        hint = "".join(f" ({broken})" for broken in self.broken)
        raise RecipeError(f"{kind} '{name}' is not installed{did_you_mean(name, self.parts[kind])}{hint}")

    def add(self, source: Source, module: object) -> None:
        """Register the parts of a plugin's module; its faults go to `broken`."""
        try:
            plugin = read_plugin(source, module)
            self.broken += plugin.faults
            self.add_plugin(plugin)
        except PluginError as error:
            self.broken.append(Broken(source, str(error)))

    def add_plugin(self, plugin: Plugin) -> None:
        """Register the parts of a plugin; what its hooks do wrong goes to `broken`."""
        for kind in KINDS.values():
            for name, target in plugin.offers(kind.hook, _checked_parts, self.broken):
                self._add_part(Part(kind, name, target, plugin.source))

    def _add_part(self, part: Part) -> None:
        earlier = self.parts[part.kind.name].get(part.name)
        if earlier is None:
            self.parts[part.kind.name][part.name] = part
            # The sources of facegen's own parts need not be read at every start: their tests load each of them.
            reserved = None if part.is_built_in else part.reserved_setting(part.target)
            self.broken += [] if reserved is None else [reserved]
            return
        reason = (
            f"registers {part.kind.name} '{part.name}', which {earlier.source} has too; "
            f"uninstall one of them, or ask its author for another name"
        )
        self.broken.append(Broken(part.source, reason))
        self._clashes[part.kind.name, part.name] = f"{part.source} {reason}"


def _checked_parts(returned: object) -> Mapping[str, str | type]:
    if not isinstance(returned, dict):
        raise TypeError(f"returns {returned!r}; must be a dict {{name: 'module:Class'}}")
    for name, target in returned.items():
        is_target = isinstance(target, type) or (isinstance(target, str) and ":" in target)
        if not (isinstance(name, str) and name and is_target):
            raise TypeError(f"returns {name!r}: {target!r}; must be a name and 'module:Class', or a class")
    return returned


@cache
def registry() -> Registry:
    """Return the parts of this installation: facegen's own first, then those of every plugin."""
    import facegen
    from facegen import parts

    installed = Registry()
    installed.add(Source("facegen", OWN_PACKAGE, facegen.__version__), parts)
    plugins, broken = installed_plugins()
    installed.broken += broken
    for plugin in plugins:
        installed.add_plugin(plugin)
    return installed
