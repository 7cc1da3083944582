"""Memorisation: repeated training faces count, new ones do not, and the share agrees with counting."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Evidence, Figure, Training
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.memorisation import Memorisation, _Share
from facegen.testing.samples import sample_evidence

SHARE = "share"


def with_training(evidence: Evidence, embeddings: Tensor) -> Evidence:
    num = len(embeddings)
    faces = torch.zeros(num, 4, 4, 3, dtype=torch.uint8)
    return replace(evidence, training=Training(faces, embeddings, 1000 + torch.arange(num)))


def features(num: int, *more: int, seed: int) -> Tensor:
    return torch.randn(num, *more, generator=torch.Generator().manual_seed(seed))


def measured(evidence: Evidence, percent: float = 95.0) -> dict[str, Figure]:
    return {figure.key: figure for figure in Memorisation(percent=percent).measure(evidence)}


def test_repeated_training_faces_have_share_one() -> None:
    training = features(60, 8, seed=1)
    repeated = training[torch.arange(80) % 60].view(40, 2, 8)
    figures = measured(replace(with_training(sample_evidence(), training), fake=repeated))
    assert (figures[SHARE].value, figures[SHARE].high) == (1, 1)
    assert figures["distance.generated"].value == pytest.approx(0, abs=1e-12)
    assert figures["distance.real"].value > 0.05


def test_a_share_of_0_and_a_share_of_1_are_not_certain() -> None:
    """Wilson's interval of 0 among n people is 0 to z^2 / (n + z^2), of 1 it is n / (n + z^2) to 1; z = 1.96."""
    training = features(60, 8, seed=1)
    evidence = with_training(sample_evidence(num=40), training)
    num, z_squared = len(evidence.person.unique()), 3.841458820694124
    far = measured(replace(evidence, real=training[:40], fake=features(40, 2, 8, seed=9)))[SHARE]
    assert (far.value, far.low) == (0, 0)
    assert far.high == pytest.approx(z_squared / (num + z_squared))
    repeated = measured(replace(evidence, fake=training[torch.arange(80) % 60].view(40, 2, 8)))[SHARE]
    assert (repeated.value, repeated.high) == (1, 1)
    assert repeated.low == pytest.approx(num / (num + z_squared))


def test_memorisation_uses_faces_of_own_noises() -> None:
    training = features(60, 8, seed=1)
    evidence = replace(with_training(sample_evidence(), training), fresh=training[:40])
    assert measured(evidence)[SHARE].value == 1


def test_new_faces_of_the_same_kind_as_real_ones_are_no_nearer() -> None:
    evidence = sample_evidence(num=2000)
    evidence = with_training(
        replace(evidence, real=features(2000, 8, seed=2), fake=features(2000, 2, 8, seed=3)), features(300, 8, seed=4)
    )
    share = measured(evidence)[SHARE]
    assert share.chance == pytest.approx(0.05)
    assert share.low is not None and share.high is not None
    assert share.low < 0.05 < share.high < 0.08


def test_share_agrees_with_counting() -> None:
    evidence = with_training(sample_evidence(num=50), features(20, 8, seed=5))
    assert evidence.training is not None and evidence.fake is not None
    gallery = functional.normalize(evidence.training.embeddings.double(), dim=-1)

    def distance(faces: Tensor) -> np.ndarray:
        return (1 - functional.normalize(faces.double(), dim=-1) @ gallery.T).amin(-1).numpy()

    real, drawn = np.sort(distance(evidence.real)), distance(evidence.fake)
    for percent, place in ((95.0, 2), (90.0, 4), (50.0, 24)):  # ceil(0.05 * 50) = 3 faces reach the quantile
        expected = (drawn < real[place]).mean()
        assert measured(evidence, percent)[SHARE].value == pytest.approx(expected)
    assert measured(evidence)["distance.real"].value == pytest.approx(real.mean())


def test_resamples_weight_people_by_their_count() -> None:
    random = np.random.default_rng(0)
    person = torch.from_numpy(random.integers(0, 9, size=30))
    of = Bootstrap(person, 0).of
    real, drawn = random.random(30), random.random((30, 2))
    weights = random.integers(0, 3, size=(5, int(of.max()) + 1)).astype(float)
    share = _Share(of, torch.from_numpy(real), torch.from_numpy(drawn), 0.25)
    for row, value in zip(weights, share(torch.from_numpy(weights)).tolist(), strict=True):
        times = row[of].astype(int)
        repeated = np.sort(np.repeat(real, times))
        bound = repeated[math.ceil(0.25 * len(repeated) - 1e-9) - 1]
        assert value == pytest.approx((np.repeat(drawn, times, axis=0) < bound).mean())


@pytest.mark.parametrize(("change", "note"), [
    ({"training": None}, "not available: no training faces"),
    ({"fake": None, "fake_faces": None}, "not available: the run draws no faces"),
    (
        {"split": "train", "holds_training_faces": True},
        "not available: real faces of 'train' are training faces themselves; evaluate a held-out split",
    ),
    ({"training": None, "no_training": "the corpus is gone"}, "not available: the corpus is gone"),
])  # fmt: skip
def test_missing_memorisation_has_a_reason(change: dict, note: str) -> None:
    (figure,) = Memorisation().measure(replace(with_training(sample_evidence(), features(9, 8, seed=6)), **change))
    assert (figure.key, figure.note, math.isnan(figure.value)) == (SHARE, note, True)


def test_too_few_real_faces_have_no_quantile() -> None:
    few = with_training(sample_evidence(num=19), features(9, 8, seed=6))
    (figure,) = Memorisation().measure(few)
    assert figure.note == "not available: 19 real faces; this quantile needs 20"
    assert math.isfinite(measured(with_training(sample_evidence(num=20), features(9, 8, seed=6)))[SHARE].value)
