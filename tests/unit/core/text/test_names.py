import unicodedata

import pytest

from facegen.core.text.names import differ_in_case, known_as, normalise_name, same_people, spellings_of

COMPOSED, DECOMPOSED = "Jos\u00e9", "Jose\u0301"


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        (DECOMPOSED, COMPOSED),
        ("\u1100\u1161\u11a8", "\uac01"),  # Hangul in its letters
        ("\u212bsa", "\u00c5sa"),  # the sign of the unit of length
        ("A\u0323\u0307", "\u1ea0\u0307"),  # marks in another order
        ("A\u0307\u0323", "\u1ea0\u0307"),
        ("\ufeffAda", "Ada"),
        ("A\u200bd\u200ca\u200d\u2060", "Ada"),
        ("\u200eAda\u202c", "Ada"),
        ("Ad\u00ada", "Ada"),
        ("Ada\ufe0f\u034f\u3164", "Ada"),
        ("Ada\u00a0Lovelace", "Ada Lovelace"),
        ("\u5c71\u7530\u3000\u592a\u90ce", "\u5c71\u7530 \u592a\u90ce"),
        (" \u00a0Ada\u2003", "Ada"),
        ("e\u200b\u0301", "\u00e9"),  # composed only once what stands between is gone
        ("ada", "ada"),
        ("Ada  Lovelace", "Ada  Lovelace"),
        ("\u200b\ufeff", ""),
        ("\udcff.jpg", "\udcff.jpg"),  # a file name that is no UTF-8
    ],
)
def test_one_form_for_what_looks_the_same(name, normal):
    assert normalise_name(name) == normal
    assert normalise_name(normal) == normal


def test_ascii_names_stay_as_they_are():
    printable = "".join(map(chr, range(33, 127)))
    assert normalise_name(printable) == printable


def test_somebody_is_found_in_either_form_the_same_spelling_first():
    known = ["Ada", COMPOSED, "Zoe", DECOMPOSED]
    assert same_people(DECOMPOSED, known) == [DECOMPOSED, COMPOSED]
    assert same_people(COMPOSED, known) == [COMPOSED, DECOMPOSED]
    assert known_as("Ada\u00a0", known) == "Ada" and known_as("ada", known) is None
    assert spellings_of(DECOMPOSED) == (DECOMPOSED, COMPOSED) and spellings_of("Ada") == ("Ada",)
    assert unicodedata.is_normalized("NFD", spellings_of(COMPOSED)[1])


def test_names_that_differ_in_capitals_are_pointed_out():
    assert differ_in_case(["ada", "Ben", "Ada", "ADA", "ben2"]) == [("ADA", "Ada", "ada")]
