"""Verdicts: figures at, above and below each limit, and the verdict where they do not decide."""

from dataclasses import replace
from pathlib import Path

import pytest
from reports import report, share

from facegen.core.evidence import Figure
from facegen.evaluation.report import Report
from facegen.evaluation.verdicts.quantities import (
    MissingError,
    excess,
    frechet_ratio,
    normalised_matching,
    pixel_variation,
)
from facegen.evaluation.verdicts.verdict import UNDECIDED, Verdict
from facegen.evaluation.verdicts.verdicts import RULES, Rule, judge_figures, verdicts

SHARE = "diversity.share_of_real"
GOOD = {
    "fidelity.judge.density": (1.0, 0.9, 1.1),
    "frechet.judge.real_halves": (5.0, None, None),
    "frechet.judge.generated_half_to_real_half": (6.0, None, None),
    "sharpness.detail": (1.0, 0.9, 1.1),
    SHARE: (1.0, 0.9, 1.1),
    "diversity.pixel_distance.one_voice_other_noise": (40.0, 38.0, 42.0),
    "diversity.pixel_distance.real_other_person": (50.0, None, None),
    "people_covered.share_of_real": (0.9, 0.8, 1.0),
    "matching.v2f.10.real": (0.7, 0.68, 0.72),
    "matching.v2f.10.generated": (0.65, 0.63, 0.67),
    "matching.f2v.10.real": (0.7, 0.68, 0.72),
    "matching.f2v.10.generated": (0.65, 0.63, 0.67),
    "matching.v2f.10.generated_less_real": (-0.05, -0.08, -0.02),
    "matching.f2v.10.generated_less_real": (-0.05, -0.08, -0.02),
    "memorisation.share": (0.05, 0.03, 0.08),
    "preference.over_true": (0.48, 0.44, 0.52),
}  # fmt: skip


def chance_of(key: str) -> float | None:
    return 0.1 if key.startswith("matching.") else None


def figures() -> dict[str, Figure]:
    """Return the figures of a good generator."""
    return {
        name: Figure(name, f"label of {name}", value, low, high, chance=chance_of(name))
        for name, (value, low, high) in GOOD.items()
    }


def having(name: str, value: float, reach: float) -> dict[str, Figure]:
    figure = Figure(name, f"label of {name}", value, value - reach, value + reach, chance=chance_of(name))
    return figures() | {name: figure}


def faults_of(by_key: dict[str, Figure]) -> dict[str, Verdict]:
    return {verdict.kind: verdict for verdict in judge_figures(by_key) if verdict.severity != "good"}


def test_of_a_good_generator_nothing_is_wrong() -> None:
    all_verdicts = judge_figures(figures())
    assert {verdict.severity for verdict in all_verdicts} == {"good"}
    assert [verdict.kind for verdict in all_verdicts] == list(dict.fromkeys(rule.kind for rule in RULES))


@pytest.mark.parametrize(("name", "value", "kind", "severity", "words"), [
    ("fidelity.judge.density", 0.05, "realism", "bad", "hardly any face lies among real ones"),
    ("fidelity.judge.density", 0.3, "realism", "warning", "where real ones are rare"),
    ("frechet.judge.generated_half_to_real_half", 10.0, "realism", "warning", "faces differs from that of real ones"),
    ("frechet.judge.generated_half_to_real_half", 16.0, "realism", "bad", "differs strongly from that of real ones"),
    ("sharpness.detail", 0.2, "detail", "bad", "blurred"),
    ("sharpness.detail", 5.0, "detail", "bad", "noisy"),
    (SHARE, 0.05, "collapse", "bad", "Collapsed: one face per condition"),
    (SHARE, 0.3, "collapse", "warning", "vary less with the noise"),
    ("diversity.pixel_distance.one_voice_other_noise", 2.0, "collapse", "bad", "Collapsed: one picture per condition"),
    ("people_covered.share_of_real", 0.1, "people", "bad", "few people"),
    ("matching.v2f.10.generated", 0.1, "condition", "bad", "The condition is ignored"),
    ("matching.v2f.10.generated", 0.3, "condition", "warning", "less than real faces do"),
    ("memorisation.share", 0.9, "memory", "bad", "Training faces are repeated"),
    ("preference.over_true", 0.8, "overshoot", "bad", "stereotypes"),
    ("matching.v2f.10.generated_less_real", 0.1, "overshoot", "warning", "not an improvement"),
    ("matching.f2v.10.generated_less_real", 0.25, "overshoot", "bad", "stereotypes"),
])  # fmt: skip
def test_each_fault_is_named(name: str, value: float, kind: str, severity: str, words: str) -> None:
    faults = faults_of(having(name, value, 0.01))
    assert set(faults) == {kind}
    assert faults[kind].severity == severity
    assert words in faults[kind].sentence


def test_an_interval_across_the_limit_is_undecided_and_one_between_two_faults_is_the_milder() -> None:
    across = faults_of(having(SHARE, 0.5, 0.2))
    assert set(across) == {UNDECIDED}
    assert across[UNDECIDED].sentence == (
        f"Undecided at this size whether the noise changes the faces (label of {SHARE}: 0.5, "
        "0.3 to 0.7); evaluate more clips."
    )
    assert faults_of(having(SHARE, 0.2, 0.1))["collapse"].severity == "warning"


def test_a_limit_belongs_to_the_better_grade() -> None:
    rule = Rule("it", "it is", frechet_ratio, 1.5, 3.0, {})
    assert [rule.grade(value) for value in (1.5, 1.51, 3.0, 3.01)] == ["good", "warning", "warning", "bad"]
    down = replace(rule, warning=0.5, bad=0.1)
    assert [down.grade(value) for value in (0.5, 0.49, 0.1, 0.09)] == ["good", "warning", "warning", "bad"]


def test_what_is_missing_is_undecided_with_its_reason() -> None:
    by_key = figures()
    by_key["memorisation.share"] = Figure.missing("memorisation.share", "memorised share", "no training faces")
    (only,) = faults_of(by_key).values()
    assert only == Verdict(
        UNDECIDED, "warning", "Undecided whether training faces are repeated: 'memorised share' is "
        "not available: no training faces.",
    )  # fmt: skip
    # Of several rules of a kind, those that can be answered are enough.
    del by_key["fidelity.judge.density"]
    assert "realism" in {verdict.kind for verdict in judge_figures(by_key)}


def test_the_worst_rule_of_a_kind_speaks() -> None:
    both = having("fidelity.judge.density", 0.3, 0.01)
    name = "frechet.judge.generated_half_to_real_half"
    both[name] = Figure(name, name, 20.0)
    assert "differs strongly from that of real ones" in faults_of(both)["realism"].sentence


def test_quantities_by_hand() -> None:
    by_key = figures()
    assert frechet_ratio(by_key).value == pytest.approx(1.2)
    assert (pixel_variation(by_key).low, pixel_variation(by_key).high) == pytest.approx((0.76, 0.84))
    matching = normalised_matching(by_key)
    assert (matching.value, matching.low, matching.high) == pytest.approx((0.55 / 0.6, 0.53 / 0.6, 0.57 / 0.6))
    above = excess("v2f")(by_key)
    assert (above.value, above.low, above.high) == (-0.05, -0.08, -0.02)
    assert above.numbers == "label of matching.v2f.10.generated_less_real: -0.05, -0.08 to -0.02; real faces 0.7"


def test_overshoot_by_a_judge_that_cannot_tell_real_faces_is_doubted() -> None:
    preferred = "preference.over_true"
    sure = having(preferred, 0.9, 0.02)
    assert "overfitting" not in faults_of(sure)["overshoot"].sentence
    figure = Figure("matching.v2f.10.real", "V-F 10-way, real", 0.12, 0.08, 0.16, chance=0.1)
    blind = sure | {"matching.v2f.10.real": figure}
    assert faults_of(blind)["overshoot"].sentence.endswith("overfitting of run and judge to the same training people.")
    assert "overshoot" not in faults_of(figures() | {"matching.v2f.10.real": blind["matching.v2f.10.real"]})


def test_a_judge_that_is_blind_itself_says_nothing_of_the_condition() -> None:
    by_key = having("matching.v2f.10.real", 0.11, 0.03)
    with pytest.raises(MissingError, match="the judge does not match real faces above chance"):
        normalised_matching(by_key)
    assert "condition" not in {verdict.kind for verdict in judge_figures(by_key)}


def of_split(split: str, matching: float, reach: float = 0.01, **changes: object) -> Report:
    by_key = having("matching.v2f.10.generated", matching, reach)
    return report(Path(), split, {"all": list(by_key.values())}, **changes)


@pytest.mark.parametrize(("unseen", "reach", "severity", "words"), [
    (0.62, 0.01, "good", "What was learnt on train holds on heldout_people"),
    (0.45, 0.01, "warning", "Much of what was learnt is lost on heldout_people"),
    (0.15, 0.01, "bad", "Does not generalise from train to heldout_people"),
    (0.38, 0.2, "warning", "Undecided at this size whether what was learnt on train holds"),
])  # fmt: skip
def test_generalisation(unseen: float, reach: float, severity: str, words: str) -> None:
    all_verdicts = verdicts(of_split("heldout_people", unseen, reach), of_split("train", 0.66))
    (one,) = (verdict for verdict in all_verdicts if words in verdict.sentence)
    assert one.severity == severity
    assert one.kind == (UNDECIDED if "Undecided" in words else "generalisation")


def test_where_nothing_was_learnt_nothing_is_lost() -> None:
    all_verdicts = verdicts(of_split("heldout_people", 0.1), of_split("train", 0.12))
    assert any("the condition is ignored on" in verdict.sentence for verdict in all_verdicts)


def test_the_worst_comes_first_and_what_is_undecided_last() -> None:
    ordered = verdicts(report(Path(), "train", {"all": list(having("matching.v2f.10.generated", 0.1, 0.01).values())}))
    assert (ordered[0].kind, ordered[0].severity) == ("condition", "bad")
    undecided = verdicts(report(Path(), "train", {"all": [share("matching.v2f.10.generated", 0.5)]}))
    assert undecided[-1].kind == UNDECIDED
    assert verdicts(report(Path(), "train", {}, step=None)) == []
