"""Detection of rows whose features do not fit their label.

    d_i = median over the person's other videos v of median_{j in v} (1 - u_i . u_j),  u_i = (f_i - c) / |f_i - c|
    z_i = (d_i - t_p) / (1.4826 median |d - t|),  flagged above a threshold; t_p is the person's median d, by video, too

c is the mean of all people's means. The median of medians per video limits the weight of a single long video. With
fewer than three videos, d_i is the median over the person's other rows. The second test is the same robust z of the
margin: by how much a row is nearer to the typical rows of another person than to those of its own.

Source:
    Iglewicz and Hoaglin 1993, "How to detect and handle outliers" (the modified z-score and its threshold 3.5). The
    medians per video and the second test are ours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 3.5
MIN_ROWS = 3
"""Least number of a person's rows; with fewer, the outlier among them is undefined."""
MIN_VIDEOS = 3
"""Least number of a person's videos for the medians per video; then a row is compared with other videos only."""
MIN_PEOPLE_TO_CENTRE = 3
"""Least number of people for subtracting the mean of all people."""
MAD_TO_DEVIATION = 1.4826
_CHUNK_ROWS = 2048

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class OutlierScores:
    """Outlier scores of all rows; NaN where they are undefined.

    Attributes:
        distance: (N,) cosine distance d to the person's other rows, from 0 to 2.
        typical: (N,) t, the median of the person's distances.
        z: (N,) robust z of d - t.
        nearest_other: (N,) number of the nearest other person; -1 if there is none.
        margin: (N,) distance to the own person less distance to the nearest other one; positive if the other is nearer.
        margin_z: (N,) robust z of the margin.
        num_videos: (N,) number of the person's videos.
    """

    distance: Floats
    typical: Floats
    z: Floats
    nearest_other: Integers
    margin: Floats
    margin_z: Floats
    num_videos: Integers

    def is_far(self, threshold: float = THRESHOLD) -> NDArray[np.bool_]:
        """Return (N,) true for rows whose z is above the threshold."""
        return np.nan_to_num(self.z, nan=-np.inf) > threshold

    def is_nearer_to_other(self, threshold: float = THRESHOLD) -> NDArray[np.bool_]:
        """Return (N,) true for rows nearer to another person, whose margin_z is above the threshold."""
        unusual = np.nan_to_num(self.margin_z, nan=-np.inf) > threshold
        is_nearer: NDArray[np.bool_] = np.nan_to_num(self.margin, nan=-np.inf) > 0
        return unusual & is_nearer


def compare_identities(features: NDArray[np.floating], person: Integers, video: Integers) -> OutlierScores:
    """Compute the outlier scores of rows from their features and labels.

    Args:
        features: (N, d); rows with NaN are left out of all comparisons.
        person: (N,) label, the number of the person, from 0.
        video: (N,) number of the source video; rows of one video are similar whoever is in it.
    """
    count = len(person)
    known = np.isfinite(features).all(axis=1)
    units = _centred_units(features.astype(np.float64), person, known)
    distance, num_videos = np.full(count, np.nan), np.zeros(count, np.int64)
    for number in np.unique(person[known]):
        rows = np.flatnonzero(known & (person == number))
        num_videos[person == number] = len(np.unique(video[rows]))
        if len(rows) >= MIN_ROWS:
            distance[rows] = _distance_to_rest(units[rows], video[rows])
    typical = _typical(distance, person, video)
    z = robust_z(distance - typical, around=0.0)
    nearest_other, margin = _compare_with_others(units, person, video, known, distance <= typical)
    return OutlierScores(distance, typical, z, nearest_other, margin, robust_z(margin), num_videos)


def robust_z(values: Floats, around: float | None = None) -> Floats:
    """Compute (N,) robust z-scores around the median, or around a given value; NaN stays NaN."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.full(len(values), np.nan)
    centre = float(np.median(finite)) if around is None else around
    spread = MAD_TO_DEVIATION * float(np.median(np.abs(finite - centre)))
    if spread < 1e-9:
        # More than half of the values are equal: others are infinitely many deviations away.
        return np.where(np.isfinite(values), np.where(np.abs(values - centre) < 1e-9, 0.0, np.inf), np.nan) * np.sign(
            values - centre
        )
    return (values - centre) / spread


def _centred_units(features: Floats, person: Integers, known: NDArray[np.bool_]) -> Floats:
    """Compute u_i, (N, d) centred rows of length 1."""
    people = np.unique(person[known])
    if len(people) >= MIN_PEOPLE_TO_CENTRE:
        features = features - np.mean([features[known & (person == number)].mean(axis=0) for number in people], axis=0)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    units: Floats = features / np.where(lengths > 0, lengths, 1.0)
    return units


def _distance_to_rest(units: Floats, video: Integers) -> Floats:
    """Compute d_i, (n,), of the rows of one person."""
    names, numbers = np.unique(video, return_inverse=True)
    distance = np.empty(len(units))
    for first in range(0, len(units), _CHUNK_ROWS):
        rows = np.arange(first, min(first + _CHUNK_ROWS, len(units)))
        apart = 1.0 - units[rows] @ units.T
        apart[np.arange(len(rows)), rows] = np.nan
        if len(names) < MIN_VIDEOS:
            distance[rows] = np.nanmedian(apart, axis=1)
            continue
        medians = [np.median(apart[:, numbers == number], axis=1) for number in range(len(names))]
        by_video = np.stack(medians, axis=1)
        by_video[np.arange(len(rows)), numbers[rows]] = np.nan
        distance[rows] = np.nanmedian(by_video, axis=1)
    return distance


def _typical(distance: Floats, person: Integers, video: Integers) -> Floats:
    """Compute t_p for all rows, (N,): the median of the person's distances, or of the medians of their videos."""
    typical = np.full(len(distance), np.nan)
    known = np.isfinite(distance)
    for number in np.unique(person):
        rows = np.flatnonzero(known & (person == number))
        rows_by_video = [rows[video[rows] == name] for name in np.unique(video[rows])]
        if len(rows_by_video) >= MIN_VIDEOS:
            typical[person == number] = np.median([np.median(distance[video_rows]) for video_rows in rows_by_video])
        elif len(rows):
            typical[person == number] = np.median(distance[rows])
    return typical


def _compare_with_others(
    units: Floats, person: Integers, video: Integers, known: NDArray[np.bool_], typical_rows: NDArray[np.bool_]
) -> tuple[Integers, Floats]:
    """Compute nearest_other and margin, by the distances to the means of all people's typical rows."""
    nearest_other, margin = np.full(len(person), -1), np.full(len(person), np.nan)
    people = np.unique(person[known])
    if len(people) < 2:
        return nearest_other, margin
    sums, counts, own = [], [], np.full(len(person), np.nan)
    for number in people:
        rows = known & (person == number)
        chosen = rows & typical_rows if (rows & typical_rows).any() else rows
        sums.append(units[chosen].sum(axis=0))
        counts.append(int(chosen.sum()))
        own[rows] = _to_own_mean(units, video, rows, chosen)
    means = np.stack(sums)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    column = np.searchsorted(people, person)
    for first in range(0, len(person), _CHUNK_ROWS):
        rows = first + np.flatnonzero(known[first : first + _CHUNK_ROWS])
        apart = 1.0 - units[rows] @ means.T
        apart[np.arange(len(rows)), column[rows]] = np.inf
        best = apart.argmin(axis=1)
        nearest_other[rows], margin[rows] = people[best], own[rows] - apart[np.arange(len(rows)), best]
    return nearest_other, margin


def _to_own_mean(units: Floats, video: Integers, rows: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> Floats:
    """Compute distances (n,) of a person's rows to the mean of their typical rows in other videos, or of other rows."""
    numbers = np.flatnonzero(rows)
    by_video = len(np.unique(video[numbers])) >= MIN_VIDEOS
    total = units[chosen].sum(axis=0)
    distance = np.full(len(numbers), np.nan)
    videos = np.unique(video[numbers]) if by_video else ()
    video_sums = {name: units[chosen & (video == name)].sum(axis=0) for name in videos}
    for place, row in enumerate(numbers):
        rest = total - (video_sums[video[row]] if by_video else units[row] * chosen[row])
        length = np.linalg.norm(rest)
        if length > 1e-9:
            distance[place] = 1.0 - units[row] @ rest / length
    return distance
