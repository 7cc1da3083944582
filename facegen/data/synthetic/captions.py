"""Captions of synthetic faces in plain English, like the description of a witness."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from facegen.data.synthetic.counter import uniform
from facegen.data.synthetic.people import grey_share

HAIR_COLOURS = ("black", "dark brown", "brown", "red", "blond")
EYE_COLOURS = ("brown", "hazel", "green", "blue")
_HAIRSTYLES = (
    ("cropped {} hair", "very short {} hair"),
    ("short {} hair",),
    ("{} hair parted at the side", "{} hair with a side parting"),
    ("chin-length {} hair",),
    ("long {} hair",),
)
_DECADES = ("teens", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties")
_NOTABLE = 0.35  # traits of smaller absolute value are not mentioned
_MOST_TRAITS = 3

# {trait: (words for small values, words for large values)}
_TRAITS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "nose": (("a small nose", "a short narrow nose"), ("a large nose", "a long broad nose")),
    "lips": (("thin lips", "narrow lips"), ("full lips", "wide full lips")),
    "fullness": (("lean cheeks", "hollow cheeks"), ("full cheeks", "round cheeks")),
}

Choose = Callable[[Sequence[str]], str]


def captions(people: dict[str, Tensor], seed: int, clip: Tensor) -> list[str]:
    """Describe the face of each person in one or two sentences; the wording differs between clips.

    Only visible and notable traits are mentioned, such as a large nose, but not an ordinary one.

    Args:
        people: factors from `draw_people`, (batch,) each.
        seed: random seed of the corpus.
        clip: (batch,) int64 numbers of the clips.
    Returns:
        One caption per row, of at most 200 ASCII characters.
    """
    names = ("sex", "age", "hair_colour", "hair_style", "eye_colour", "beard", "glasses", "tension", *_TRAITS)
    columns = torch.stack([people[name].cpu() for name in names] + [grey_share(people).cpu()], 1)
    draws = uniform(seed, "captions", clip, 16).cpu().tolist()
    rows = [dict(zip((*names, "grey"), row, strict=True)) for row in columns.tolist()]
    return [_caption(row, numbers) for row, numbers in zip(rows, draws, strict=True)]


def _caption(person: dict[str, float], draws: list[float]) -> str:
    numbers = iter(draws)

    def choose(options: Sequence[str]) -> str:
        return options[int(next(numbers) * len(options))]

    male = person["sex"] > 0.5
    subject, hair, traits = _subject(person, choose), _hair(person, choose), _traits(person, choose)
    order = sorted(traits, key=lambda _: next(numbers))[:_MOST_TRAITS]
    if male and person["beard"] >= 1:
        order.insert(0, "stubble" if person["beard"] < 2 else choose(("a beard", "a full beard")))
    pronoun = "He" if male else "She"
    glasses = person["glasses"] >= 2
    form = choose(("with", "with", "has", "wearing" if glasses else "with"))
    if form == "wearing":
        return f"{subject} wearing glasses, with {_join([hair, *order])}."
    if form == "has":
        opening = f"{subject} wearing glasses" if glasses else subject
        return f"{opening}. {pronoun} has {_join([hair, *order])}."
    if glasses and len(order) < 2:
        return f"{subject} with {_join([hair, *order, 'glasses'])}."
    ending = choose((f" {pronoun} wears glasses.", f" {pronoun} is wearing glasses.")) if glasses else ""
    return f"{subject} with {_join([hair, *order])}.{ending}"


def _subject(person: dict[str, float], choose: Choose) -> str:
    """Describe sex and age, as in 'A woman in her early thirties'."""
    male, age = person["sex"] > 0.5, int(person["age"])
    noun, possessive = ("man", "his") if male else ("woman", "her")
    part = "early " if age % 10 < 4 else "mid-" if age % 10 < 7 else "late "
    decade = _DECADES[age // 10 - 1]
    options = [f"A {noun} in {possessive} {decade}", f"A {noun} in {possessive} {part}{decade}"]
    if age < 32:
        options += [f"A young {noun}"]
    elif 43 <= age < 60:
        options += [f"A middle-aged {noun}"]
    elif age >= 66:
        options += [f"An old {noun}", f"An elderly {noun}"]
    return choose(options)


def _hair(person: dict[str, float], choose: Choose) -> str:
    colour = HAIR_COLOURS[int(person["hair_colour"])]
    if person["grey"] > 0.75:
        colour = "grey"
    elif person["grey"] > 0.25:
        colour = f"greying {colour}"
    return choose(_HAIRSTYLES[int(person["hair_style"])]).format(colour)


def _traits(person: dict[str, float], choose: Choose) -> list[str]:
    """List the notable traits of the face, and always the eyes."""
    traits = []
    for name, (small, large) in _TRAITS.items():
        if abs(person[name]) > _NOTABLE:
            traits.append(choose(large if person[name] > 0 else small))
    colour = EYE_COLOURS[int(person["eye_colour"])]
    if abs(person["tension"]) > _NOTABLE:
        traits.append(choose(("narrow",) if person["tension"] > 0 else ("wide", "wide open")) + f" {colour} eyes")
    else:
        traits.append(f"{colour} eyes")
    return traits


def _join(parts: list[str]) -> str:
    """Join words as in 'a', 'a and b', 'a, b and c'."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
