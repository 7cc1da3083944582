import re

import pytest
import torch

from facegen.data.synthetic.captions import captions
from facegen.data.synthetic.people import draw_people

ROWS = torch.arange(1500)
PEOPLE = draw_people(4, ROWS)
CAPTIONS = captions(PEOPLE, 4, ROWS)


def chosen(condition: torch.Tensor) -> list[str]:
    return [CAPTIONS[row] for row in condition.nonzero()[:, 0].tolist()]


def test_sentences_are_well_formed():
    for caption in CAPTIONS:
        assert caption.isascii() and len(caption) <= 200
        assert re.fullmatch(r"([A-Z][a-z ,-]+\.)( [A-Z][a-z ,-]+\.)?", caption), caption
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]|  |,,| ,", caption), caption


def test_pronouns_agree_with_the_sex():
    for caption in chosen(PEOPLE["sex"] == 1):
        assert " man" in caption and not re.search(r"\b(woman|her|She)\b", caption)
    for caption in chosen(PEOPLE["sex"] == 0):
        assert " woman" in caption and not re.search(r"\b(man|his|He|beard|stubble)\b", caption)


def test_glasses_and_beards_are_mentioned_if_and_only_if_visible():
    wears = PEOPLE["glasses"] == 2
    assert all("glasses" in caption for caption in chosen(wears))
    assert not any("glasses" in caption for caption in chosen(~wears))
    man = PEOPLE["sex"] == 1
    assert all("a beard" in caption or "a full beard" in caption for caption in chosen(man & (PEOPLE["beard"] == 2)))
    assert all("stubble" in caption for caption in chosen(man & (PEOPLE["beard"] == 1)))
    assert not any("beard" in caption or "stubble" in caption for caption in chosen(man & (PEOPLE["beard"] == 0)))


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (18.2, {"teens", "young"}),
        (23.9, {"twenties", "young"}),
        (36.0, {"thirties"}),
        (48.0, {"forties", "middle"}),
        (62.0, {"sixties"}),
        (79.9, {"seventies", "old", "elderly"}),
    ],
)
def test_age_words(age, words):
    people = PEOPLE | {"age": torch.full_like(PEOPLE["age"], age)}
    every = {
        "teens",
        "young",
        "twenties",
        "thirties",
        "forties",
        "middle",
        "fifties",
        "sixties",
        "seventies",
        "old",
        "elderly",
    }
    words_used = {word for caption in captions(people, 4, ROWS) for word in re.findall(r"[a-z]+", caption.lower())}
    assert words_used & every == words


def test_hair_turns_grey_with_the_share_that_the_face_shows():
    black = PEOPLE | {"hair_colour": torch.zeros_like(PEOPLE["age"])}
    for age, words in ((44.0, "black hair"), (57.5, "greying black hair"), (71.0, "grey hair")):
        texts = captions(black | {"age": torch.full_like(PEOPLE["age"], age)}, 4, ROWS)
        assert all(words in caption for caption in texts)
        assert ("grey" in words) == any("grey" in caption for caption in texts)


def test_traits_follow_their_factors():
    broad = {"nose": ("large n", "broad n"), "lips": ("full lips",), "fullness": ("full cheeks", "round cheeks")}
    slight = {"nose": ("small n", "narrow n"), "lips": ("thin lips", "narrow lips"), "fullness": ("lean", "hollow")}
    for name in broad:
        assert any(words in caption for caption in CAPTIONS for words in broad[name])
        assert not any(words in caption for caption in chosen(PEOPLE[name] < 0.3) for words in broad[name])
        assert not any(words in caption for caption in chosen(PEOPLE[name] > -0.3) for words in slight[name])


def test_wording_is_a_function_of_the_clip_alone():
    again = captions({name: value[5:7] for name, value in PEOPLE.items()}, 4, ROWS[5:7])
    assert again == CAPTIONS[5:7]
    one = {name: value[:1].expand(50) for name, value in PEOPLE.items()}
    assert len(set(captions(one, 4, torch.arange(50)))) > 10
