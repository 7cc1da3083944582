"""Hidden factors of a synthetic person, which shape the voice, the face, or both."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from facegen.data.synthetic.counter import uniform

Side = Literal["shared", "face", "voice"]


@dataclass(frozen=True)
class Factor:
    """A hidden factor of a person: uniform in [low, high], or one of `classes` integers.

    Attributes:
        name: name of the factor.
        side: what it shapes: both ("shared"), the face only, or the voice only.
        low, high: range of a continuous factor.
        classes: number of classes; 0 for a continuous factor.
        voice, face: its effects on voice and face, in words.
    """

    name: str
    side: Side
    low: float = -1.0
    high: float = 1.0
    classes: int = 0
    voice: str = ""
    face: str = ""


FACTORS: tuple[Factor, ...] = (
    Factor(
        "sex",
        "shared",
        classes=2,
        voice="pitch range, vocal-tract length",
        face="jaw, brow ridge, lips, lashes (0 female, 1 male)",
    ),
    Factor(
        "age",
        "shared",
        18.0,
        80.0,
        voice="jitter, shimmer, tremor, breath, slower speech",
        face="wrinkles, sagging cheeks, grey hair, receding hairline",
    ),
    Factor(
        "size",
        "shared",
        voice="vocal-tract length: all formants together",
        face="width of head and jaw, thickness of the neck",
    ),
    Factor("fullness", "shared", voice="breathiness: noise in the source", face="full cheeks, double chin"),
    Factor(
        "nose",
        "shared",
        voice="nasality: resonance and zero of nasal sounds, a damped first formant",
        face="length and width of the nose",
    ),
    Factor(
        "lips",
        "shared",
        voice="front cavity: second and third formant against the first",
        face="width and thickness of the lips",
    ),
    Factor(
        "tension",
        "shared",
        voice="spectral tilt of the glottal pulse: pressed against soft",
        face="heavy low brows against fine high brows, narrow against open eyes",
    ),
    Factor("skin", "face", 0.0, 1.0, face="skin tone, fair to dark"),
    Factor("hair_colour", "face", classes=5, face="black, dark brown, brown, red, blond"),
    Factor("hair_style", "face", classes=5, face="cropped, short, side parting, chin-length, long"),
    Factor("eye_colour", "face", classes=4, face="brown, hazel, green, blue"),
    Factor("eye_spacing", "face", face="distance between the eyes"),
    Factor("face_length", "face", face="length of the face"),
    Factor("glasses", "face", classes=3, face="none, none, glasses: one in three"),
    Factor("beard", "face", classes=3, face="none, stubble, beard; drawn on men only"),
    Factor("pitch_offset", "voice", voice="pitch beside what sex and age explain, in semitones / 2.5"),
    Factor("intonation", "voice", 0.0, 1.0, voice="range of the melody"),
    Factor("pace", "voice", voice="speaking rate beside age"),
    Factor("accent", "voice", voice="shift of all vowels towards open or close"),
)


MEDIAN_AGE = 49.0
"""Median of ages that are uniform from 18 to 80."""


def draw_people(seed: int, person: Tensor, median_age: float = MEDIAN_AGE) -> dict[str, Tensor]:
    """Draw the hidden factors of people.

    Args:
        seed: random seed of the corpus.
        person: (batch,) int64 numbers of the people.
        median_age: in years; ages are 18 + 62 u^k with u uniform in [0, 1], and k = 1 for the default.
    Returns:
        {factor: (batch,) float32}; a factor with classes holds 0, 1, ... as floats.
    """
    drawn = uniform(seed, "people", person, len(FACTORS))
    people = {}
    for column, factor in enumerate(FACTORS):
        share = drawn[:, column]
        if factor.name == "age" and median_age != MEDIAN_AGE:
            share = share ** (math.log((median_age - factor.low) / (factor.high - factor.low)) / math.log(0.5))
        if factor.classes:
            people[factor.name] = torch.floor(share * factor.classes)
        else:
            people[factor.name] = factor.low + share * (factor.high - factor.low)
    return people


def grey_share(people: dict[str, Tensor]) -> Tensor:
    """Compute the share of grey hair, (batch,) float32: 0 until 45 years, 1 from 70, and a smooth step between."""
    share = ((people["age"] - 45.0) / 25.0).clamp(0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
