"""Members that a part's class must have, by kind. Free of torch: the processes of a collection read it, too."""

import inspect
from collections.abc import Mapping

REQUIRED_METHODS: Mapping[str, tuple[str, ...]] = {
    "dataset": ("fingerprint", "clips", "faces"),
    "conditioner": ("forward",),
    "transform": ("forward",),
    "generator": ("forward",),
    "discriminator": ("features",),
    "augmentation": ("forward",),
    "matcher": ("terms", "logits"),
    "metric": ("measure",),
    "recogniser": ("fingerprint",),
    "detector": ("find",),
    "executor": ("run",),
}
"""{kind: methods that its interface leaves to the part}."""

CLASS_ATTRIBUTES: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "dataset": {"is_rendered": (bool,)},
    "conditioner": {"needs": (frozenset, set)},
    "generator": {"uses_draft": (bool,)},
    "discriminator": {"supported_heads": (frozenset, set)},
    "matcher": {"needs_faces": (bool,), "trains_faces": (bool,)},
    "metric": {"reads": (frozenset, set)},
    "recogniser": {"embeds": (frozenset, set)},
    "detector": {"smallest_pixels": (int,), "sure": (float, int)},
}
"""{kind: {attribute of the class: its types}}."""


def missing_methods(kind: str, part: type, interface: type) -> list[str]:
    """List the methods that a part inherits from its interface, although the interface leaves them to the part."""
    return [
        method
        for method in REQUIRED_METHODS.get(kind, ())
        if inspect.getattr_static(part, method) is inspect.getattr_static(interface, method)
    ]


def properties_for_methods(part: type, interface: type) -> list[str]:
    """List the properties of a part that its interface calls as methods."""
    names = (name for name in dir(interface) if not name.startswith("_"))
    return [
        name
        for name in names
        if inspect.isfunction(inspect.getattr_static(interface, name))
        and isinstance(inspect.getattr_static(part, name), property)
    ]


def class_faults(kind: str, part: type) -> list[str]:
    """List the attributes of a part's class that have another type than its interface declares."""
    return [
        f"has {name} = {getattr(part, name)!r:.100}; must be a {types[0].__name__}, set in the class"
        for name, types in CLASS_ATTRIBUTES.get(kind, {}).items()
        if not isinstance(getattr(part, name), types)
    ]
