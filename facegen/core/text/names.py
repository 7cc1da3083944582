"""Normalisation of the names of people: one form for all spellings that look the same."""

import unicodedata
from collections.abc import Iterable, Sequence

INVISIBLE = frozenset("\u034f\u115f\u1160\u3164\uffa0") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Invisible characters that are not format characters (category Cf) in Unicode."""


def normalise_name(name: str) -> str:
    """Normalise the name of a person.

    Letters with marks are composed (Unicode NFC). Invisible format characters are removed (zero-width spaces and
    joiners, the byte order mark, the soft hyphen, direction marks). All kinds of space become the ASCII space, and
    spaces at the ends are removed. Case is kept: Ada and ada are two people. Of an ASCII name, only the ends change.
    """
    plain = "".join(
        " " if unicodedata.category(character) == "Zs" else character
        for character in name
        if unicodedata.category(character) != "Cf" and character not in INVISIBLE
    )
    return unicodedata.normalize("NFC", plain).strip()


def spellings_of(name: str) -> tuple[str, ...]:
    """List the forms in which files may hold a name: as given, normalised, and decomposed (Unicode NFD)."""
    normal = normalise_name(name)
    return tuple(dict.fromkeys([name, normal, unicodedata.normalize("NFD", normal)]))


def matching_names(name: str, known: Iterable[str]) -> list[str]:
    """Select the known names that equal a name after normalisation; the identical spelling comes first."""
    normal = normalise_name(name)
    return sorted((other for other in known if normalise_name(other) == normal), key=lambda other: other != name)


def known_spelling(name: str, known: Sequence[str]) -> str | None:
    """Return the known spelling of a name; None if the name is unknown."""
    return next(iter(matching_names(name, known)), None)


def differ_in_case(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Group names that differ only in upper and lower case; they are different people nevertheless."""
    groups: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        groups.setdefault(name.casefold(), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]
