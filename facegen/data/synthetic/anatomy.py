"""Measures of a face from hidden factors, in units of half an image: eyes at y = 0, the chin near y = 0.62."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Anatomy:
    """Measures of a head, each (batch, 1, 1) float32.

    Attributes:
        male: 0 or 1. age: 0 at 18 years, 1 at 80. old: 0 until about 35 years, then rising to 1.
        full, size, tension: the factors fullness, size and tension, in [-1, 1].
        width: half width at the temples. crown, chin: heights above and below the eyes.
        taper: narrowing of the jaw against the temples. square: shape of the chin, from 0 (round) to 1 (square).
        neck, shoulders: half widths. eye_x, eye_width, eye_open, eye_tilt: position, half width, opening and slant.
        brow_y, brow_thick, brow_frown: height, half thickness, drop of the inner end.
        nose_y, nose_width: base and half width.
        mouth_y, mouth_width, lip_upper, lip_lower: height, half width, thickness of the lips.
    """

    male: Tensor
    age: Tensor
    old: Tensor
    full: Tensor
    size: Tensor
    tension: Tensor
    width: Tensor
    crown: Tensor
    chin: Tensor
    taper: Tensor
    square: Tensor
    neck: Tensor
    shoulders: Tensor
    eye_x: Tensor
    eye_width: Tensor
    eye_open: Tensor
    eye_tilt: Tensor
    brow_y: Tensor
    brow_thick: Tensor
    brow_frown: Tensor
    nose_y: Tensor
    nose_width: Tensor
    mouth_y: Tensor
    mouth_width: Tensor
    lip_upper: Tensor
    lip_lower: Tensor


def _measures(p: dict[str, Tensor]) -> dict[str, Tensor]:
    male, full, size, tension, nose, lips = (p[k] for k in ("sex", "fullness", "size", "tension", "nose", "lips"))
    age = (p["age"] - 18.0) / 62.0
    old = ((p["age"] - 34.0) / 44.0).clamp(0.0, 1.1)
    length = 1.0 + 0.05 * p["face_length"]
    chin = (0.60 + 0.025 * male) * length
    return {
        "male": male,
        "age": age,
        "old": old,
        "full": full,
        "size": size,
        "tension": tension,
        "width": 0.452 + 0.048 * size + 0.010 * male + 0.010 * full,
        "crown": torch.full_like(male, 0.640),
        "chin": chin,
        "taper": 0.46 - 0.13 * male - 0.05 * size - 0.05 * full,
        "square": (0.30 + 0.45 * male + 0.15 * size + 0.05 * full).clamp(0.0, 1.0),
        "neck": 0.230 + 0.055 * male + 0.040 * size + 0.020 * full,
        "shoulders": 0.86 + 0.14 * male + 0.10 * size,
        "eye_x": 0.193 + 0.016 * p["eye_spacing"] + 0.010 * size,
        "eye_width": 0.114 - 0.010 * male,
        "eye_open": 0.50 - 0.05 * male - 0.15 * tension - 0.05 * old,
        "eye_tilt": 0.06 - 0.05 * male - 0.10 * old,
        "brow_y": -0.150 + 0.012 * male + 0.037 * tension,
        "brow_thick": 0.0175 + 0.0050 * male + 0.0095 * tension,
        "brow_frown": 0.008 + 0.025 * tension,
        "nose_y": 0.243 * length + 0.050 * nose,
        "nose_width": 0.083 + 0.025 * nose + 0.008 * male,
        "mouth_y": 0.400 * length + 0.028 * nose + 0.006 * male,
        "mouth_width": 0.160 + 0.038 * lips + 0.006 * male,
        "lip_upper": (0.034 + 0.020 * lips - 0.004 * male - 0.010 * old).clamp(min=0.006),
        "lip_lower": (0.049 + 0.025 * lips - 0.004 * male - 0.011 * old).clamp(min=0.010),
    }


def measure_face(people: dict[str, Tensor]) -> Anatomy:
    """Compute measures from hidden factors, (batch,) each; in float64, so that rounding is the same in any batch."""
    measures = _measures({name: value.double() for name, value in people.items()})
    return Anatomy(**{f.name: measures[f.name].to(torch.float32)[:, None, None] for f in fields(Anatomy)})
