"""Drawing of hair and beard."""

from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.data.synthetic.anatomy import Anatomy
from facegen.data.synthetic.shapes import bump, ellipse, fill, paint, ridge, smoothstep, wave
from facegen.data.synthetic.view import View

# Rows: cropped, short, side parting, chin-length, long. Lengths are in units of half an image.
# Columns: volume, lower end, flare, width and height of the face opening, parting, sweep, tufts, softness
STYLES = (
    (0.035, 0.070, 0.000, 0.436, 0.455, 0.00, 0.9, 0.002, 0.035),
    (0.095, 0.080, 0.000, 0.428, 0.430, 0.16, 0.9, 0.009, 0.012),
    (0.100, 0.090, 0.000, 0.422, 0.470, -0.19, 1.9, 0.004, 0.006),
    (0.095, 0.480, 0.060, 0.385, 0.480, -0.12, 2.2, 0.003, 0.006),
    (0.095, 1.600, 0.110, 0.375, 0.500, 0.02, 2.8, 0.003, 0.006),
)


@dataclass(frozen=True)
class Hair:
    """Hair as maps over the pixels: distances and colour.

    Attributes:
        shell: distance to the outer contour. front: distance to the part in front of the head.
        softness: width of the transition at the hairline.
        colour: (batch, 3, height, width), with light and shadow.
    """

    shell: Tensor
    front: Tensor
    softness: Tensor
    colour: Tensor


def shape_hair(
    view: View, a: Anatomy, style: Tensor, base: Tensor, grey: Tensor, moments: dict[str, Tensor], ears: Tensor
) -> Hair:
    """Compute the shape and the colour of the hair of every row."""
    rows = torch.tensor(STYLES, device=view.u.device)[style.long().clamp(0, len(STYLES) - 1)]
    volume, end, flare, opening, height, part, sweep, tufts, soft = (c[:, None, None] for c in rows.unbind(1))
    u = view.u + 0.06 * view.yaw
    depth = ((view.v + 0.70) / 0.42).clamp(0.0, 1.0)
    strand = (u - part * (1.0 - depth)) / (0.20 + 0.46 * depth * (2.0 - depth))
    tuft = wave(strand * 4.3 + 2.0 * view.v) + 0.5 * wave(strand * 11.7 - 1.3 * view.v) * wave(strand * 1.9)
    ragged = tufts * tuft * (0.65 + 0.35 * wave(strand * 1.3 + 0.2))
    fall = ((view.v + 0.10) / (end.clamp(max=0.9) + 0.10)).clamp(min=0.0)
    turned_in = 0.06 * (end > 0.3) * (end < 1.0) * fall * fall * fall
    side = a.width + volume + flare * fall * (1.6 - 0.6 * fall) - turned_in
    top = (view.v + 0.10).clamp(max=0.0) / (a.crown + volume - 0.10)
    q = torch.sqrt((u / side) * (u / side) + top * top + 1e-9)
    shell = (q - 1.0) * (a.width + volume) + ragged
    rounded = 0.6 * (u.abs() - 0.40).clamp(min=0.0)
    shell = torch.maximum(shell, (view.v - end + rounded + ragged) * 0.9)
    line = _hairline(view, a, opening, height, part, sweep, end)
    front = torch.maximum(shell, -line - ragged)
    sideburn = (view.v - end + 0.45 * line) * 0.9  # narrow in front of the ear, farther back above it
    front = torch.where(end < 0.3, torch.maximum(torch.maximum(front, -ears), sideburn), front)
    return Hair(shell, front, soft, _strands(view, strand, q, line, base, grey, moments))


def _hairline(
    view: View, a: Anatomy, opening: Tensor, height: Tensor, part: Tensor, sweep: Tensor, end: Tensor
) -> Tensor:
    """Compute the distance to the face opening, negative inside: rounded above, open below, receding in old men."""
    x, y = view.x, view.y
    away = x - part
    recede = a.male * (a.age - 0.25).clamp(min=0.0) * 1.35
    corner = bump(x.abs() - 0.22, y + 0.42, 0.16, 0.30)
    rise = height + recede * (0.050 + 0.11 * corner) - sweep * away * away / (1.0 + 5.0 * away * away)
    wide = opening * (a.width / 0.452) * (1.0 - 0.35 * view.yaw.abs())
    wide = wide * (1.0 - 0.10 * (end > 0.3) * smoothstep(y, 0.0, 0.5))
    up = (0.05 - y).clamp(min=0.0) / (rise + 0.05)
    ax = x / wide
    ax2 = ax * ax
    q = torch.sqrt(torch.sqrt(ax2 * ax2 * ax2 + up * up * up * up + 1e-9))
    return (q - 1.0) * 0.40


def _strands(
    view: View, strand: Tensor, q: Tensor, line: Tensor, base: Tensor, grey: Tensor, moments: dict[str, Tensor]
) -> Tensor:
    """Colour the strands: light and dark locks, a highlight, shadow at the roots, streaks of grey."""
    locks = wave(strand * 2.7 + 0.5 * view.v)
    fine = 0.4 * wave(strand * 17.3 + 1.7 * view.v + 0.4 * locks)
    fine = fine + 0.6 * wave(strand * 7.9 - 0.9 * view.v + 0.5 * locks)
    lx, ly = moments["light_x"], moments["light_y"]
    lit = 0.10 + 0.42 * (lx * view.nx + ly * view.ny) + 0.09 * fine + 0.12 * locks
    band = view.v + 0.47 - 0.25 * view.u * view.u + 0.02 * fine
    sheen = ridge(band, 0.10) * (0.55 + 0.3 * fine) * smoothstep(lx * view.u * 1.5, -0.5, 0.6)
    lit = lit - 0.40 * smoothstep(q, 0.90, 1.02) - 0.28 * smoothstep(line, 0.06, 0.0)
    silver = base.new_tensor((0.690, 0.685, 0.680)).view(1, 3, 1, 1)
    share = (grey * (0.92 + 0.10 * fine)).clamp(0.0, 1.0)[:, None]
    colour = base + share * (silver - base)
    dark = (-lit).clamp(0.0, 0.8)[:, None]
    bright = lit.clamp(0.0, 1.0)[:, None]
    colour = colour * (1.0 - 0.75 * dark) * (1.0 + 0.55 * bright) + 0.05 * bright
    return colour + (0.34 * sheen.clamp(min=0.0))[:, None] * (colour * 1.2 + 0.22 - 0.3 * colour)


def draw_beard(image: Tensor, view: View, a: Anatomy, kind: Tensor, base: Tensor, contour: Tensor) -> None:
    """Draw stubble (kind 1) or a full beard (kind 2) on men: cheeks below a line, and moustache, but not the lips."""
    x, y = view.x, view.y
    side = x.abs()
    stubble = a.male * (kind > 0.5) * (kind < 1.5)
    full = a.male * (kind > 1.5)
    cheek_line = (
        a.mouth_y
        + 0.02
        - 0.72 * (side - a.mouth_width + 0.02).clamp(min=0.0)
        - 1.2 * (side - a.mouth_width).clamp(min=0.0) ** 2
    )
    below = y - cheek_line
    slope = a.mouth_y - a.lip_upper - 0.016 + 0.42 * (side - 0.05)
    moustache = ellipse(side - 0.50 * a.mouth_width, y - slope, 0.84 * a.mouth_width, 0.060)
    lips = ellipse(x, y - a.mouth_y - 0.006, a.mouth_width * 0.92, 0.9 * (a.lip_upper + a.lip_lower))
    grain = wave(x * 17.0 + 0.6 * wave(y * 9.0 + x * 4.0)) * wave(y * 5.0 + x * 31.0)
    edge = torch.minimum(-below + 0.010 * grain, moustache)
    soft = smoothstep(edge, 0.030, -0.045) * smoothstep(lips, -0.008, 0.008)
    inside = fill(contour - 0.018 * full * smoothstep(y, 0.2, 0.5), view.pixel)
    colour = base * (0.84 + 0.12 * grain)[:, None]
    shaded = colour * (1.0 - 0.35 * smoothstep(contour, -0.12, 0.0))[:, None]
    paint(image, shaded, 0.92 * full * soft * inside)
    paint(image, base * 0.75, 0.36 * stubble * soft * fill(contour, view.pixel) * (0.85 + 0.15 * grain))
