"""Names of people: one form for all spellings that look the same."""

import unicodedata
from collections.abc import Iterable, Sequence

UNSEEN = frozenset("\u034f\u115f\u1160\u3164\uffa0") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Characters that show nothing although Unicode does not count them among the format characters."""


def normalise_name(name: str) -> str:
    """Bring a name to the form by which a person is known.

    Letters with marks are composed (Unicode NFC), format characters that show nothing are removed (zero-width spaces
    and joiners, the byte order mark, the soft hyphen, marks of direction), every other space is the plain one, and
    spaces at the ends are removed. Case is kept: Ada and ada are two people. A name in ASCII changes at its ends only.
    """
    plain = "".join(
        " " if unicodedata.category(character) == "Zs" else character
        for character in name
        if unicodedata.category(character) != "Cf" and character not in UNSEEN
    )
    return unicodedata.normalize("NFC", plain).strip()


def spellings_of(name: str) -> tuple[str, ...]:
    """The forms in which files may hold a name: as given, normalised, and decomposed (Unicode NFD)."""
    normal = normalise_name(name)
    return tuple(dict.fromkeys([name, normal, unicodedata.normalize("NFD", normal)]))


def same_people(name: str, known: Iterable[str]) -> list[str]:
    """The known names that are a name in whatever form; the same spelling comes first."""
    normal = normalise_name(name)
    return sorted((other for other in known if normalise_name(other) == normal), key=lambda other: other != name)


def known_as(name: str, known: Sequence[str]) -> str | None:
    """The spelling under which a person is known; None where nobody of that name is."""
    return next(iter(same_people(name, known)), None)


def differ_in_case(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of names that differ in nothing but capitals, and are different people all the same."""
    groups: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        groups.setdefault(name.casefold(), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]
