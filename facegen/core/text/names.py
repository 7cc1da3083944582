"""Names of people: Unicode normalisation and comparison."""

import unicodedata
from collections.abc import Iterable, Sequence

INVISIBLE = frozenset("\u034f\u115f\u1160\u3164\uffa0") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Invisible characters outside the Unicode category Cf (format characters)."""


def normalise_name(name: str) -> str:
    """Return the canonical form of a name, so that spellings that look the same are one person.

    Letters with marks are composed (Unicode NFC), invisible characters are removed (zero-width spaces and joiners, the
    byte order mark, the soft hyphen, direction marks), other spaces become plain ones, and spaces at the ends are
    removed. Case is kept: Ada and ada are two people. An ASCII name changes only at its ends.
    """
    plain = "".join(
        " " if unicodedata.category(character) == "Zs" else character
        for character in name
        if unicodedata.category(character) != "Cf" and character not in INVISIBLE
    )
    return unicodedata.normalize("NFC", plain).strip()


def spellings_of(name: str) -> tuple[str, ...]:
    """List the spellings of a name that files may contain: as given, normalised, and decomposed (Unicode NFD)."""
    normalised = normalise_name(name)
    return tuple(dict.fromkeys([name, normalised, unicodedata.normalize("NFD", normalised)]))


def matching_names(name: str, known: Iterable[str]) -> list[str]:
    """List the known names that denote the same person; an identical spelling comes first."""
    normalised = normalise_name(name)
    return sorted((other for other in known if normalise_name(other) == normalised), key=lambda other: other != name)


def known_spelling(name: str, known: Sequence[str]) -> str | None:
    """Return the known spelling of a name; None if the name is unknown."""
    return next(iter(matching_names(name, known)), None)


def differ_in_case(names: Iterable[str]) -> list[tuple[str, ...]]:
    """List groups of names that differ only in case, which are different people."""
    groups: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        groups.setdefault(name.casefold(), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]
