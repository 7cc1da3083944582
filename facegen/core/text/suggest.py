"""Nearest names, for error messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(wrong: str, allowed: Iterable[str]) -> str:
    """Return the end of a message: "; did you mean '...'?" when a name is close, and the list of allowed names."""
    names = sorted(allowed)
    close = get_close_matches(wrong, names, n=1, cutoff=0.6)
    guess = f"; did you mean '{close[0]}'?" if close else "."
    return f"{guess} Available: {', '.join(names) or 'none'}"
