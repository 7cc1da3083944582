"""Drawing of nose and mouth; their volume is part of the relief of the head."""

import torch
from torch import Tensor

from facegen.data.synthetic.anatomy import Anatomy
from facegen.data.synthetic.palette import constant
from facegen.data.synthetic.shapes import between, bump, ellipse, fill, paint, ridge, shade, smoothstep, stroke
from facegen.data.synthetic.view import View


def draw_nose(image: Tensor, view: View, a: Anatomy, light_x: Tensor) -> None:
    """Draw nostrils, wings, the shadow under the tip, and the highlight on it."""
    x = view.x - 0.13 * view.yaw
    y = view.y - a.nose_y - 0.10 * view.pitch
    side, pixel = x.abs(), view.pixel
    shade(image, 0.50 * bump(x + 0.03 * light_x, y - 0.020, 1.25 * a.nose_width, 0.045), (0.62, 0.46, 0.42))
    wing = ellipse(side - 0.66 * a.nose_width, y + 0.030, 0.36 * a.nose_width, 0.042 + 0.2 * (a.nose_width - 0.08))
    outer = smoothstep(side, 0.72 * a.nose_width, 0.95 * a.nose_width)
    shade(image, 0.75 * stroke(wing.abs(), 0.0065, pixel) * outer, (0.60, 0.42, 0.38))
    nostril = ellipse(
        side - 0.46 * a.nose_width,
        y + 0.004 + 0.25 * (side - 0.46 * a.nose_width),
        0.25 * a.nose_width,
        0.0145 + 0.05 * (a.nose_width - 0.08),
    )
    shade(image, 0.92 * fill(nostril, pixel), (0.30, 0.18, 0.17))
    base = stroke((y - 0.012 + 0.6 * side * side / a.nose_width).abs(), 0.005, pixel)
    shade(image, 0.5 * base * smoothstep(side, 0.35 * a.nose_width, 0.2 * a.nose_width), (0.62, 0.44, 0.40))
    tip = bump(x - 0.022 * light_x, y + 0.062, 0.030, 0.026) + 0.55 * bump(x - 0.015 * light_x, y + 0.17, 0.016, 0.10)
    paint(image, constant((1.0, 0.97, 0.93), x), 0.36 * tip)


def _lip_lines(x: Tensor, a: Anatomy, smile: Tensor, gap: Tensor) -> tuple[Tensor, ...]:
    """Compute the y of the upper outline, both inner edges, and the lower outline of the lips, for x in [-1, 1]."""
    arch = 1.0 - x * x
    middle = -0.060 * (smile + 0.12) * (x * x - 0.25) + 0.010 * ridge(x, 0.35) - 0.004
    dent = 0.30 * ridge(x, 0.26)
    top = middle - 0.16 * gap * arch - a.lip_upper * (arch * (1.10 - 0.10 * arch) - dent)
    bottom = middle + gap * arch + a.lip_lower * arch * (1.15 - 0.15 * arch)
    return top, middle - 0.16 * gap * arch, middle + gap * arch, bottom


def draw_mouth(image: Tensor, view: View, a: Anatomy, skin: Tensor, moments: dict[str, Tensor]) -> None:
    """Draw the lips in two tones with a cupid's bow, and teeth and tongue between open lips."""
    smile, pixel = moments["smile"], view.pixel
    width = a.mouth_width * (1.0 + 0.14 * smile - 0.10 * moments["mouth_open"])
    x = (view.x - 0.05 * view.yaw) / width
    y = view.y - a.mouth_y - 0.03 * view.pitch
    gap = 0.085 * moments["mouth_open"]
    top, upper, lower, bottom = _lip_lines(x, a, smile, gap)
    within = (x.abs() < 1.04).to(torch.float32)
    shade(image, 0.40 * bump(x, y - bottom - 0.012, 0.62, 0.035), (0.70, 0.54, 0.50))
    shade(image, 0.30 * bump(x.abs() - 1.05, y - upper, 0.13, 0.024), (0.58, 0.42, 0.40))
    red = skin * constant((0.93, 0.62, 0.62), x)
    rosy = red + (1.0 - a.male)[:, None] * (constant((0.74, 0.30, 0.32), x) - red) * 0.42
    light = rosy + (1.0 - rosy) * 0.16
    paint(image, rosy * 0.84, between(top, y, upper, pixel) * within)
    share = (y - lower) / (bottom - lower).clamp(min=0.01)
    lower_lip = between(lower, y, bottom, pixel) * within
    paint(image, light, lower_lip)
    gleam = bump(x + 0.12, share - 0.42, 0.50, 0.34) * lower_lip
    paint(image, constant((1.0, 0.95, 0.93), x), 0.30 * gleam)
    cavity = between(upper, y, lower, pixel) * within * smoothstep(gap, 0.0, 0.012)
    inside = constant((0.24, 0.07, 0.08), x).expand(-1, -1, *x.shape[1:]).repeat(x.shape[0], 1, 1, 1)
    paint(inside, constant((0.66, 0.30, 0.31), x), bump(x, y - lower - 0.006, 0.75, 0.040))
    teeth = (
        smoothstep(gap, 0.012, 0.03)
        * smoothstep(x.abs(), 0.84, 0.56)
        * smoothstep(y - upper, 0.42 * gap + 0.008, 0.42 * gap - 0.004)
    )
    paint(inside, constant((0.93, 0.905, 0.865), x) * (1.0 - 0.30 * x * x)[:, None], teeth)
    paint(image, inside, cavity)
    line = stroke((y - 0.5 * (upper + lower)).abs(), 0.0065, pixel) * smoothstep(x.abs(), 1.07, 0.95)
    shade(image, 0.85 * line * (1.0 - cavity), (0.36, 0.20, 0.20))
