"""Verdicts on a run that only matches: above chance, not above it, undecided, or none."""

from pathlib import Path

import pytest
from reports import report, share

from facegen.evaluation.verdicts.verdicts import verdicts

TEN, TWO = "matching.v2f.10.real", "matching.v2f.2.real"


@pytest.mark.parametrize(("value", "kind", "severity"), [
    (0.3, "matching", "good"), (0.12, "undecided", "warning"), (0.1, "matching", "bad"), (0.02, "matching", "bad"),
])  # fmt: skip
def test_matching_is_compared_with_chance(value: float, kind: str, severity: str) -> None:
    (verdict,) = verdicts(report(Path(), "heldout_people", {"matching": [share(TEN, value)]}, step=None))
    assert (verdict.kind, verdict.severity) == (kind, severity)
    assert f"{TEN}: {value:.3g}" in verdict.sentence and "chance 0.1" in verdict.sentence


def test_people_of_one_sex_have_a_verdict_of_their_own() -> None:
    figures = [share(TEN, 0.3), share(f"{TEN}.same_sex", 0.05)]
    found = verdicts(report(Path(), "heldout_people", {"matching": figures}, step=None))
    assert [(verdict.kind, verdict.severity) for verdict in found] == [("same sex", "bad"), ("matching", "good")]


def test_two_candidates_where_there_are_too_few_people_for_ten() -> None:
    (verdict,) = verdicts(report(Path(), "x", {"matching": [share(TWO, 0.9, chance=0.5)]}, step=None))
    assert verdict.severity == "good" and f"{TWO}: 0.9" in verdict.sentence


def test_a_judge_that_is_not_independent_gives_no_verdicts() -> None:
    figures = {"matching": [share(TEN, 0.3), share("matching.v2f.10.generated", 0.3)]}
    assert verdicts(report(Path(), "x", figures, self_judged=True)) == []
