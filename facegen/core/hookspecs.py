"""The hooks of facegen, one a kind of part; each returns {name: class, or "module:Class"}.

Strings are preferred: `facegen list-plugins` then answers without importing torch.
"""

from collections.abc import Callable

import pluggy

from facegen.core.kinds import KINDS, Kind

PROJECT = "facegen"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


def _specification(kind: Kind) -> Callable[[], dict[str, str | type]]:
    def hook() -> dict[str, str | type]:
        raise NotImplementedError

    hook.__name__ = kind.hook
    hook.__doc__ = f"Return {{name: part}} of {kind.name}s ({kind.meaning}); see facegen.{kind.interface}."
    return hookspec(hook)


HookSpecs = type("HookSpecs", (), {kind.hook: staticmethod(_specification(kind)) for kind in KINDS.values()})
"""What `pluggy.PluginManager.add_hookspecs` is given."""
