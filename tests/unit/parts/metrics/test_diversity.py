"""Diversity: 0 for what is collapsed, and elsewhere the mean over all pairs, by brute force."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from facegen.core.evidence import Evidence
from facegen.parts.metrics.diversity import Diversity
from facegen.testing.samples import sample_evidence


def measured(evidence: Evidence) -> dict[str, float]:
    return {figure.key: figure.value for figure in Diversity().measure(evidence)}


def test_ignored_noise_has_diversity_zero() -> None:
    sample = sample_evidence()
    assert sample.fake is not None and sample.fake_faces is not None
    collapsed = replace(
        sample, fake=sample.fake[:, :1].expand(-1, 3, -1), fake_faces=sample.fake_faces[:, :1].expand(-1, 3, -1, -1, -1)
    )
    figures = measured(collapsed)
    assert figures["face_distance.one_voice_other_noise"] == pytest.approx(0, abs=1e-12)
    assert figures["share_of_real"] == pytest.approx(0, abs=1e-12)
    assert figures["pixel_distance.one_voice_other_noise"] == 0
    assert figures["face_distance.other_voice_same_noise"] > 0.5


def test_ignored_condition_has_distance_zero_between_voices() -> None:
    sample = sample_evidence()
    assert sample.fake is not None and sample.fake_faces is not None
    deaf = replace(
        sample, fake=sample.fake[:1].expand(40, -1, -1), fake_faces=sample.fake_faces[:1].expand(40, -1, -1, -1, -1)
    )
    figures = measured(deaf)
    assert figures["face_distance.other_voice_same_noise"] == pytest.approx(0, abs=1e-12)
    assert figures["pixel_distance.other_voice_same_noise"] == 0
    assert figures["face_distance.one_voice_other_noise"] > 0.1
    own, shuffled = (
        figures["face_distance.to_the_true_face"],
        figures["face_distance.to_the_true_face_of_a_shuffled_voice"],
    )
    assert own == pytest.approx(shuffled, abs=1e-6)


def test_distances_agree_with_all_pairs() -> None:
    sample = sample_evidence(14, num_noises=3, seed=2)
    person = torch.arange(14) // 2
    person[3] = 6  # people with one, two and three rows
    evidence = replace(sample, person=person)
    assert evidence.fake is not None and evidence.real_other is not None
    fake, real = (
        functional.normalize(evidence.fake.double(), dim=-1),
        functional.normalize(evidence.real.double(), dim=-1),
    )
    strangers = [(i, j) for i, j in itertools.product(range(14), repeat=2) if person[i] != person[j]]

    def mean(distances: list[float]) -> float:
        return sum(distances) / len(distances)

    expected = {
        "face_distance.one_voice_other_noise": mean(
            [float(1 - fake[i, y] @ fake[i, z]) for i in range(14) for y, z in itertools.permutations(range(3), 2)]
        ),
        "face_distance.other_voice_same_noise": mean(
            [float(1 - fake[i, z] @ fake[j, z]) for i, j in strangers for z in range(3)]
        ),
        "face_distance.to_the_true_face": mean([float(1 - fake[i, z] @ real[i]) for i in range(14) for z in range(3)]),
        "face_distance.to_the_true_face_of_a_shuffled_voice": mean(
            [float(1 - fake[i, z] @ real[j]) for i, j in strangers for z in range(3)]
        ),
        "face_distance.real_other_person": mean([float(1 - real[i] @ real[j]) for i, j in strangers]),
        "face_distance.real_one_person": float(
            1 - functional.cosine_similarity(evidence.real.double(), evidence.real_other.double()).mean()
        ),
    }
    figures = measured(evidence)
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    share = expected["face_distance.one_voice_other_noise"] / expected["face_distance.real_one_person"]
    assert figures["share_of_real"] == pytest.approx(share)


def test_pixel_distances_agree_with_hand_computation() -> None:
    sample = sample_evidence(3, num_noises=2)
    levels = torch.tensor([[10, 20], [30, 60], [0, 100]], dtype=torch.uint8)
    evidence = replace(
        sample, fake_faces=levels[:, :, None, None, None].expand(-1, -1, 4, 4, 3),
        real_faces=torch.tensor([0, 50, 200], dtype=torch.uint8)[:, None, None, None].expand(-1, 4, 4, 3),
    )  # fmt: skip
    figures = measured(evidence)
    assert figures["pixel_distance.one_voice_other_noise"] == pytest.approx((10 + 30 + 100) / 3)
    assert figures["pixel_distance.other_voice_same_noise"] == pytest.approx((20 + 30 + 10 + 40 + 40 + 80) / 6)
    assert figures["pixel_distance.real_other_person"] == pytest.approx((50 + 150 + 200) / 3)


def test_people_with_one_face_are_left_out_of_the_scale() -> None:
    sample = sample_evidence()
    assert sample.real_other is not None
    some = sample.real_other.clone()
    some[10:] = math.nan
    few = replace(
        sample, person=sample.person[:10], real=sample.real[:10], real_other=sample.real_other[:10],
        fake=None, real_faces=sample.real_faces[:10], fake_faces=None,
    )  # fmt: skip
    name = "face_distance.real_one_person"
    assert measured(replace(sample, real_other=some))[name] == pytest.approx(measured(few)[name])
    for figure in Diversity().measure(replace(sample, real_other=None)):
        assert math.isfinite(figure.value) or figure.note == "not available: one real face per person"
