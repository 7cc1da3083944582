"""An interpolation as a strip of faces and as the frames of a film."""

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor

from facegen.data.media.grids import grid
from facegen.inference.endpoints import Endpoints
from facegen.training.sample_grid import SHOWN_PIXELS

GAP = 6
HOLD_FRAMES = 6
"""Film: both ends are shown for so long."""


def draw_montage(faces: Tensor, ends: Endpoints, num_steps: int) -> Image:
    """Ways in rows, true faces at the ends where they are known.

    Args:
        faces: (rows, frames, H, W, 3) uint8.
        ends: who stands there.
        num_steps: so many of the frames are shown, the first and the last among them.
    """
    chosen = np.linspace(0, faces.shape[1] - 1, num_steps).round().astype(int)
    columns = list(faces.numpy()[:, chosen].swapaxes(0, 1))
    first, last = ends.labels[0], ends.labels[-1]
    labels = [first, *[""] * (num_steps - 2), last] if len(ends.labels) == 2 else [""] * num_steps
    if ends.faces is not None:
        true = [np.broadcast_to(face, columns[0].shape) for face in ends.faces.numpy()]
        columns = [true[0], *columns, *true[1:]]
        labels = [f"true face: {first}", *[""] * num_steps, *([f"true face: {last}"] if len(true) == 2 else [])]
    images = np.stack(columns, axis=1)
    noises = [f"noise {row + 1}" for row in range(len(faces))]
    if len(ends.labels) == 1:
        noises = [f"noises {2 * row + 1} and {2 * row + 2}" for row in range(len(faces))]
    title = " to ".join(ends.labels) if len(ends.labels) == 2 else f"{first}, from noise to noise"
    return grid(images, row_labels=noises, column_labels=labels, title=title, scale=_scale(images.shape[2]))


def draw_film(faces: Tensor, ends: Endpoints) -> NDArray[np.uint8]:
    """All ways side by side, there and back again: (T, H, W, 3) uint8."""
    ways = list(faces.numpy())
    if ends.faces is not None:
        still = [np.broadcast_to(face, ways[0].shape) for face in ends.faces.numpy()]
        ways = [still[0], *ways, *still[1:]]
    frames = np.concatenate([_framed(way) for way in ways], axis=2)
    there = [frames[:1]] * HOLD_FRAMES + [frames]
    back = [frames[-1:]] * HOLD_FRAMES + [frames[-2:0:-1]]
    return np.concatenate(there + back)


def _framed(way: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _scale(way.shape[1])
    large = way.repeat(scale, axis=1).repeat(scale, axis=2)
    return np.pad(large, ((0, 0), (GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)


def _scale(pixels: int) -> int:
    return max(1, round(SHOWN_PIXELS / pixels))
