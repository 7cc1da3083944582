"""Drawing of the head: outline, relief of the skin, and light."""

import torch
from torch import Tensor

from facegen.data.synthetic.anatomy import Anatomy
from facegen.data.synthetic.shapes import bump, distance, ridge, shade, slopes, smoothstep, stroke
from facegen.data.synthetic.view import View


def outline(view: View, a: Anatomy, mouth_open: Tensor) -> Tensor:
    """Compute the distance to the outline (x / w(y))^2 + |y / l|^n = 1, with n = 2 above the eyes and 3 to 5 below."""
    chin = a.chin + 0.030 * mouth_open + 0.10 * view.pitch
    below = view.v.clamp(min=0.0) / chin
    above = view.v.clamp(max=0.0) / a.crown
    square = below * below
    cheeks = 0.050 * a.full * ridge(below - 0.58, 0.50) + 0.022 * a.old * ridge(below - 0.76, 0.26)
    width = a.width * (1.0 - a.taper * square.clamp(max=1.4)) + cheeks
    turned = view.u - view.yaw * (0.05 + 0.22 * below - 0.05 * above)
    x = turned / width
    cube = square * below
    level = x * x + above * above + cube + (cube * square - cube) * a.square - 1.0
    return distance(level, view.pixel)


def _relief(view: View, a: Anatomy, smile: Tensor) -> Tensor:
    """Compute the height of the skin over the ellipsoid: brows, sockets, nose, cheeks, lips and chin."""
    side, y = view.x.abs(), view.y
    nose_x = view.x - 0.16 * view.yaw * smoothstep(y, -0.12, a.nose_y)
    nose_side = nose_x.abs()
    tip = a.nose_y - 0.035
    bridge_share = smoothstep(y, -0.16, tip) * smoothstep(y, a.nose_y + 0.055, a.nose_y - 0.03)
    height = 0.070 * bridge_share * ridge(nose_x, 0.055 + 0.55 * a.nose_width * smoothstep(y, 0.0, tip))
    height = height + 0.035 * bump(nose_x, y - tip, 0.60 * a.nose_width, 0.06)
    height = height + 0.030 * bump(nose_side - 0.72 * a.nose_width, y - tip - 0.008, 0.45 * a.nose_width, 0.05)
    height = height - 0.050 * bump(side - a.eye_x, y + 0.015, 0.17, 0.11)
    height = height + (0.018 + 0.016 * a.male) * bump(side - 0.16, y - a.brow_y, 0.20, 0.075)
    height = height + 0.034 * bump(side - a.eye_x, y, 0.12, 0.07)
    cheek = 0.030 + 0.024 * a.full + 0.018 * smile.clamp(min=0.0)
    height = height + cheek * bump(side - 0.245, y - 0.17 + 0.02 * smile, 0.17, 0.15)
    hollow = 0.020 * (a.age + 0.4 - 1.1 * a.full).clamp(min=0.0)
    height = height - hollow * bump(side - 0.30, y - a.mouth_y + 0.03, 0.16, 0.20)
    height = height + 0.030 * bump(view.x, y - a.mouth_y, 0.24, 0.12)
    height = height - 0.022 * bump(view.x, y - a.mouth_y - a.lip_lower - 0.035, 0.13, 0.04)
    return height + (0.030 + 0.010 * a.male) * bump(view.x, y - a.chin + 0.065, 0.15, 0.085)


def _light(view: View, height: Tensor, light: tuple[Tensor, Tensor]) -> Tensor:
    """Compute the brightness of the relief, in [-1, 1], and about 0 where the skin faces the viewer."""
    right, down = slopes(height)
    inverse = 1.0 / view.pixel
    nx = 0.95 * view.nx - right * inverse
    ny = 0.80 * view.ny - down * inverse
    nz = view.nz + 0.12
    lx, ly = light
    lz = 0.85
    facing = (nx * lx + ny * ly + nz * lz) / torch.sqrt((nx * nx + ny * ny + nz * nz) * (lx * lx + ly * ly + lz * lz))
    return (facing - 0.78) * 1.7


def skin_colour(base: Tensor, brightness: Tensor) -> Tensor:
    """Shade skin: warm, saturated shadow for negative brightness, pale light for positive."""
    shadow = base * base.new_tensor((0.56, 0.42, 0.40)).view(1, 3, 1, 1)
    glow = base + (1.0 - base) * base.new_tensor((0.52, 0.46, 0.40)).view(1, 3, 1, 1)
    dark = (-brightness).clamp(0.0, 1.5)[:, None]
    dark = dark / (1.0 + 0.35 * dark)  # keeps detail in deep shadows
    bright = brightness.clamp(0.0, 1.0)[:, None]
    return base + dark * (shadow - base) + bright * (glow - base)


def shade_head(view: View, a: Anatomy, skin: Tensor, contour: Tensor, moments: dict[str, Tensor]) -> Tensor:
    """Draw the lit skin of the head, (batch, 3, height, width), without the facial features."""
    smile = moments["smile"]
    brightness = _light(view, _relief(view, a, smile), (moments["light_x"], moments["light_y"]))
    brightness = brightness * moments["light_strength"]
    side, y = view.x.abs(), view.y
    brightness = brightness - 0.40 * bump(side - a.eye_x, y + 0.040, 0.160, 0.10)
    brightness = brightness + 0.20 * bump(side - 0.20, y - 0.17, 0.17, 0.11) + 0.10 * bump(view.x, y + 0.30, 0.3, 0.16)
    brightness = brightness - 0.16 * bump(side - 0.085, y + 0.02, 0.06, 0.10)
    brightness = brightness - 0.30 * smoothstep(contour, -0.16, 0.0) * smoothstep(view.v, -0.1, 0.3)
    image_skin = skin_colour(skin, brightness)
    cheeks = bump(side - 0.25, y - 0.18, 0.20, 0.16) * (0.50 + 0.10 * a.full - 0.12 * a.male)
    nose_tip = 0.3 * bump(view.x - 0.12 * view.yaw, y - a.nose_y + 0.04, 0.12, 0.08)
    shade(image_skin, torch.maximum(cheeks, nose_tip) * skin[:, 0], (1.0, 0.84, 0.84))
    return image_skin


def draw_wrinkles(image: Tensor, view: View, a: Anatomy, smile: Tensor) -> None:
    """Draw lines of age and smiling: forehead, frown, crow's feet, eye bags, nasolabial folds, jowls."""
    x, y, pixel = view.x, view.y, view.pixel
    side = x.abs()
    tint = (0.72, 0.58, 0.54)
    lines = torch.zeros_like(x)
    for row, level in enumerate((-0.225, -0.280, -0.335)):
        curve = y - level - 0.012 * ridge(side - 0.16, 0.16) - 0.15 * (x * x)
        fade = smoothstep(side, 0.27 - 0.03 * row, 0.10)
        lines = torch.maximum(lines, stroke(curve.abs(), 0.0055, pixel) * fade)
    frown = (side - 0.038 - 0.15 * (y + 0.16)).abs()
    lines = torch.maximum(lines, stroke(frown, 0.005, pixel) * ridge(y + 0.15, 0.06))
    from_eye, below_eye = side - a.eye_x - a.eye_width, y - 0.005
    for slant in (-0.55, 0.0, 0.55):
        ray = (below_eye - slant * from_eye).abs()
        lines = torch.maximum(lines, stroke(ray, 0.005, pixel) * ridge(from_eye - 0.065, 0.050))
    lines = lines * (a.old * 0.95).clamp(0.0, 1.0)
    bag_x = (side - a.eye_x) / a.eye_width
    bag = stroke((y - 0.085 + 0.035 * bag_x * bag_x).abs(), 0.006, pixel) * ridge(bag_x, 1.15)
    lines = torch.maximum(lines, bag * (0.15 + 0.80 * a.old).clamp(0.0, 1.0))
    lines = torch.maximum(lines, _folds(view, a, smile))
    shade(image, lines * 0.85, tint)


def _folds(view: View, a: Anatomy, smile: Tensor) -> Tensor:
    """Compute nasolabial folds, from nose to mouth, and marionette lines below the corners of the mouth."""
    side, y, pixel = view.x.abs(), view.y, view.pixel
    top, bottom = a.nose_y - 0.02, a.mouth_y + 0.02
    t = (y - top) / (bottom - top)
    start, end = a.nose_width + 0.030, a.mouth_width + 0.040
    curve = start + (end - start) * t + 0.030 * (t - t * t) * 2.0
    depth = (0.08 + 0.75 * a.old + 0.35 * smile + 0.10 * a.full).clamp(0.0, 1.0)
    fold = stroke((side - curve).abs() * 0.85, 0.007, pixel) * ridge(t - 0.45, 0.75) * depth
    t = (y - a.mouth_y) / 0.13
    marionette = stroke((side - a.mouth_width - 0.012 - 0.02 * t).abs(), 0.006, pixel) * ridge(t - 0.45, 0.5)
    return torch.maximum(fold, marionette * (0.9 * a.old - 0.15).clamp(0.0, 1.0))
