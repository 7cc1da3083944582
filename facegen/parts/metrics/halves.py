"""Frechet distances, with the distance between two halves of the real people as reference."""

import torch
from torch import Tensor

from facegen.core.evidence import Figure, key_part
from facegen.core.randomness import generator_for
from facegen.core.statistics import frechet_distance
from facegen.parts.metrics.views import View

MIN_PEOPLE = 4


def frechet_figures(key: str, label: str, view: View, seed: int, num_redraws: int) -> list[Figure]:
    """Compute distances of real and generated faces, whole and by halves of the people, and of real halves.

    Args:
        key, label: key and label of the distance.
        view: features of the faces.
        seed: random seed of the halves.
        num_redraws: number of random splits of the people; the distances are averaged.
    """
    real, fake, num = view.real, view.fake, len(view.real)
    if num < 2:
        return [Figure.missing(f"{key}.distance", label, view.sizes)]
    figures = []
    if fake is not None:
        distance = frechet_distance(real, fake)
        figures.append(Figure(f"{key}.distance", label, distance, note=_sizes(num, num, real.shape[1]), better="lower"))
    halves = split_people(view.person, seed, num_redraws)
    if not halves:
        missing = f"fewer than {MIN_PEOPLE} people cannot be split into halves"
        return [*figures, Figure.missing(f"{key}.real_halves", f"{label}, real halves", missing)]
    note = _sizes(len(halves[0][0]), len(halves[0][1]), real.shape[1])
    sides = {"real halves": real} if fake is None else {"generated half to real half": fake, "real halves": real}
    for side, other in sides.items():
        distances = [frechet_distance(real[one], other[two]) for one, two in halves]
        mean = sum(distances) / len(distances)
        figures.append(Figure(f"{key}.{key_part(side)}", f"{label}, {side}", mean, note=note))
    return figures


def split_people(person: Tensor, seed: int, num_redraws: int) -> list[tuple[Tensor, Tensor]]:
    """Split people into random halves repeatedly: rows of both halves; no halves for fewer than four people."""
    people, of = person.unique(return_inverse=True)
    halves = []
    for redraw in range(num_redraws):
        order = torch.randperm(len(people), generator=generator_for(seed, "halves", redraw))
        first = (order < len(people) // 2)[of]
        halves.append((torch.nonzero(first)[:, 0], torch.nonzero(~first)[:, 0]))
    return [] if len(people) < MIN_PEOPLE else halves


def _sizes(num: int, other: int, dim: int) -> str:
    few = "" if min(num, other) > dim else "; fewer faces than features, so the distance is biased upwards"
    return f"{num} against {other} faces, {dim} features{few}"
