"""Anti-aliased shapes from coordinate maps.

Pixel maps use only +, -, *, /, square roots and comparisons: these round equally in vector and scalar code, so that a
row has the same pixels alone and in a batch.
"""

import torch
from torch import Tensor


def smoothstep(value: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """Compute a smooth step: 0 below low, 1 above high, and a cubic between them."""
    t = ((value - low) / (high - low)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bump(x: Tensor, y: Tensor, width: float | Tensor, height: float | Tensor) -> Tensor:
    """Compute a smooth bump, 1 at the origin, 0 outside an ellipse: max(0, 1 - (x/width)^2 - (y/height)^2)^2."""
    a = x / width
    b = y / height
    hill = (1.0 - a * a - b * b).clamp(min=0.0)
    return hill * hill


def ridge(x: Tensor, width: float | Tensor) -> Tensor:
    """Compute a smooth bump along one coordinate."""
    a = x / width
    hill = (1.0 - a * a).clamp(min=0.0)
    return hill * hill


def wave(x: Tensor) -> Tensor:
    """Compute a parabolic approximation of a sine of period 1, in [-1, 1]."""
    t = x - torch.floor(x)
    s = t - 0.5
    return 16.0 * s * (s.abs() - 0.5)


def ellipse(x: Tensor, y: Tensor, width: float | Tensor, height: float | Tensor) -> Tensor:
    """Compute the distance to an ellipse, of first order at its outline: k0 (k0 - 1) / k1, k0 = |p/r|, k1 = |p/r^2|."""
    a = x / width
    b = y / height
    square = a * a + b * b
    a, b = a / width, b / height
    k0 = torch.sqrt(square)
    return k0 * (k0 - 1.0) / torch.sqrt(a * a + b * b + 1e-12)


def superellipse(x: Tensor, y: Tensor, width: float | Tensor, height: float | Tensor) -> Tensor:
    """Compute the distance to |x/width|^4 + |y/height|^4 = 1 (a rounded box), of first order at its outline."""
    a = x / width
    b = y / height
    a2, b2 = a * a, b * b
    level = a2 * a2 + b2 * b2
    gx = a2 * a / width
    gy = b2 * b / height
    return 0.25 * (level - 1.0) / torch.sqrt(gx * gx + gy * gy + 1e-9)


def segment(x: Tensor, y: Tensor, start: tuple, end: tuple) -> Tensor:
    """Compute the distance to the line between two points."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    px, py = x - start[0], y - start[1]
    t = ((px * dx + py * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0)
    ex, ey = px - t * dx, py - t * dy
    return torch.sqrt(ex * ex + ey * ey)


def slopes(level: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the differences of a map per pixel, to the right and downwards."""
    right, down = torch.empty_like(level), torch.empty_like(level)
    torch.sub(level[:, :, 2:], level[:, :, :-2], out=right[:, :, 1:-1]).mul_(0.5)
    right[:, :, 0] = level[:, :, 1] - level[:, :, 0]
    right[:, :, -1] = level[:, :, -1] - level[:, :, -2]
    torch.sub(level[:, 2:], level[:, :-2], out=down[:, 1:-1]).mul_(0.5)
    down[:, 0] = level[:, 1] - level[:, 0]
    down[:, -1] = level[:, -1] - level[:, -2]
    return right, down


def distance(level: Tensor, pixel: Tensor) -> Tensor:
    """Compute the distance to the outline level = 0 of a smooth map as level / |gradient|."""
    right, down = slopes(level)
    return level * pixel / torch.sqrt(right * right + down * down + 1e-12)


def fill(signed: Tensor, pixel: Tensor) -> Tensor:
    """Compute the share of a pixel inside a shape (distance < 0)."""
    return (0.5 - signed / pixel).clamp(0.0, 1.0)


def between(low: Tensor, value: Tensor, high: Tensor, pixel: Tensor) -> Tensor:
    """Compute the share of a pixel with low < value < high; also correct for bands thinner than a pixel."""
    return (fill(low - value, pixel) - fill(high - value, pixel)).clamp(min=0.0)


def stroke(unsigned: Tensor, half_width: float | Tensor, pixel: Tensor) -> Tensor:
    """Compute the share of a pixel within half_width of a line; also correct for lines thinner than a pixel."""
    return fill(unsigned - half_width, pixel) - fill(unsigned + half_width, pixel)


def paint(image: Tensor, colour: Tensor, alpha: Tensor) -> None:
    """Blend a colour with the image, in place: image + alpha (colour - image).

    Shape:
        image (batch, 3, height, width); colour broadcasts to it; alpha (batch, height, width)
    """
    image.add_((colour - image).mul_(alpha[:, None]))


def shade(image: Tensor, alpha: Tensor, tint: tuple[float, float, float]) -> None:
    """Darken the image in place towards image * tint."""
    for channel, factor in enumerate(tint):
        image[:, channel].mul_(1.0 - (1.0 - factor) * alpha)
