"""Who does not fit, against a computation by loops, and on people whose truth is known."""

import numpy as np
import pytest

from facegen.collect.review.outliers import THRESHOLD, compare_identities, robust_z


def crowd(people: int, videos: int, faces: int, spread: float = 0.3, seed: int = 0):
    """Features around a direction a person, and a smaller one a video."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(people, 24))
    person = np.repeat(np.arange(people), videos * faces)
    video = np.repeat(np.arange(people * videos), faces)
    scenes = rng.normal(scale=spread, size=(people * videos, 24))
    noise = rng.normal(scale=spread, size=(len(person), 24))
    return means[person] + scenes[video] + noise, person, video, means


def by_loops(features, person, video):
    """Distances as the module's equation has them, row by row."""
    centre = np.mean([features[person == each].mean(axis=0) for each in np.unique(person)], axis=0)
    units = [(row - centre) / np.sqrt(((row - centre) ** 2).sum()) for row in features]
    distances = []
    for i in range(len(units)):
        own = [j for j in range(len(units)) if person[j] == person[i]]
        apart = {j: 1 - float(sum(units[i] * units[j])) for j in own}
        if len({video[j] for j in own}) >= 3:
            others = {video[j] for j in own} - {video[i]}
            medians = [np.median([apart[j] for j in own if video[j] == each]) for each in others]
            distances.append(np.median(medians))
        else:
            distances.append(np.median([apart[j] for j in own if j != i]))
    return np.array(distances)


@pytest.mark.parametrize("videos", [1, 2, 3, 5])
def test_distances_against_loops(videos):
    features, person, video, _ = crowd(4, videos, 4)
    found = compare_identities(features, person, video)
    distances = by_loops(features, person, video)
    np.testing.assert_allclose(found.distance, distances, atol=1e-12)
    if videos < 3:
        typical = np.array([np.median(distances[person == each]) for each in person])
    else:
        medians = {each: np.median(distances[video == each]) for each in np.unique(video)}
        typical = np.array([np.median([medians[v] for v in np.unique(video[person == each])]) for each in person])
    np.testing.assert_allclose(found.typical, typical, atol=1e-12)
    spread = 1.4826 * np.median(np.abs(distances - typical))
    np.testing.assert_allclose(found.z, (distances - typical) / spread, rtol=1e-9)
    assert (found.num_videos == videos).all()


@pytest.mark.parametrize("videos", [1, 2, 6])
def test_strangers_and_exchanged_people_are_found(videos):
    features, person, video, means = crowd(6, videos, 24 // videos)
    strangers, exchanged = [3, 40], [75, 100]
    rng = np.random.default_rng(9)
    features[strangers] = rng.normal(size=(2, 24))
    features[exchanged] = means[[0, 1]] + rng.normal(scale=0.3, size=(2, 24))
    found = compare_identities(features, person, video)
    wrong = [*strangers, *exchanged]
    assert found.is_far()[wrong].all()
    assert found.is_others()[exchanged].all()
    assert found.nearest[exchanged].tolist() == [0, 1]
    right = np.setdiff1d(np.arange(len(person)), wrong)
    assert (found.is_far() | found.is_others())[right].mean() < 0.03
    assert np.nanmin(found.z[wrong]) > np.nanmax(found.z[right])


def test_a_long_video_of_somebody_else_does_not_become_the_person():
    features, person, video, _ = crowd(5, 5, 6)
    rng = np.random.default_rng(2)
    long = rng.normal(size=24) + rng.normal(scale=0.1, size=(60, 24))
    features = np.concatenate([features, long])
    person, video = np.append(person, [0] * 60), np.append(video, [99] * 60)
    far = compare_identities(features, person, video).is_far()
    assert far[-60:].all(), "more faces than the person's own, and yet one video of six"
    assert far[:-60].mean() < 0.05


def test_what_cannot_be_said():
    features, person, video, _ = crowd(4, 2, 3)
    features[0] = np.nan
    pair = np.array([4, 4])
    features = np.concatenate([features, features[5:7]])
    found = compare_identities(features, np.append(person, pair), np.append(video, [90, 91]))
    assert np.isnan(found.distance[[0, -1, -2]]).all() and np.isfinite(found.distance[1:-2]).all()
    assert np.isnan(found.nearer[0]) and np.isfinite(found.nearer[-1])
    assert not found.is_far()[[0, -1, -2]].any() and not found.is_others()[0]
    assert found.num_videos[[0, -1]].tolist() == [2, 2]


def test_one_person_alone():
    rng = np.random.default_rng(1)
    features = np.ones(24) + rng.normal(scale=0.2, size=(30, 24))
    features[7] = -1
    found = compare_identities(features, np.zeros(30, np.int64), np.arange(30) // 10)
    assert found.is_far().nonzero()[0].tolist() == [7]
    assert (found.nearest == -1).all() and not found.is_others().any()


def test_nothing_known_at_all():
    found = compare_identities(np.full((4, 3), np.nan), np.array([0, 0, 1, 1]), np.arange(4))
    assert np.isnan(found.distance).all() and not found.is_far().any() and not found.is_others().any()


def test_robust_z_by_hand():
    # median 3, deviations 2 1 0 1 97: median 1
    z = robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0, np.nan]))
    np.testing.assert_allclose(z[:5] * 1.4826, [-2, -1, 0, 1, 97])
    assert np.isnan(z[5])
    assert robust_z(np.array([1.0, 1.0, 1.0, 2.0])).tolist() == [0, 0, 0, np.inf]
    assert robust_z(np.array([1.0, 1.0, 1.0, 0.0])).tolist() == [0, 0, 0, -np.inf]
    assert np.isnan(robust_z(np.array([np.nan]))).all()
    assert THRESHOLD == 3.5
