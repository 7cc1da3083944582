"""Who does not look, or sound, like the person whose name they stand under: from features and names alone.

    d_i = median over the person's other videos v of median_{j in v} (1 - u_i . u_j),  u_i = (f_i - c) / |f_i - c|
    z_i = (d_i - t_p) / (1.4826 median |d - t|),  flagged above a threshold; t_p is the person's median d, by video, too

c is the mean of all people's means. A median of medians by video lets no single long video speak for the person. With
fewer than three videos it is the median over the person's other rows. The second test is the same robust z of how much
nearer a row is to somebody else's typical rows than to its own person's.

Source:
    Iglewicz and Hoaglin 1993, "How to detect and handle outliers" (the modified z-score and its threshold 3.5). The
    medians by video, and the second test, are ours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 3.5
LEAST_ROWS = 3
"""Fewer rows of a person cannot say which of them is the odd one."""
MANY_VIDEOS = 3
"""From so many on, a row is compared with other videos alone."""
MANY_PEOPLE = 3
"""From so many on, what all faces have in common is taken off."""
MAD_TO_DEVIATION = 1.4826
_CHUNK_ROWS = 2048

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class OutlierScores:
    """How each row stands to its own person and to others; NaN where it cannot be said.

    Attributes:
        distance: (N,) to the person's other rows: 0 the same direction, 1 none in common, 2 the opposite.
        typical: (N,) the median of the person's distances, by video as above.
        z: (N,) how far above it, in robust standard deviations.
        nearest: (N,) the person who is nearest beside their own; -1 where nobody else is.
        nearer: (N,) by how much that one is nearer than their own; negative where it is farther.
        nearer_z: (N,) how unusual that is in this corpus.
        num_videos: (N,) of the person.
    """

    distance: Floats
    typical: Floats
    z: Floats
    nearest: Integers
    nearer: Floats
    nearer_z: Floats
    num_videos: Integers

    def is_far(self, threshold: float = THRESHOLD) -> NDArray[np.bool_]:
        """(N,) farther from the rest of their person than others are from theirs."""
        return np.nan_to_num(self.z, nan=-np.inf) > threshold

    def is_others(self, threshold: float = THRESHOLD) -> NDArray[np.bool_]:
        """(N,) nearer to somebody else, and by more than is usual."""
        unusual = np.nan_to_num(self.nearer_z, nan=-np.inf) > threshold
        nearer: NDArray[np.bool_] = np.nan_to_num(self.nearer, nan=-np.inf) > 0
        return unusual & nearer


def compare_identities(features: NDArray[np.floating], person: Integers, video: Integers) -> OutlierScores:
    """Compare each row with the rest of its person, and with everybody else.

    Args:
        features: (N, d); a row of NaN is left out of all comparisons.
        person: (N,) who it is said to be, from 0.
        video: (N,) where it comes from; rows of one video are alike whoever is in it.
    """
    count = len(person)
    known = np.isfinite(features).all(axis=1)
    units = _units(features.astype(np.float64), person, known)
    distance, num_videos = np.full(count, np.nan), np.zeros(count, np.int64)
    for each in np.unique(person[known]):
        rows = np.flatnonzero(known & (person == each))
        num_videos[person == each] = len(np.unique(video[rows]))
        if len(rows) >= LEAST_ROWS:
            distance[rows] = _to_the_rest(units[rows], video[rows])
    typical = _typical(distance, person, video)
    z = robust_z(distance - typical, around=0.0)
    nearest, nearer = _nearest_others(units, person, video, known, distance <= typical)
    return OutlierScores(distance, typical, z, nearest, nearer, robust_z(nearer), num_videos)


def robust_z(values: Floats, around: float | None = None) -> Floats:
    """(N,) distances from the median, or from a given value, in robust standard deviations; NaN stays NaN."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.full(len(values), np.nan)
    centre = float(np.median(finite)) if around is None else around
    spread = MAD_TO_DEVIATION * float(np.median(np.abs(finite - centre)))
    if spread < 1e-9:
        # More than half are the same: whatever differs is unusual, by how much cannot be said.
        return np.where(np.isfinite(values), np.where(np.abs(values - centre) < 1e-9, 0.0, np.inf), np.nan) * np.sign(
            values - centre
        )
    return (values - centre) / spread


def _units(features: Floats, person: Integers, known: NDArray[np.bool_]) -> Floats:
    people = np.unique(person[known])
    if len(people) >= MANY_PEOPLE:
        features = features - np.mean([features[known & (person == each)].mean(axis=0) for each in people], axis=0)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    units: Floats = features / np.where(lengths > 0, lengths, 1.0)
    return units


def _to_the_rest(units: Floats, video: Integers) -> Floats:
    """(n,) of one person."""
    names, numbers = np.unique(video, return_inverse=True)
    found = np.empty(len(units))
    for first in range(0, len(units), _CHUNK_ROWS):
        rows = np.arange(first, min(first + _CHUNK_ROWS, len(units)))
        apart = 1.0 - units[rows] @ units.T
        apart[np.arange(len(rows)), rows] = np.nan
        if len(names) < MANY_VIDEOS:
            found[rows] = np.nanmedian(apart, axis=1)
            continue
        by_video = np.stack([np.median(apart[:, numbers == each], axis=1) for each in range(len(names))], axis=1)
        by_video[np.arange(len(rows)), numbers[rows]] = np.nan
        found[rows] = np.nanmedian(by_video, axis=1)
    return found


def _typical(distance: Floats, person: Integers, video: Integers) -> Floats:
    """(N,) median of a person's distances; of the medians of their videos, where they have several."""
    typical = np.full(len(distance), np.nan)
    known = np.isfinite(distance)
    for each in np.unique(person):
        rows = np.flatnonzero(known & (person == each))
        videos = [rows[video[rows] == name] for name in np.unique(video[rows])]
        if len(videos) >= MANY_VIDEOS:
            typical[person == each] = np.median([np.median(distance[some]) for some in videos])
        elif len(rows):
            typical[person == each] = np.median(distance[rows])
    return typical


def _nearest_others(
    units: Floats, person: Integers, video: Integers, known: NDArray[np.bool_], typical_rows: NDArray[np.bool_]
) -> tuple[Integers, Floats]:
    """Who else is nearest to each row, and by how much nearer than its own person, by the means of typical rows."""
    nearest, nearer = np.full(len(person), -1), np.full(len(person), np.nan)
    people = np.unique(person[known])
    if len(people) < 2:
        return nearest, nearer
    sums, counts, own = [], [], np.full(len(person), np.nan)
    for each in people:
        rows = known & (person == each)
        chosen = rows & typical_rows if (rows & typical_rows).any() else rows
        sums.append(units[chosen].sum(axis=0))
        counts.append(int(chosen.sum()))
        own[rows] = _to_own_mean(units, video, rows, chosen)
    means = np.stack(sums)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    place = np.searchsorted(people, person)
    for first in range(0, len(person), _CHUNK_ROWS):
        rows = first + np.flatnonzero(known[first : first + _CHUNK_ROWS])
        apart = 1.0 - units[rows] @ means.T
        apart[np.arange(len(rows)), place[rows]] = np.inf
        best = apart.argmin(axis=1)
        nearest[rows], nearer[rows] = people[best], own[rows] - apart[np.arange(len(rows)), best]
    return nearest, nearer


def _to_own_mean(units: Floats, video: Integers, rows: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> Floats:
    """(n,) distances of a person's rows to the mean of their typical rows in other videos, or of the other rows."""
    numbers = np.flatnonzero(rows)
    many = len(np.unique(video[numbers])) >= MANY_VIDEOS
    whole = units[chosen].sum(axis=0)
    found = np.full(len(numbers), np.nan)
    left_out = {each: units[chosen & (video == each)].sum(axis=0) for each in np.unique(video[numbers])} if many else {}
    for place, row in enumerate(numbers):
        rest = whole - (left_out[video[row]] if many else units[row] * chosen[row])
        length = np.linalg.norm(rest)
        if length > 1e-9:
            found[place] = 1.0 - units[row] @ rest / length
    return found
