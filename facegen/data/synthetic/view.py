"""Coordinates of pixels in the image plane, on the turned head, and on the body."""

from dataclasses import dataclass

import torch
from torch import Tensor

# Ellipsoid of the head, for its rotation and its normals; in units of half an image.
HALF_WIDTH, HALF_HEIGHT, DEPTH = 0.53, 0.72, 0.46
ORIGIN_Y = -0.06  # eyes above the middle of the image, to leave room for the shoulders


@dataclass(frozen=True)
class View:
    """Coordinates of every pixel, (batch, height, width), x to the right, y down, eyes at y = 0.

    Attributes:
        u, v: in the plane through the head. x, y: on the face in frontal view, with the rotation removed.
        nx, ny, nz: normal of the ellipsoid. body_x, body_y: without the roll of the head.
        yaw, pitch: sines, (batch, 1, 1). pixel: size of a pixel, (batch, 1, 1).
    """

    u: Tensor
    v: Tensor
    x: Tensor
    y: Tensor
    nx: Tensor
    ny: Tensor
    nz: Tensor
    body_x: Tensor
    body_y: Tensor
    yaw: Tensor
    pitch: Tensor
    pixel: Tensor


def _column(value: Tensor) -> Tensor:
    return value.to(torch.float32)[:, None, None]


def project_view(moments: dict[str, Tensor], image_pixels: int) -> View:
    """Compute the coordinates of all pixels on head, face and body."""
    m = {name: value.double() for name, value in moments.items()}
    axis = (torch.arange(image_pixels, device=m["yaw"].device, dtype=torch.float32) + 0.5) * (2.0 / image_pixels) - 1.0
    zoom = m["zoom"]
    px = (axis[None, None, :] - _column(m["shift_x"])) / _column(zoom)
    py = (axis[None, :, None] - _column(m["shift_y"]) - ORIGIN_Y) / _column(zoom)
    cos, sin = _column(torch.cos(m["roll"])), _column(torch.sin(m["roll"]))
    lower = py - 0.45  # the roll axis is at the neck
    u = px * cos + lower * sin
    v = lower * cos - px * sin + 0.45
    a, b = u / HALF_WIDTH, (v - 0.02) / HALF_HEIGHT
    nz = torch.sqrt((1.0 - a * a - b * b).clamp(min=0.0))
    depth = DEPTH * nz
    yaw, pitch = _column(torch.sin(m["yaw"])), _column(torch.sin(m["pitch"]))
    x = u * _column(torch.cos(m["yaw"])) - depth * yaw
    y = v * _column(torch.cos(m["pitch"])) - depth * pitch
    rows, columns = image_pixels, image_pixels
    return View(
        u,
        v,
        x,
        y,
        a,
        b,
        nz,
        px.expand(-1, rows, -1),
        py.expand(-1, -1, columns),
        yaw,
        pitch,
        _column(2.0 / image_pixels / zoom),
    )
