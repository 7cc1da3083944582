"""Outlier scores against a computation by loops, and on features with known labels."""

import numpy as np
import pytest

from facegen.collect.review.outliers import THRESHOLD, compare_identities, robust_z


def crowd(people: int, videos: int, faces: int, spread: float = 0.3, seed: int = 0):
    """Draw features with a mean per person and a smaller offset per video."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(people, 24))
    person = np.repeat(np.arange(people), videos * faces)
    video = np.repeat(np.arange(people * videos), faces)
    scenes = rng.normal(scale=spread, size=(people * videos, 24))
    noise = rng.normal(scale=spread, size=(len(person), 24))
    return means[person] + scenes[video] + noise, person, video, means


def by_loops(features, person, video):
    """Compute the distances of the module's equation row by row."""
    centre = np.mean([features[person == name].mean(axis=0) for name in np.unique(person)], axis=0)
    units = [(row - centre) / np.sqrt(((row - centre) ** 2).sum()) for row in features]
    distances = []
    for i in range(len(units)):
        own = [j for j in range(len(units)) if person[j] == person[i]]
        apart = {j: 1 - float(sum(units[i] * units[j])) for j in own}
        if len({video[j] for j in own}) >= 3:
            others = {video[j] for j in own} - {video[i]}
            medians = [np.median([apart[j] for j in own if video[j] == name]) for name in others]
            distances.append(np.median(medians))
        else:
            distances.append(np.median([apart[j] for j in own if j != i]))
    return np.array(distances)


@pytest.mark.parametrize("videos", [1, 2, 3, 5])
def test_distances_against_loops(videos):
    features, person, video, _ = crowd(4, videos, 4)
    scores = compare_identities(features, person, video)
    distances = by_loops(features, person, video)
    np.testing.assert_allclose(scores.distance, distances, atol=1e-12)
    if videos < 3:
        typical = np.array([np.median(distances[person == name]) for name in person])
    else:
        medians = {name: np.median(distances[video == name]) for name in np.unique(video)}
        typical = np.array([np.median([medians[v] for v in np.unique(video[person == name])]) for name in person])
    np.testing.assert_allclose(scores.typical, typical, atol=1e-12)
    spread = 1.4826 * np.median(np.abs(distances - typical))
    np.testing.assert_allclose(scores.z, (distances - typical) / spread, rtol=1e-9)
    assert (scores.num_videos == videos).all()


@pytest.mark.parametrize("videos", [1, 2, 6])
def test_strangers_and_exchanged_people_are_found(videos):
    features, person, video, means = crowd(6, videos, 24 // videos)
    strangers, exchanged = [3, 40], [75, 100]
    rng = np.random.default_rng(9)
    features[strangers] = rng.normal(size=(2, 24))
    features[exchanged] = means[[0, 1]] + rng.normal(scale=0.3, size=(2, 24))
    scores = compare_identities(features, person, video)
    wrong = [*strangers, *exchanged]
    assert scores.is_far()[wrong].all()
    assert scores.is_nearer_to_other()[exchanged].all()
    assert scores.nearest_other[exchanged].tolist() == [0, 1]
    right = np.setdiff1d(np.arange(len(person)), wrong)
    assert (scores.is_far() | scores.is_nearer_to_other())[right].mean() < 0.03
    assert np.nanmin(scores.z[wrong]) > np.nanmax(scores.z[right])


def test_a_long_video_of_somebody_else_does_not_become_the_person():
    features, person, video, _ = crowd(5, 5, 6)
    rng = np.random.default_rng(2)
    long = rng.normal(size=24) + rng.normal(scale=0.1, size=(60, 24))
    features = np.concatenate([features, long])
    person, video = np.append(person, [0] * 60), np.append(video, [99] * 60)
    far = compare_identities(features, person, video).is_far()
    assert far[-60:].all(), "more faces than the person's own, and yet one video of six"
    assert far[:-60].mean() < 0.05


def test_undefined_scores_are_nan():
    features, person, video, _ = crowd(4, 2, 3)
    features[0] = np.nan
    pair = np.array([4, 4])
    features = np.concatenate([features, features[5:7]])
    scores = compare_identities(features, np.append(person, pair), np.append(video, [90, 91]))
    assert np.isnan(scores.distance[[0, -1, -2]]).all() and np.isfinite(scores.distance[1:-2]).all()
    assert np.isnan(scores.margin[0]) and np.isfinite(scores.margin[-1])
    assert not scores.is_far()[[0, -1, -2]].any() and not scores.is_nearer_to_other()[0]
    assert scores.num_videos[[0, -1]].tolist() == [2, 2]


def test_one_person_alone():
    rng = np.random.default_rng(1)
    features = np.ones(24) + rng.normal(scale=0.2, size=(30, 24))
    features[7] = -1
    scores = compare_identities(features, np.zeros(30, np.int64), np.arange(30) // 10)
    assert scores.is_far().nonzero()[0].tolist() == [7]
    assert (scores.nearest_other == -1).all() and not scores.is_nearer_to_other().any()


def test_features_of_nan_only():
    scores = compare_identities(np.full((4, 3), np.nan), np.array([0, 0, 1, 1]), np.arange(4))
    assert np.isnan(scores.distance).all() and not scores.is_far().any() and not scores.is_nearer_to_other().any()


def test_robust_z_by_hand():
    # median 3, deviations 2 1 0 1 97: median 1
    z = robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0, np.nan]))
    np.testing.assert_allclose(z[:5] * 1.4826, [-2, -1, 0, 1, 97])
    assert np.isnan(z[5])
    assert robust_z(np.array([1.0, 1.0, 1.0, 2.0])).tolist() == [0, 0, 0, np.inf]
    assert robust_z(np.array([1.0, 1.0, 1.0, 0.0])).tolist() == [0, 0, 0, -np.inf]
    assert np.isnan(robust_z(np.array([np.nan]))).all()
    assert THRESHOLD == 3.5
