"""Names by which the parts of one kind are told apart, where a recipe chooses one type twice."""

from collections.abc import Iterable
from itertools import count


def unique_names(names: Iterable[str]) -> list[str]:
    """Number repeated names, so that a mapping by name keeps every entry.

    The first of a name keeps it. The next ones become `name_2`, `name_3` and so on; a numbered name that somebody
    else has already is passed over.

    Args:
        names: in the order of the recipe.
    Returns:
        as many names, in the same order, each once.
    """
    given = list(names)
    taken = set(given)
    met: set[str] = set()
    unique = []
    for name in given:
        if name in met:
            name = next(numbered for number in count(2) if (numbered := f"{name}_{number}") not in taken)
        met.add(name)
        taken.add(name)
        unique.append(name)
    return unique
