"""Nearest names, for error messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(wrong: str, allowed: Iterable[str], max_listed: int | None = None) -> str:
    """Return the end of a message: "; did you mean '...'?" when a name is close, and the list of allowed names.

    Args:
        wrong: the unknown name.
        allowed: the known ones.
        max_listed: number of names to list; None lists all of them.
    """
    names = sorted(allowed)
    close = get_close_matches(wrong, names, n=1, cutoff=0.6)
    guess = f"; did you mean '{close[0]}'?" if close else "."
    listed = names[:max_listed]
    more = [] if len(listed) == len(names) else ["..."]
    return f"{guess} Available: {', '.join([*listed, *more]) or 'none'}"
