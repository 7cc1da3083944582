"""What lies between two people, or between two noises, to a finished run."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.randomness import repeatable
from facegen.data.loading.prepare import restore_faces
from facegen.inference.endpoints import Endpoints
from facegen.training.face_pipeline import FacePipeline
from facegen.training.sample_grid import choose_noises

Advance = Callable[[int], None]
"""Told how many faces were drawn so far."""


def interpolate(
    pipeline: FacePipeline, ends: Endpoints, num_rows: int, num_steps: int, seed: int, observer: Observer
) -> Tensor:
    """Faces between two people, each row under a noise of its own; or between two noises a row, of one person.

    Args:
        face pipeline: what draws.
        ends: two people, or one.
        num_rows: how many ways.
        num_steps: faces of each, both ends included.
        seed: of the noises, and of all else that the run draws at random.
        observer: told how many faces are drawn.
    Returns:
        (num_rows, num_steps, H, W, 3) uint8 on the CPU; one row in a run without noise.
    Raises:
        DataError: noises are asked for, and the run draws without noise.
    """
    encodings = ends.encodings
    device = encodings.device
    is_noisy = choose_noises(pipeline.noise, 1, seed, device).numel() > 0
    if len(encodings) == 1 and not is_noisy:
        raise DataError("the run draws without noise, so that there is nothing between two noises; name two people")
    num_rows = num_rows if is_noisy else 1
    observer.start("draw", num_rows * num_steps)
    found = []
    noises = choose_noises(pipeline.noise, num_rows * (3 - len(encodings)), seed, device)
    for row in range(num_rows):

        def advance(done: int, before: int = row * num_steps) -> None:
            observer.advance(before + done)

        if len(encodings) == 2:
            found.append(between_people(pipeline, encodings, noises[row], num_steps, seed, advance))
        else:
            pair = noises[2 * row : 2 * row + 2]
            found.append(between_noises(pipeline, encodings[0], pair, num_steps, seed, advance))
    observer.finish()
    return torch.stack(found)


@torch.no_grad()
def between_people(
    pipeline: FacePipeline, encodings: Tensor, noise: Tensor, num_steps: int, seed: int, advance: Advance | None = None
) -> Tensor:
    """Faces on the way from one person to another under one noise.

    The way is straight in what the generator reads of a person, which is the encoding after the recipe's transforms.

    Args:
        encodings: (2, dim) of both.
        noise: (noise_dim,)
        num_steps: how many faces, both ends included.
        seed: of all else that the run draws at random, the same at every step.
        advance: told of each face.
    Returns:
        (num_steps, H, W, 3) uint8 on the CPU.
    """
    first, last = (_condition(pipeline, encoding, seed) for encoding in encodings)
    ways = torch.linspace(0, 1, num_steps).tolist()
    return _draw(pipeline, [torch.lerp(first, last, way) for way in ways], [noise] * num_steps, seed, advance)


@torch.no_grad()
def between_noises(
    pipeline: FacePipeline, encoding: Tensor, noises: Tensor, num_steps: int, seed: int, advance: Advance | None = None
) -> Tensor:
    """Faces of one person on the way from one noise to another, along the arc between them.

    Args:
        encoding: (dim,)
        noises: (2, noise_dim)
        num_steps, seed, advance: as of `between_people`.
    Returns:
        (num_steps, H, W, 3) uint8 on the CPU.
    """
    condition = _condition(pipeline, encoding, seed)
    ways = torch.linspace(0, 1, num_steps).tolist()
    along = [spherical(noises[0], noises[1], way) for way in ways]
    return _draw(pipeline, [condition] * num_steps, along, seed, advance)


def spherical(first: Tensor, last: Tensor, way: float) -> Tensor:
    """A point on the arc between two vectors.

        sin((1 - t) a) / sin(a) x + sin(t a) / sin(a) y,   a the angle between x and y

    Normal noise of many dimensions lies close to a sphere. The straight way between two noises leads through its
    inside, where the generator was hardly trained. Vectors that point the same way, or contrary ways, have no one arc
    between them, and the straight way is taken.

    Args:
        first, last: (dim,) x and y.
        way: t, from 0 to 1.
    Source:
        Shoemake 1985, for quaternions.
    """
    if way in (0.0, 1.0):
        return last if way else first
    cosine = functional.cosine_similarity(first.double(), last.double(), dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if not 1e-4 < float(angle) < torch.pi - 1e-4:
        return torch.lerp(first, last, way)
    found = (torch.sin((1 - way) * angle) * first + torch.sin(way * angle) * last) / torch.sin(angle)
    return found.to(first.dtype)


def _condition(pipeline: FacePipeline, encoding: Tensor, seed: int) -> Tensor:
    """(dim,) -> (1, condition_dim): what the generator reads; a transform's own noise is the same for everybody."""
    with repeatable(encoding.device, seed, "interpolation"):
        return pipeline.condition(None, encoding[None]).generator


def _draw(
    pipeline: FacePipeline, conditions: list[Tensor], noises: list[Tensor], seed: int, advance: Advance | None
) -> Tensor:
    faces = []
    for number, (condition, noise) in enumerate(zip(conditions, noises, strict=True), 1):
        # One at a time, so that what else is random, such as dropout, does not flicker from step to step.
        with repeatable(condition.device, seed, "interpolation"):
            faces.append(restore_faces(pipeline.draw(condition, noise[None])).cpu())
        if advance is not None:
            advance(number)
    return torch.cat(faces)
