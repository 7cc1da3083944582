"""Interpolate between two people, or between two noises, with a finished run."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.randomness import repeatable
from facegen.data.loading.prepare import restore_faces
from facegen.inference.endpoints import Endpoints
from facegen.training.face_pipeline import FacePipeline, choose_noises

Advance = Callable[[int], None]
"""Progress callback; its argument is the number of faces drawn so far."""


def interpolate(
    pipeline: FacePipeline, endpoints: Endpoints, num_rows: int, num_steps: int, seed: int, observer: Observer
) -> Tensor:
    """Draw paths between two people, each row under its own noise; or paths between two noises of one person.

    Args:
        pipeline: generates the faces.
        endpoints: two people, or one.
        num_rows: number of paths.
        num_steps: faces per path, both ends included.
        seed: of the noises and of everything else that is random.
        observer: gets the number of faces drawn.
    Returns:
        (num_rows, num_steps, H, W, 3) uint8 on the CPU; one row if the run has no noise.
    Raises:
        DataError: one person is given, and the run has no noise.
    """
    encodings = endpoints.encodings
    device = encodings.device
    is_noisy = choose_noises(pipeline.noise, 1, seed, device).numel() > 0
    if len(encodings) == 1 and not is_noisy:
        raise DataError("the run draws without noise, so there is no path between two noises; name two people")
    num_rows = num_rows if is_noisy else 1
    observer.start("draw", num_rows * num_steps)
    rows = []
    noises = choose_noises(pipeline.noise, num_rows * (3 - len(encodings)), seed, device)
    for row in range(num_rows):

        def advance(done: int, before: int = row * num_steps) -> None:
            observer.advance(before + done)

        if len(encodings) == 2:
            rows.append(between_people(pipeline, encodings, noises[row], num_steps, seed, advance))
        else:
            pair = noises[2 * row : 2 * row + 2]
            rows.append(between_noises(pipeline, encodings[0], pair, num_steps, seed, advance))
    observer.finish()
    return torch.stack(rows)


@torch.no_grad()
def between_people(
    pipeline: FacePipeline, encodings: Tensor, noise: Tensor, num_steps: int, seed: int, advance: Advance | None = None
) -> Tensor:
    """Draw a path from one person to another under one noise.

    The path is a straight line between the conditions of the generator, which are the encodings after the recipe's
    transforms.

    Args:
        encodings: (2, dim) of both people.
        noise: (noise_dim,)
        num_steps: number of faces, both ends included.
        seed: of everything else that is random, the same at every step.
        advance: called after every face.
    Returns:
        (num_steps, H, W, 3) uint8 on the CPU.
    """
    first, last = (_condition(pipeline, encoding, seed) for encoding in encodings)
    shares = torch.linspace(0, 1, num_steps).tolist()
    return _draw(pipeline, [torch.lerp(first, last, share) for share in shares], [noise] * num_steps, seed, advance)


@torch.no_grad()
def between_noises(
    pipeline: FacePipeline, encoding: Tensor, noises: Tensor, num_steps: int, seed: int, advance: Advance | None = None
) -> Tensor:
    """Draw a path from one noise to another for one person, along the arc between them.

    Args:
        encoding: (dim,)
        noises: (2, noise_dim)
        num_steps, seed, advance: as for `between_people`.
    Returns:
        (num_steps, H, W, 3) uint8 on the CPU.
    """
    condition = _condition(pipeline, encoding, seed)
    shares = torch.linspace(0, 1, num_steps).tolist()
    path = [slerp(noises[0], noises[1], share) for share in shares]
    return _draw(pipeline, [condition] * num_steps, path, seed, advance)


def slerp(first: Tensor, last: Tensor, share: float) -> Tensor:
    """Interpolate spherically between two vectors.

        sin((1 - t) a) / sin(a) x + sin(t a) / sin(a) y,   a the angle between x and y

    Normal noise of many dimensions lies close to a sphere. The straight line between two noises passes through its
    inside, where the generator was hardly trained. Parallel and opposite vectors have no unique arc between them; for
    these the straight line is taken.

    Args:
        first, last: (dim,) x and y.
        share: t, from 0 to 1.
    Source:
        Shoemake 1985, for quaternions.
    """
    if share in (0.0, 1.0):
        return last if share else first
    cosine = functional.cosine_similarity(first.double(), last.double(), dim=0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if not 1e-4 < float(angle) < torch.pi - 1e-4:
        return torch.lerp(first, last, share)
    mixed = (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * last) / torch.sin(angle)
    return mixed.to(first.dtype)


def _condition(pipeline: FacePipeline, encoding: Tensor, seed: int) -> Tensor:
    """Compute the generator's condition, with the same random transforms for everybody: (dim,) -> (1, dim)."""
    with repeatable(encoding.device, seed, "interpolation"):
        return pipeline.condition(None, encoding[None]).generator


def _draw(
    pipeline: FacePipeline, conditions: list[Tensor], noises: list[Tensor], seed: int, advance: Advance | None
) -> Tensor:
    faces = []
    for number, (condition, noise) in enumerate(zip(conditions, noises, strict=True), 1):
        # One at a time, so that other random values, such as dropout, are the same at every step.
        with repeatable(condition.device, seed, "interpolation"):
            faces.append(restore_faces(pipeline.draw(condition, noise[None])).cpu())
        if advance is not None:
            advance(number)
    return torch.cat(faces)
