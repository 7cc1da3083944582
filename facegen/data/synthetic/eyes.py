"""Drawing of eyes, brows and glasses."""

import torch
from torch import Tensor

from facegen.data.synthetic.anatomy import Anatomy
from facegen.data.synthetic.palette import constant
from facegen.data.synthetic.shapes import between, fill, paint, ridge, shade, smoothstep, stroke, superellipse, wave
from facegen.data.synthetic.view import View


def draw_eyes(image: Tensor, view: View, a: Anatomy, iris: Tensor, moments: dict[str, Tensor]) -> None:
    """Draw both eyes, mirrored: white, iris, pupil, highlight, lids and lashes; x points away from the nose."""
    mirror = torch.where(view.x < 0.0, -1.0, 1.0)
    x = (view.x.abs() - a.eye_x) / a.eye_width
    y = view.y / a.eye_width
    pixel = view.pixel / a.eye_width
    arch = 1.0 - x * x
    hull = arch.clamp(min=0.0)
    slant = -a.eye_tilt * x
    opening = a.eye_open * (1.0 - moments["blink"]) * (1.0 - 0.12 * moments["smile"]) + 0.05 * moments["brow_raise"]
    lower = slant + 0.30 * arch * (1.0 + 0.15 * x) * (1.0 - 0.2 * moments["smile"])
    upper = slant - (opening * (1.0 + 0.10 * x) + 0.02) * arch * (1.25 - 0.25 * arch) + 0.24 * moments["blink"] * hull
    inside = between(upper, y, lower, pixel * 1.15) * (x.abs() < 1.08)
    white = constant((0.955, 0.940, 0.930), x) * (1.0 - 0.34 * smoothstep(y - upper, 0.30, 0.0) - 0.13 * x * x)[:, None]
    paint(white, constant((0.86, 0.55, 0.52), x), 0.7 * smoothstep(x, -0.72, -0.95))
    _draw_iris(white, x - 0.22 * mirror * moments["gaze_x"], y + 0.04 - 0.20 * moments["gaze_y"], iris, pixel, mirror)
    paint(image, white, inside)
    lash = constant((0.090, 0.060, 0.055), x)
    thick = (0.075 + 0.035 * (1.0 - a.male)) * (0.55 + 0.45 * smoothstep(x, -1.0, 0.6))
    wing = (1.0 - a.male) * 0.10 * ridge(x - 1.05, 0.25)
    lid = (
        stroke((y - upper + wing).abs() * 0.85, thick, pixel)
        * smoothstep(x, -1.06, -0.92)
        * smoothstep(x, 1.20 - 0.10 * a.male, 1.0 - 0.05 * a.male)
    )
    shade(image, 0.55 * stroke((y - lower).abs(), 0.045, pixel) * smoothstep(x.abs(), 1.02, 0.8), (0.55, 0.38, 0.36))
    paint(image, lash, 0.95 * lid)
    crease = y - upper + (0.21 - 0.05 * a.old) * (0.55 + 0.45 * hull) + 0.06 * a.old * x
    shade(image, 0.8 * stroke(crease.abs(), 0.035, pixel) * ridge(x - 0.05, 1.15), (0.60, 0.42, 0.38))


def _draw_iris(white: Tensor, x: Tensor, y: Tensor, iris: Tensor, pixel: Tensor, mirror: Tensor) -> None:
    radius = torch.sqrt(x * x + y * y + 1e-9)
    disc = fill(radius - 0.50, pixel)
    depth = 0.72 + 0.55 * smoothstep(y, -0.35, 0.40) - 0.50 * smoothstep(radius, 0.36, 0.50)
    paint(white, iris * depth[:, None], disc)
    paint(white, constant((0.04, 0.03, 0.03), x), fill(radius - 0.225, pixel))
    gx, gy = x * mirror + 0.17, y + 0.19
    paint(white, constant((1.0, 1.0, 1.0), x), 0.95 * fill(torch.sqrt(gx * gx + gy * gy) - 0.125, pixel))


def draw_brows(image: Tensor, view: View, a: Anatomy, hair: Tensor, brow_raise: Tensor) -> None:
    """Draw both brows: thick, low and close together with tension and in men, thin and arched otherwise."""
    along = (view.x.abs() - 0.062) / (a.eye_x + a.eye_width * 1.12 - 0.062)
    arch = 0.034 - 0.014 * a.male - 0.012 * a.tension
    line = (
        a.brow_y
        - 0.028 * brow_raise
        + a.brow_frown * (1.0 - along) * 0.9
        - arch * 4.0 * (along - 0.22) * (1.05 - along)
    )
    share = along.clamp(0.0, 1.0)
    half = a.brow_thick * (1.15 - 0.80 * share * share) * smoothstep(along, -0.06, 0.12)
    off = view.y - line
    hairs = 0.90 + 0.10 * wave(along * 11.0 + off * 40.0)
    alpha = stroke(off.abs(), half, view.pixel) * smoothstep(along, -0.06, 0.05) * smoothstep(along, 1.08, 0.95)
    soft = 0.35 * ridge(off, half * 2.0 + 1e-4) * smoothstep(along, -0.05, 0.1) * smoothstep(along, 1.1, 0.9)
    paint(image, hair * 0.62, torch.maximum(alpha * hairs * (0.92 - 0.15 * a.old), soft))


def draw_glasses(image: Tensor, view: View, a: Anatomy, wears: Tensor, hue: Tensor, contour: Tensor) -> None:
    """Draw rounded glasses with bridge, temples and a reflection on each lens, slightly in front of the face."""
    x, y = view.x - 0.05 * view.yaw, view.y - 0.022
    side = x.abs()
    centre = a.eye_x + 0.012
    rim = superellipse(side - centre, y, a.eye_width + 0.052, 0.118)
    frame = stroke((rim + 0.008).abs(), 0.0105, view.pixel)
    bridge = stroke((y + 0.035 - 0.9 * side * side + 0.012).abs(), 0.009, view.pixel) * (
        side < centre - a.eye_width - 0.044
    )
    outer = centre + a.eye_width + 0.045
    temple = stroke((y + 0.045).abs(), 0.010, view.pixel) * (side > outer) * (contour < 0.0)
    lens = fill(rim, view.pixel) * wears
    shade(image, lens * 0.22 * smoothstep(y, 0.10, -0.12), (0.72, 0.74, 0.78))
    slope = (side - centre) * torch.where(x < 0.0, -1.0, 1.0) + 0.7 * y
    glint = ridge(slope + 0.055, 0.030) + 0.6 * ridge(slope + 0.010, 0.013)
    paint(image, constant((1.0, 1.0, 1.0), x), 0.30 * lens * glint * smoothstep(y, 0.09, -0.08))
    all_parts = torch.maximum(torch.maximum(frame, bridge), temple) * wears
    shadow = ridge(superellipse(side - centre, y - 0.018, a.eye_width + 0.052, 0.118), 0.03)
    shade(image, 0.30 * shadow * wears, (0.66, 0.55, 0.52))
    paint(image, hue, 0.96 * all_parts)
