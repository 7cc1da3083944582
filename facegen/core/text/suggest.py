"""Nearest names, for error messages."""

from collections.abc import Iterable
from difflib import get_close_matches

from facegen.core.text.shown import cut

MAX_LISTED = 60
"""Number of names that a message lists; no kind has as many parts."""
MAX_COMPARED_CHARACTERS = 100
MAX_COMPARED = 2000


def did_you_mean(wrong: str, allowed: Iterable[str], max_listed: int = MAX_LISTED) -> str:
    """Return the end of a message: "; did you mean '...'?" when a name is close, and the list of allowed names.

    Args:
        wrong: the unknown name.
        allowed: the known ones.
        max_listed: number of names to list.
    """
    names = [cut(name, MAX_COMPARED_CHARACTERS) for name in sorted(allowed)]
    # The comparison takes time that grows with the square of the length.
    close = get_close_matches(wrong[:MAX_COMPARED_CHARACTERS], names[:MAX_COMPARED], n=1, cutoff=0.6)
    guess = f"; did you mean '{close[0]}'?" if close else "."
    listed = names[:max_listed]
    more = [] if len(listed) == len(names) else ["..."]
    return f"{guess} Available: {', '.join([*listed, *more]) or 'none'}"
