"""Frechet distances beside their scale: what two halves of the people have between them."""

import math

import torch
from torch import Tensor

from facegen.core.evidence import Figure
from facegen.core.randomness import generator_for
from facegen.core.statistics import frechet_distance
from facegen.parts.metrics.views import View

MIN_PEOPLE = 4


def frechet_figures(name: str, view: View, seed: int, num_redraws: int) -> list[Figure]:
    """Real against generated, whole and by halves of the people, and real against real by halves.

    Args:
        name: of the distance.
        view: whose features.
        seed: of the halves.
        num_redraws: how often people are split; the distances are averaged.
    """
    real, fake, num = view.real, view.fake, len(view.real)
    if num < 2:
        return [Figure(name, math.nan, note=f"not available: {view.sizes}")]
    figures = []
    if fake is not None:
        distance = frechet_distance(real, fake)
        figures.append(Figure(name, distance, note=_sizes(num, num, real.shape[1]), better="lower"))
    halves = split_people(view.person, seed, num_redraws)
    if not halves:
        missing = "not available: one person cannot be split into halves"
        return [*figures, Figure(f"{name}, real halves", math.nan, note=missing)]
    note = _sizes(len(halves[0][0]), len(halves[0][1]), real.shape[1])
    sides = {"real halves": real} if fake is None else {"generated half to real half": fake, "real halves": real}
    for side, other in sides.items():
        distances = [frechet_distance(real[one], other[two]) for one, two in halves]
        figures.append(Figure(f"{name}, {side}", sum(distances) / len(distances), note=note))
    return figures


def split_people(person: Tensor, seed: int, num_redraws: int) -> list[tuple[Tensor, Tensor]]:
    """Rows of one half of the people, and of the other, as often as they are redrawn; none for fewer than four."""
    people, of = person.unique(return_inverse=True)
    found = []
    for redraw in range(num_redraws):
        order = torch.randperm(len(people), generator=generator_for(seed, "halves", redraw))
        first = (order < len(people) // 2)[of]
        found.append((torch.nonzero(first)[:, 0], torch.nonzero(~first)[:, 0]))
    return [] if len(people) < MIN_PEOPLE else found


def _sizes(num: int, other: int, dim: int) -> str:
    few = "" if min(num, other) > dim else "; fewer faces than features, so the distance is biased upwards"
    return f"{num} against {other} faces, {dim} features{few}"
