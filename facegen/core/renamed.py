"""Names that the interfaces of parts no longer have, and what replaced them."""

import dis
import inspect
from collections.abc import Iterator, Mapping
from functools import cache

RENAMED: Mapping[str, Mapping[str, str]] = {
    "discriminator": {"offers": "supported_heads", "mixes_samples": "uses_batch_statistics"},
    "objective": {"measures": "diagnostics"},
    "penalty": {"image_leaves": "grad_inputs"},
    "augmentation": {"measures": "diagnostics"},
    "recogniser": {"judges": "embeds"},
}
"""{kind: {old name: new name}} of members that a part defines. The engine no longer reads an old name, so a part that
defines one would silently be used with the default of the new name."""
RENAMED_OF_CRITIC: Mapping[str, str] = {"real_view": "real_augmented", "fake_view": "fake_augmented"}
"""{old name: new name} of members of `Critic` that a part of any kind reads."""


@cache  # a recipe check loads each part several times, and reading bytecode is slow
def old_names(kind: str, part: type, interface: type) -> tuple[str, ...]:
    """List the old names that a part uses.

    Args:
        kind: the part's kind.
        part: the class; what it inherits counts, as far as it is not inherited from the interface.
        interface: the base class of the kind.
    Returns:
        "'old' is now 'new'", a line each, in the order of the tables.
    """
    own_classes = [owner for owner in part.__mro__ if owner not in interface.__mro__]
    defined = {name for owner in own_classes for name in (*vars(owner), *inspect.get_annotations(owner))}
    read = set[str]()
    for instruction in (step for owner in own_classes for step in _instructions(owner)):
        if instruction.opname == "STORE_ATTR":
            defined.add(instruction.argval)
        elif instruction.opname == "LOAD_ATTR":
            read.add(instruction.argval)
    renamed = {old: new for old, new in RENAMED.get(kind, {}).items() if old in defined}
    renamed |= {old: new for old, new in RENAMED_OF_CRITIC.items() if old in read}
    return tuple(f"'{old}' is now '{new}'" for old, new in renamed.items())


def _instructions(owner: type) -> Iterator[dis.Instruction]:
    """Yield the instructions of a class's methods and properties."""
    for member in vars(owner).values():
        function = member.fget if isinstance(member, property) else getattr(member, "func", member)
        code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
        if code is not None:
            yield from dis.get_instructions(code)
