"""Render an interpolation as a montage of faces, or as the frames of a film."""

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor

from facegen.data.media.grids import grid
from facegen.inference.endpoints import Endpoints
from facegen.training.sample_grid import SHOWN_PIXELS

GAP = 6
"""Pixels between two paths of a film."""
HOLD_FRAMES = 6
"""Number of frames that a film rests at each end."""


def draw_montage(faces: Tensor, endpoints: Endpoints, num_steps: int) -> Image:
    """Arrange paths in rows, with true faces at the ends if they are known.

    Args:
        faces: (rows, frames, H, W, 3) uint8.
        endpoints: the people at the ends.
        num_steps: number of frames to show, the first and the last among them.
    """
    shown_frames = np.linspace(0, faces.shape[1] - 1, num_steps).round().astype(int)
    columns = list(faces.numpy()[:, shown_frames].swapaxes(0, 1))
    first, last = endpoints.labels[0], endpoints.labels[-1]
    labels = [first, *[""] * (num_steps - 2), last] if len(endpoints.labels) == 2 else [""] * num_steps
    if endpoints.faces is not None:
        true = [np.broadcast_to(face, columns[0].shape) for face in endpoints.faces.numpy()]
        columns = [true[0], *columns, *true[1:]]
        labels = [f"true face: {first}", *[""] * num_steps, *([f"true face: {last}"] if len(true) == 2 else [])]
    images = np.stack(columns, axis=1)
    noises = [f"noise {row + 1}" for row in range(len(faces))]
    if len(endpoints.labels) == 1:
        noises = [f"noises {2 * row + 1} and {2 * row + 2}" for row in range(len(faces))]
    title = " to ".join(endpoints.labels) if len(endpoints.labels) == 2 else f"{first}, from noise to noise"
    return grid(images, row_labels=noises, column_labels=labels, title=title, scale=_scale(images.shape[2]))


def draw_film(faces: Tensor, endpoints: Endpoints) -> NDArray[np.uint8]:
    """Arrange paths side by side, forwards and backwards: (T, H, W, 3) uint8."""
    paths = list(faces.numpy())
    if endpoints.faces is not None:
        still = [np.broadcast_to(face, paths[0].shape) for face in endpoints.faces.numpy()]
        paths = [still[0], *paths, *still[1:]]
    frames = np.concatenate([_framed(path) for path in paths], axis=2)
    forwards = [frames[:1]] * HOLD_FRAMES + [frames]
    backwards = [frames[-1:]] * HOLD_FRAMES + [frames[-2:0:-1]]
    return np.concatenate(forwards + backwards)


def _framed(path: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _scale(path.shape[1])
    large = path.repeat(scale, axis=1).repeat(scale, axis=2)
    return np.pad(large, ((0, 0), (GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)


def _scale(pixels: int) -> int:
    return max(1, round(SHOWN_PIXELS / pixels))
