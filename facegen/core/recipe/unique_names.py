"""Unique names of the parts of one kind; a recipe may have several of one type."""

from collections.abc import Iterable
from itertools import count


def unique_names(names: Iterable[str]) -> list[str]:
    """Make repeated names unique by a number.

    The first occurrence keeps its name. The next ones become `name_2`, `name_3` and so on; numbered names that are
    themselves among the names are skipped.

    Args:
        names: in the order of the recipe.
    Returns:
        the unique names, in the same order.
    """
    originals = list(names)
    taken = set(originals)
    used: set[str] = set()
    unique = []
    for name in originals:
        if name in used:
            name = next(numbered for number in count(2) if (numbered := f"{name}_{number}") not in taken)
        used.add(name)
        taken.add(name)
        unique.append(name)
    return unique
