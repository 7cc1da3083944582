"""Preference: 1 for faces that match better than true ones, one half for ties, and counting in between."""

import math
from dataclasses import replace

import pytest

from facegen.core.evidence import Evidence, Figure
from facegen.parts.metrics.preference import Preference
from facegen.testing.samples import sample_evidence


def measured(evidence: Evidence) -> Figure:
    (figure,) = Preference().measure(evidence)
    return figure


def test_perfect_match_is_preferred_and_noted_as_exaggeration() -> None:
    sample = sample_evidence()
    better = replace(sample, fake=sample.encodings[:, None].expand(-1, 2, -1).contiguous())
    assert measured(better).value == 1.0
    assert measured(better).note.startswith("above one half: ")
    worse = replace(sample, fake=-sample.encodings[:, None].expand(-1, 2, -1).contiguous())
    assert (measured(worse).value, measured(worse).note, measured(worse).chance) == (0.0, "", 0.5)


def test_true_face_against_itself_is_a_tie() -> None:
    sample = sample_evidence()
    assert measured(replace(sample, fake=sample.real[:, None].expand(-1, 3, -1).contiguous())).value == 0.5


def test_preference_agrees_with_counting() -> None:
    sample = sample_evidence(25, num_noises=3, seed=4)
    assert sample.fake is not None
    wins = [
        float(sample.encodings[row] @ sample.fake[row, noise] > sample.encodings[row] @ sample.real[row])
        for row in range(25)
        for noise in range(3)
    ]
    assert measured(sample).value == pytest.approx(sum(wins) / 75)


def test_generator_against_generator() -> None:
    sample = sample_evidence(25, seed=4)
    assert sample.fake is not None
    baselines = {"worse": -sample.encodings, "alike": sample.fake[:, 1], "better": sample.encodings}
    against = replace(sample, fresh=sample.fake[:, 1], baselines=baselines)
    _, *comparisons = Preference().measure(against)
    assert [figure.key for figure in comparisons] == [f"over.{name}" for name in ("worse", "alike", "better")]
    assert [figure.value for figure in comparisons] == [1.0, 0.5, 0.0]
    _, figure = Preference().measure(replace(against, baselines={"other": sample.real}))
    wins = [float(sample.encodings[row] @ (sample.fake[row, 1] - sample.real[row]) > 0) for row in range(25)]
    assert (figure.value, figure.chance, figure.better) == (pytest.approx(sum(wins) / 25), 0.5, "higher")


def test_preference_of_a_matching_run_has_a_reason() -> None:
    figure = measured(replace(sample_evidence(), fake=None, fake_faces=None))
    assert math.isnan(figure.value)
    assert (figure.note, figure.chance) == ("not available: the run draws no faces", 0.5)
