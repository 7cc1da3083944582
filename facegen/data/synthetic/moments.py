"""Nuisance factors of an image that do not depend on the person: pose, expression, light, background, clothing."""

import torch
from torch import Tensor

from facegen.data.synthetic.counter import normal, uniform

MAX_YAW = 0.5
MAX_PITCH = 0.2
MAX_ROLL = 0.2


def _clip_moments(seed: int, clip: Tensor) -> dict[str, Tensor]:
    """Draw light, background, clothes and framing, once per clip."""
    names = (
        "light_x",
        "light_y",
        "light_strength",
        "light_warmth",
        "hue_top",
        "hue_bottom",
        "backdrop_value",
        "backdrop_saturation",
        "backdrop_angle",
        "clothing_hue",
        "clothing_value",
        "collar",
        "zoom",
    )
    draws = dict(zip(names, uniform(seed, "moments.clip", clip, len(names)).unbind(1), strict=True))
    return {
        "light_x": 1.3 * draws["light_x"] - 0.65,
        "light_y": -0.65 + 0.5 * draws["light_y"],
        "light_strength": 0.75 + 0.5 * draws["light_strength"],
        "light_warmth": 2.0 * draws["light_warmth"] - 1.0,
        "hue_top": draws["hue_top"],
        "hue_bottom": draws["hue_top"] + 0.5 * (draws["hue_bottom"] - 0.5),
        "backdrop_value": 0.3 + 0.6 * draws["backdrop_value"],
        "backdrop_saturation": 0.04 + 0.20 * draws["backdrop_saturation"],
        "backdrop_angle": 2.0 * draws["backdrop_angle"] - 1.0,
        "clothing_hue": draws["clothing_hue"],
        "clothing_value": draws["clothing_value"],
        "collar": torch.floor(3.0 * draws["collar"]),
        "zoom": 1.04 + 0.12 * draws["zoom"],
    }


def draw_moments(seed: int, clip: Tensor, frame: Tensor) -> dict[str, Tensor]:
    """Draw nuisance factors: light, background and clothes per clip, pose and expression per frame.

    Args:
        seed: random seed of the corpus.
        clip, frame: (batch,) int64; `clip` is the number over all clips, `frame` the number within the clip.
    Returns:
        {moment: (batch,) float32}. Angles are in radians (yaw > 0 looks to the right of the image, pitch > 0 down,
        roll > 0 clockwise), shifts in units of half an image; smile, mouth_open and blink are in [-0.4, 1].
    """
    keys = torch.stack((clip, frame), dim=1)
    habit = normal(seed, "moments.habit", clip, 4)
    pose = normal(seed, "moments.pose", keys, 8)
    share = uniform(seed, "moments.share", keys, 4)
    habit_smile = uniform(seed, "moments.smile", clip, 1)[:, 0]
    moments = _clip_moments(seed, clip)
    moments |= {
        "yaw": (0.14 * habit[:, 0] + 0.10 * pose[:, 0]).clamp(-MAX_YAW, MAX_YAW),
        "pitch": (0.05 * habit[:, 1] + 0.04 * pose[:, 1]).clamp(-MAX_PITCH, MAX_PITCH),
        "roll": (0.04 * habit[:, 2] + 0.04 * pose[:, 2]).clamp(-MAX_ROLL, MAX_ROLL),
        "shift_x": (0.03 * habit[:, 3] + 0.02 * pose[:, 3]).clamp(-0.1, 0.1),
        "shift_y": (0.02 * pose[:, 4]).clamp(-0.05, 0.05),
        "smile": (1.05 * habit_smile - 0.05 + 0.15 * pose[:, 5]).clamp(-0.3, 1.0),
        "mouth_open": (1.8 * share[:, 0] - 0.9).clamp(0.0, 0.9),
        "brow_raise": (0.4 * pose[:, 6]).clamp(-1.0, 1.0),
        "blink": ((share[:, 1] - 0.94) / 0.05).clamp(0.0, 1.0),
        "gaze_x": (0.35 * pose[:, 7]).clamp(-1.0, 1.0),
        "gaze_y": 0.6 * share[:, 2] - 0.3,
        "grain": share[:, 3],
    }
    return moments
