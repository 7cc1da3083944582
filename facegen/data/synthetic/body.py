"""Drawing of backdrop, ears, neck and clothes."""

import torch
from torch import Tensor

from facegen.data.synthetic.anatomy import Anatomy
from facegen.data.synthetic.head import skin_colour
from facegen.data.synthetic.palette import hsv
from facegen.data.synthetic.shapes import bump, ellipse, fill, paint, ridge, shade, smoothstep, stroke
from facegen.data.synthetic.view import View


def backdrop(moments: dict[str, Tensor], image_pixels: int) -> Tensor:
    """Draw a wall out of focus: a gradient between two hues, and soft light behind the head."""
    axis = (torch.arange(image_pixels, device=moments["yaw"].device, dtype=torch.float32) + 0.5) * (2.0 / image_pixels)
    x, y = (axis - 1.0)[None, None, :], (axis - 1.0)[None, :, None]
    angle = moments["backdrop_angle"][:, None, None]
    share = smoothstep(0.5 + 0.42 * (y + angle * x), 0.0, 1.0)
    value, saturation = moments["backdrop_value"], moments["backdrop_saturation"]
    top = hsv(moments["hue_top"], saturation, (value * 1.12).clamp(max=0.96))
    bottom = hsv(moments["hue_bottom"], saturation * 1.2, value * 0.72)
    image = top + share[:, None] * (bottom - top)
    pool = bump(x - 0.8 * moments["light_x"][:, None, None], y + 0.35, 1.5, 1.3)
    return image + (0.18 * pool)[:, None] * (1.0 - image)


def _ear_place(view: View, a: Anatomy) -> tuple[Tensor, Tensor]:
    side = (view.u + 0.16 * view.yaw).abs()
    return side - a.width + 0.002 - 0.10 * (0.11 - view.v), view.v - 0.095 + 0.30 * view.pitch


def ear_rim(view: View, a: Anatomy) -> Tensor:
    """Compute the distance to the outline of the nearer ear; the head covers the ear that is turned away."""
    x, y = _ear_place(view, a)
    return ellipse(x + 0.10 * y, y, 0.060 + 0.004 * a.male, 0.132 + 0.013 * a.male + 0.018 * a.age)


def draw_ears(image: Tensor, view: View, a: Anatomy, skin: Tensor, rim: Tensor) -> None:
    """Draw both ears, behind the head."""
    x, y = _ear_place(view, a)
    lit = -0.25 - 2.2 * (0.03 - x).clamp(-0.05, 0.1)
    ear = skin_colour(skin, lit)
    shade(ear, 0.75 * smoothstep(rim, -0.022, -0.05) * smoothstep(y, 0.11, 0.05), (0.70, 0.52, 0.48))
    shade(ear, 0.6 * bump(x, y + 0.02, 0.05, 0.11), (0.86, 0.70, 0.66))
    paint(image, ear, fill(rim, view.pixel))


def draw_neck(image: Tensor, view: View, a: Anatomy, skin: Tensor, contour: Tensor, light_x: Tensor) -> None:
    """Draw the neck as a lit cylinder under the shadow of the chin, with the folds of age and fullness."""
    x, y = view.body_x, view.body_y
    flare = ((y - 0.66) / 0.30).clamp(min=0.0)
    width = a.neck + 0.16 * flare * flare
    across = x / width
    brightness = -0.32 + 0.55 * light_x * across - 0.40 * across * across
    brightness = brightness - 0.55 * smoothstep(contour, 0.24, 0.02)
    brightness = brightness - 0.25 * ridge(x.abs() - 0.12 - 0.25 * (0.95 - y), 0.035) * smoothstep(y, 0.72, 0.9)
    column = skin_colour(skin, brightness)
    paint(image, column, fill(x.abs() - width, view.pixel) * smoothstep(y, 0.28, 0.32))


def draw_double_chin(image: Tensor, view: View, a: Anatomy, skin: Tensor, contour: Tensor) -> None:
    """Draw the double chin of a full face, over the neck and under the head."""
    drop = 0.085 * a.full.clamp(min=0.0) + 0.03 * a.old * (a.full + 0.4).clamp(min=0.0)
    x, y = view.u - 0.16 * view.yaw, view.v - a.chin + 0.10
    fold = ellipse(x, y, 0.86 * a.width * (1.0 - a.taper) + 0.03 * a.full, 0.10 + drop)
    brightness = -0.38 - 0.40 * smoothstep(contour, 0.05, 0.0) - 0.40 * smoothstep(fold, -0.06, 0.0)
    paint(image, skin_colour(skin, brightness), fill(fold, view.pixel) * smoothstep(drop, 0.0, 0.03))


def draw_clothes(image: Tensor, view: View, a: Anatomy, moments: dict[str, Tensor]) -> None:
    """Draw the shoulders in a jumper, a V-neck or a shirt."""
    x, y, pixel = view.body_x, view.body_y, view.pixel
    side = x.abs()
    collar = moments["collar"][:, None, None]
    value = moments["clothing_value"]
    cloth = hsv(moments["clothing_hue"], 0.50 - 0.35 * value, 0.22 + 0.68 * value)
    slope = ((side - a.neck) / a.shoulders).clamp(min=0.0)
    shoulder = 0.80 + 0.17 * slope + 0.22 * slope * slope
    v_neck = ((collar > 0.5) & (collar < 1.5)).to(torch.float32)
    shirt = (collar > 1.5).to(torch.float32)
    opening = 0.02 + a.neck * (0.85 - 0.10 * shirt)
    round_depth = 0.125 * (1.0 - ((side / opening).clamp(max=1.0)) ** 2)
    pointed_depth = 0.34 * (1.0 - (side / opening).clamp(max=1.0))
    dip = round_depth + (v_neck + shirt * 0.75) * (pointed_depth - round_depth)
    edge = shoulder + dip - y
    lit = 0.95 + 0.25 * moments["light_x"][:, None, None] * x - 0.30 * smoothstep(y, 0.85, 1.3) * side
    fabric = cloth * lit[:, None]
    shade(fabric, 0.5 * bump(side - 0.50, y - 1.05, 0.06, 0.30), (0.75, 0.75, 0.78))
    seam = stroke((edge + 0.035).abs(), 0.006, pixel) * (1.0 - shirt) * smoothstep(side, opening + 0.06, opening)
    shade(fabric, seam * 0.8, (0.70, 0.70, 0.72))
    flap = smoothstep(edge, -0.085, -0.075) * smoothstep(side, opening + 0.05, opening + 0.04) * shirt
    fabric = fabric + (0.30 * flap)[:, None] * (1.0 - fabric)
    shade(fabric, stroke((edge + 0.085).abs(), 0.007, pixel) * shirt * (side < opening + 0.05), (0.6, 0.6, 0.63))
    cover = fill(edge * 0.8, pixel)
    shade(image, 0.45 * smoothstep(edge, 0.05, 0.0) * (1.0 - cover), (0.55, 0.45, 0.45))
    paint(image, fabric, cover)
