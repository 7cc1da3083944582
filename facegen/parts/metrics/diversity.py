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
    """Distances between faces: of one voice under different noise, of different voices under one noise, of real people.

        d(a, b) = 1 - cos(a, b) in the judge's face features, averaged over all pairs

    Noise that is ignored gives 0 in the first, a voice that is ignored 0 in the second. Real faces of one person and
    of different people are the scale. Faces are also set beside the true face of their own voice and of a shuffled
    voice: where the two distances are equal, a face says nothing of whose voice it was drawn from. Pixel distances,
    the mean absolute difference in levels of 255, see what the judge does not look at.

    Source:
        Ours; the collapse that it looks for is that of Roldan Sanchez 2018, section VI.
    """

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute distances with intervals; pixel distances between people have none, as they use one pair per row."""
        people, real = Bootstrap(evidence.person, evidence.seed), _unit(evidence.real)
        figures = [] if evidence.fake is None else _generated(people, _unit(evidence.fake), real)
        figures.append(_face_distance("real, other person", people, _between(people, real, real)))
        return figures + _one_person(evidence, real) + _pixels(evidence)


def _generated(people: Bootstrap, fake: Tensor, real: Tensor) -> list[Figure]:
    # Flattened and divided, the faces of a row have products that are the mean over equal noises.
    flat = fake.flatten(1) / fake.shape[1] ** 0.5
    found = {
        "one voice, other noise": _mean(people, _spread(fake)),
        "other voice, same noise": _between(people, flat, flat),
        "to the true face": _mean(people, 1 - (fake * real[:, None]).sum(2).mean(1)),
        "to the true face of a shuffled voice": _between(people, fake.mean(1), real),
    }
    figures = {what: _face_distance(what, people, statistic) for what, statistic in found.items()}
    figures["to the true face"] = replace(figures["to the true face"], better="lower")
    return list(figures.values())


def _one_person(evidence: Evidence, real: Tensor) -> list[Figure]:
    """Compute the distance between one person's real faces, and the share of it that noise reaches."""
    one_person, share = "real, one person", ("share_of_real", "diversity, share of one person's real faces")
    seen = torch.zeros(len(real), dtype=torch.bool)
    if evidence.real_other is not None:
        seen = evidence.real_other.isfinite().all(dim=1)
    if evidence.real_other is None or not bool(seen.any()):
        distance = (f"face_distance.{key_part(one_person)}", f"face distance, {one_person}")
        names = [distance] if evidence.fake is None else [distance, share]
        return [Figure.missing(*name, "one real face a person") for name in names]
    people = Bootstrap(evidence.person[seen], evidence.seed)
    own = _mean(people, 1 - (real[seen] * _unit(evidence.real_other[seen])).sum(1))
    figures = [_face_distance(one_person, people, own)]
    if evidence.fake is not None:
        drawn = _mean(people, _spread(_unit(evidence.fake[seen])))
        note = "0: the noise is ignored; 1: as diverse as real faces of one person"
        figures.append(_figure(*share, people, lambda weights: drawn(weights) / own(weights), note))
    return figures


def _face_distance(what: str, people: Bootstrap, statistic: Statistic) -> Figure:
    return _figure(f"face_distance.{key_part(what)}", f"face distance, {what}", people, statistic)


def _figure(key: str, label: str, people: Bootstrap, statistic: Statistic, note: str = "") -> Figure:
    found = people.estimate(statistic)
    if not math.isfinite(found.value):
        return Figure.missing(key, label, "too few people, or real faces that do not differ")
    return Figure.of(key, label, found, note=note)


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features.double(), dim=-1)


def _mean(people: Bootstrap, values: Tensor) -> Statistic:
    sums = people.sums(values)
    return lambda weights: (weights @ sums) / (weights @ people.num_rows)


def _spread(faces: Tensor) -> Tensor:
    """(N, Z, e) -> (N,) mean distance of a row's faces: half the mean square of differences, that is their variance."""
    return (faces - faces.mean(1, keepdim=True)).square().sum((1, 2)) / (faces.shape[1] - 1)


def _between(people: Bootstrap, one: Tensor, other: Tensor) -> Statistic:
    """Mean of 1 - a . b over all pairs of rows of different people: products of sums, less those of one person.

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
    # Sorted by person and shifted by the largest group, nobody meets a row of their own unless they hold half of all.
    neighbour[order] = order.roll(-int(counts.max()))
    strange = evidence.person[neighbour] != evidence.person
    figures = []
    if evidence.fake_faces is not None:
        faces = evidence.fake_faces
        by_noise = _difference(faces, faces.roll(1, dims=1)).mean(1)
        found = Bootstrap(evidence.person, evidence.seed).mean(by_noise)
        figures.append(Figure.of(*_pixel_distance("one voice, other noise"), found, by_judge=False))
        by_voice = _difference(faces, faces[neighbour])[strange].mean()
        figures.append(Figure(*_pixel_distance("other voice, same noise"), float(by_voice), by_judge=False))
    real = _difference(evidence.real_faces, evidence.real_faces[neighbour])[strange].mean()
    return [*figures, Figure(*_pixel_distance("real, other person"), float(real), by_judge=False)]


def _pixel_distance(what: str) -> tuple[str, str]:
    """Key and label."""
    return f"pixel_distance.{key_part(what)}", f"pixel distance, {what}"


def _difference(first: Tensor, second: Tensor) -> Tensor:
    """(..., H, W, 3) uint8 -> (...) float"""
    rows = [(one.float() - other.float()).abs().mean((-3, -2, -1)) for one, other in zip(first, second, strict=True)]
    return torch.stack(rows)
