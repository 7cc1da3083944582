"""Metric `diversity`: distances between generated faces, compared with those between real faces."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Evidence, Figure, key_part
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap

Statistic = Callable[[Tensor], Tensor]


class Diversity(Metric):
    """Distances between faces of one voice under different noises, of different voices under one noise, and real ones.

        d(a, b) = 1 - cos(a, b) in the judge's face features, averaged over all pairs

    The first distance is 0 if the generator ignores the noise, the second is 0 if it ignores the voice. Distances
    between real faces of one person and of different people are the reference. Generated faces are also compared with
    the true face of their own voice and of a shuffled voice: if the two distances are equal, the faces do not depend
    on the voice. Pixel distances are mean absolute differences in levels of 255; they show differences that the judge's
    features do not.

    Source:
        Ours; it detects the mode collapse that Roldan Sanchez 2018, section VI, describes.
    """

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute distances with intervals; pixel distances between people have none, as they use one pair per row."""
        people, real = Bootstrap(evidence.person, evidence.seed), _unit(evidence.real)
        figures = [] if evidence.fake is None else _generated(people, _unit(evidence.fake), real)
        figures.append(_face_distance("real, other person", people, _between(people, real, real)))
        return figures + _one_person(evidence, real) + _pixels(evidence)


def _generated(people: Bootstrap, fake: Tensor, real: Tensor) -> list[Figure]:
    # The product of two flattened rows is then the mean of the products under equal noises.
    flat = fake.flatten(1) / fake.shape[1] ** 0.5
    statistics = {
        "one voice, other noise": _mean(people, _spread(fake)),
        "other voice, same noise": _between(people, flat, flat),
        "to the true face": _mean(people, 1 - (fake * real[:, None]).sum(2).mean(1)),
        "to the true face of a shuffled voice": _between(people, fake.mean(1), real),
    }
    figures = {name: _face_distance(name, people, statistic) for name, statistic in statistics.items()}
    figures["to the true face"] = replace(figures["to the true face"], better="lower")
    return list(figures.values())


def _one_person(evidence: Evidence, real: Tensor) -> list[Figure]:
    """Compute the distance between one person's real faces, and the ratio of the distance under noise to it."""
    one_person, share = "real, one person", ("share_of_real", "diversity, share of one person's real faces")
    has_other = torch.zeros(len(real), dtype=torch.bool)
    if evidence.real_other is not None:
        has_other = evidence.real_other.isfinite().all(dim=1)
    if evidence.real_other is None or not bool(has_other.any()):
        distance = (f"face_distance.{key_part(one_person)}", f"face distance, {one_person}")
        names = [distance] if evidence.fake is None else [distance, share]
        return [Figure.missing(*name, "one real face per person") for name in names]
    people = Bootstrap(evidence.person[has_other], evidence.seed)
    own = _mean(people, 1 - (real[has_other] * _unit(evidence.real_other[has_other])).sum(1))
    figures = [_face_distance(one_person, people, own)]
    if evidence.fake is not None:
        generated = _mean(people, _spread(_unit(evidence.fake[has_other])))
        note = "0: the noise is ignored; 1: as diverse as real faces of one person"
        figures.append(_figure(*share, people, lambda weights: generated(weights) / own(weights), note))
    return figures


def _face_distance(name: str, people: Bootstrap, statistic: Statistic) -> Figure:
    return _figure(f"face_distance.{key_part(name)}", f"face distance, {name}", people, statistic)


def _figure(key: str, label: str, people: Bootstrap, statistic: Statistic, note: str = "") -> Figure:
    estimate = people.estimate(statistic)
    if not math.isfinite(estimate.value):
        return Figure.missing(key, label, "too few people, or all real faces are equal")
    return Figure.of(key, label, estimate, note=note)


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features.double(), dim=-1)


def _mean(people: Bootstrap, values: Tensor) -> Statistic:
    sums = people.sums(values)
    return lambda weights: (weights @ sums) / (weights @ people.num_rows)


def _spread(faces: Tensor) -> Tensor:
    """Compute the mean distance of a row's faces, half the mean square of differences: (N, Z, e) -> (N,)."""
    return (faces - faces.mean(1, keepdim=True)).square().sum((1, 2)) / (faces.shape[1] - 1)


def _between(people: Bootstrap, one: Tensor, other: Tensor) -> Statistic:
    """Make the mean of 1 - a . b over all pairs of rows of different people: products of sums, minus own pairs.

    Args:
        one, other: (N, e)
    """
    first, second, counts = people.sums(one), people.sums(other), people.num_rows
    own, own_pairs = (first * second).sum(1), counts.square()

    def statistic(weights: Tensor) -> Tensor:
        products = ((weights @ first) * (weights @ second)).sum(1) - weights.square() @ own
        pairs = (weights @ counts).square() - weights.square() @ own_pairs
        return 1 - products / pairs

    return statistic


def _pixels(evidence: Evidence) -> list[Figure]:
    """Compute mean absolute pixel differences; the neighbour of a row is a row of the next person."""
    order = evidence.person.argsort(stable=True)
    _, counts = evidence.person.unique(return_counts=True)
    if len(counts) < 2:
        return []
    neighbour = torch.empty_like(order)
    # After a shift by the largest group, a neighbour is of another person, unless one person has over half of the rows.
    neighbour[order] = order.roll(-int(counts.max()))
    differs = evidence.person[neighbour] != evidence.person
    figures = []
    if evidence.fake_faces is not None:
        faces = evidence.fake_faces
        by_noise = _difference(faces, faces.roll(1, dims=1)).mean(1)
        estimate = Bootstrap(evidence.person, evidence.seed).mean(by_noise)
        figures.append(Figure.of(*_pixel_distance("one voice, other noise"), estimate, by_judge=False))
        by_voice = _difference(faces, faces[neighbour])[differs].mean()
        figures.append(Figure(*_pixel_distance("other voice, same noise"), float(by_voice), by_judge=False))
    real = _difference(evidence.real_faces, evidence.real_faces[neighbour])[differs].mean()
    return [*figures, Figure(*_pixel_distance("real, other person"), float(real), by_judge=False)]


def _pixel_distance(name: str) -> tuple[str, str]:
    """Return key and label."""
    return f"pixel_distance.{key_part(name)}", f"pixel distance, {name}"


def _difference(first: Tensor, second: Tensor) -> Tensor:
    """Compute the mean absolute difference: (..., H, W, 3) uint8 -> (...) float."""
    rows = [(one.float() - other.float()).abs().mean((-3, -2, -1)) for one, other in zip(first, second, strict=True)]
    return torch.stack(rows)
