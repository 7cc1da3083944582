"""Verdicts on the papers' findings for published and for other figures."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from studies.choi_findings import choi
from studies.finding import learnt
from studies.report_figures import KNOWN, SEEN, STRANGERS, Results, Value
from studies.thesis_findings import NAME_RUNS, thesis

Cell = tuple[float, ...]
Write = Callable[..., None]
Changes = Mapping[tuple[str, str, str], Cell | None]
ACCURACY, REAL = "identity.accuracy.generated", "identity.accuracy.real"
DETAIL, DENSITY = "sharpness.detail", "fidelity.judge.density"
DIVERSITY = "diversity.share_of_real"
BY_NOISE, BY_VOICE = "diversity.face_distance.one_voice_other_noise", "diversity.face_distance.other_voice_same_noise"
PREFERRED = "preference.over_true"
TO_PLAIN = "preference.over.speech_relativistic"
PAIRED = "matching.f2v.2.generated_less_real"


def near(value: float) -> Cell:
    return (value, value - 0.01, value + 0.01, 0.03)


LEARNT, UNLEARNT, SOME = near(0.9), near(0.03), near(0.3)
CORRELATION = "correlation.generated"
RETRIEVAL = [f"retrieval.r10.{distance}" for distance in ("l1", "l2", "cosine")]
SEXES = {"same_sex": near(0.2), "different_sexes": near(0.5)}


DETAILS = {
    "name_lsgan_spectral": 0.5, "name_lsgan_dropout": 0.7, "name_lsgan_ttur": 0.8, "name_lsgan_concatenated": 1.7,
    "name_acgan": 1.6, "name_lsgan_projected": 1.9,
}  # fmt: skip
OTHERS = [run for run in NAME_RUNS if run not in DETAILS]
BY_DETAIL = [*list(DETAILS)[:3], *OTHERS, *list(DETAILS)[3:]]
"""Runs in about rising order of detail and Inception Score and falling order of diversity."""


def as_published() -> dict[tuple[str, str, str], Cell]:
    """Return {(run, split, key): numbers} that confirm every claim that can be confirmed."""
    cells: dict[tuple[str, str, str], Cell] = {}
    for place, run in enumerate(BY_DETAIL):
        cells |= {
            (run, SEEN, REAL): (0.99, 0.98, 1.0, 0.03), (run, SEEN, ACCURACY): LEARNT,
            (run, SEEN, DETAIL): near(DETAILS.get(run, 1.0 + 0.01 * place)), (run, SEEN, DENSITY): near(0.5),
            (run, SEEN, DIVERSITY): near(0.1 - 0.008 * place),
            (run, SEEN, "fidelity.inception.score.generated"): (2.0 + 0.1 * place,),
        }  # fmt: skip
    cells |= {
        ("name_lsgan_projected", SEEN, DENSITY): near(0.3), ("name_lsgan_dropout", SEEN, DENSITY): near(0.3),
        ("name_lsgan_dropout", SEEN, DIVERSITY): near(0.13),
        ("name_wgan_projected", SEEN, ACCURACY): UNLEARNT, ("name_wgan_concatenated", SEEN, ACCURACY): UNLEARNT,
        ("name_lsgan_noise_one_hot", SEEN, BY_NOISE): near(0.05),
        ("name_lsgan_noise_one_hot", SEEN, BY_VOICE): near(0.05),
        ("name_lsgan_noise_one_hot", SEEN, "diversity.face_distance.real_other_person"): near(0.9),
    }  # fmt: skip
    for run in ("speech_lsgan", "speech_lsgan_code", "speech_name_lsgan", "mel_lsgan"):
        for split in (SEEN, KNOWN, STRANGERS):
            works = split == SEEN and run != "mel_lsgan"
            cells[run, split, REAL] = (0.99, 0.98, 1.0, 0.03)
            cells[run, split, ACCURACY] = LEARNT if works else UNLEARNT
    for run, own, other in (("match_v2f", 0.8, 0.9), ("match_svhf", 0.9, 0.8), ("match_dimnet", 0.9, 0.8)):
        both = ((2, own), (10, other - 0.3))
        cells |= {(run, STRANGERS, f"matching.v2f.{num}.real"): near(value) for num, value in both}
    cells[("match_v2f", STRANGERS, "matching.v2f.10.real")] = (0.9, 0.89, 0.91, 0.1)
    for run, way in (("match_v2f", "f2v"), ("match_f2v", "f2v"), ("match_f2v", "v2f")):
        cells[run, STRANGERS, f"matching.{way}.10.real"] = (0.3, 0.25, 0.35, 0.1)
    for run, retrieved, preferred in (
        ("speech_relid", 0.3, 0.8), ("speech_relativistic", 0.1, 0.4), ("speech2face", 0.1, 0.4),
    ):  # fmt: skip
        cells |= {(run, STRANGERS, name): near(retrieved) for name in RETRIEVAL}
        cells[run, STRANGERS, PREFERRED] = near(preferred)
    relid = {TO_PLAIN: near(0.8), PAIRED: near(0.05), CORRELATION: near(0.5)}
    for what in ("condition", "generated"):
        relid |= {f"correlation.distance.{what}.{kind}": numbers for kind, numbers in SEXES.items()}
    return cells | {("speech_relid", STRANGERS, name): numbers for name, numbers in relid.items()}


SHARES = {name: Value(0.8, 0.7, 0.9) for name in ("sex", "age", "size", "fullness", "nose", "skin")} | {
    name: Value(0.2, 0.1, 0.3)
    for name in ("yaw", "pitch", "roll", "backdrop_value", "hair_colour", "hair_style", "clothing_value", "glasses")
}


def verdicts(write: Write, folder: Path, changes: Changes, **shares: Value) -> dict[str, str]:
    """Return {source: verdict} for the numbers of `as_published` with some changed or missing."""
    reports: dict[tuple[str, str], dict[str, Cell]] = {}
    for (run, split, name), numbers in (as_published() | dict(changes)).items():
        if numbers is not None:
            reports.setdefault((run, split), {})[name] = numbers
    for (run, split), listed in reports.items():
        write(run, split, listed)
    for run in ("name_lsgan_projected", "name_lsgan_concatenated"):
        (folder / run / "log.jsonl").write_text(json.dumps({"stage": "monitor", "weight_ratio": 1e-5}))
    results = Results(folder)
    return {one.source: one.verdict for one in (*thesis(results), *choi(results, SHARES | shares))}


def test_published_findings_are_confirmed(write: Write, tmp_path: Path) -> None:
    """Two claims rest on numbers without an interval and stay undecided."""
    by_source = verdicts(write, tmp_path, {})
    undecided = {source for source, verdict in by_source.items() if verdict != "confirmed"}
    assert undecided == {"thesis 8", "thesis 10b"} and len(by_source) == 20
    assert by_source["thesis 8"] == by_source["thesis 10b"] == "undecided"


N, W, S = "name_lsgan_", "name_wgan_", "speech_"


@pytest.mark.parametrize("source, changes, verdict", [
    ("thesis 1", {(f"{N}projected", SEEN, DENSITY): near(0.505)}, "undecided"),
    ("thesis 1", {(f"{N}projected", SEEN, DETAIL): near(1.5)}, "refuted"),
    ("thesis 2", {(f"{N}concatenated", SEEN, DIVERSITY): near(0.7)}, "refuted"),
    ("thesis 3", {(f"{W}projected", SEEN, ACCURACY): SOME}, "undecided"),
    ("thesis 3", {(f"{W}projected", SEEN, ACCURACY): (0.03, 0.0, 0.2, 0.03)}, "undecided"),
    ("thesis 3", {(f"{W}projected", SEEN, ACCURACY): LEARNT}, "refuted"),
    ("thesis 4", {("name_acgan", SEEN, DETAIL): near(1.0)}, "refuted"),
    ("thesis 5", {(f"{N}spectral", SEEN, DIVERSITY): near(0.7)}, "refuted"),
    ("thesis 5", {(f"{N}concatenated", SEEN, DETAIL): near(0.9)}, "undecided"),
    ("thesis 5", {(f"{N}{run}", SEEN, DIVERSITY): near(0.7) for run in ("spectral", "concatenated")}, "undecided"),
    ("thesis 6", {(f"{N}noise", SEEN, DIVERSITY): near(0.7)}, "refuted"),
    ("thesis 6", {(f"{N}{run}", SEEN, DIVERSITY): near(0.7) for run in ("noise", "projected")}, "undecided"),
    ("thesis 6", {(f"{N}noise_one_hot", SEEN, BY_VOICE): near(0.5)}, "refuted"),
    ("thesis 6", {(f"{N}noise_one_hot", SEEN, BY_NOISE): near(0.5)}, "refuted"),
    ("thesis 7", {(f"{N}spectral", SEEN, DETAIL): near(0.9)}, "undecided"),
    ("thesis 7", {(f"{N}ttur", SEEN, DETAIL): near(0.6)}, "refuted"),
    ("thesis 9", {(f"{N}ttur", SEEN, DIVERSITY): near(0.5)}, "undecided"),
    ("thesis 9", {(f"{N}dropout", SEEN, DENSITY): near(0.7)}, "refuted"),
    ("thesis 10a", {("speech_lsgan", KNOWN, ACCURACY): SOME}, "undecided"),
    ("thesis 10a", {("speech_lsgan", SEEN, ACCURACY): UNLEARNT}, "refuted"),
    ("thesis 10b", {("speech_name_lsgan", SEEN, ACCURACY): near(0.6)}, "refuted"),
    ("thesis 10b", {("speech_lsgan", SEEN, ACCURACY): UNLEARNT}, "undecided"),
    ("thesis 10c", {("speech_lsgan", SEEN, ACCURACY): UNLEARNT}, "undecided"),
    ("thesis 10c", {("mel_lsgan", SEEN, ACCURACY): LEARNT}, "refuted"),
    ("thesis 11", {("name_acgan", SEEN, "fidelity.inception.score.generated"): None,
                   ("name_acgan", SEEN, "identity.score.generated"): (9.0,)}, "undecided"),
    ("thesis 11", {(run, SEEN, DIVERSITY): near(0.1 * (place ^ 1)) for place, run in enumerate(BY_DETAIL)}, "refuted"),
    ("thesis 11", {(run, SEEN, DIVERSITY): near(0.1 * (place * 5 % 12)) for place, run in enumerate(BY_DETAIL)},
     "undecided"),
    ("Choi 1", {("match_v2f", STRANGERS, "matching.f2v.10.real"): (0.12, 0.09, 0.15, 0.1)}, "undecided"),
    ("Choi 3", {(f"{S}relid", STRANGERS, "correlation.distance.condition.same_sex"): near(0.7)}, "refuted"),
    ("Choi 4", {(f"{S}relid", STRANGERS, TO_PLAIN): None}, "undecided"),
    ("Choi 4", {(f"{S}relid", STRANGERS, PAIRED): (0.03, -0.01, 0.07)}, "undecided"),
    ("Choi 4", {(f"{S}relativistic", STRANGERS, PREFERRED): near(0.6)}, "refuted"),
    *(("Choi 5", {("speech2face", STRANGERS, name): near(0.4)}, "refuted") for name in RETRIEVAL),
    ("Choi 6", {("match_svhf", STRANGERS, "matching.v2f.10.real"): None}, "undecided"),
    ("Choi 6", {("match_dimnet", STRANGERS, "matching.v2f.2.real"): near(0.7)}, "refuted"),
])  # fmt: skip
def test_other_figures_change_the_verdict(
    write: Write, tmp_path: Path, source: str, changes: Changes, verdict: str
) -> None:
    assert verdicts(write, tmp_path, changes)[source] == verdict


@pytest.mark.parametrize("factor, share, verdict", [
    ("nose", 0.45, "undecided"), ("nose", 0.2, "refuted"), ("roll", 0.8, "refuted"), ("hair_style", 0.8, "refuted"),
    ("skin", 0.2, "confirmed"),
])  # fmt: skip
def test_factor_shares_decide_the_roles(write: Write, tmp_path: Path, factor: str, share: float, verdict: str) -> None:
    """The colour of the skin does not depend on the voice, so it is not tested."""
    shares = {factor: Value(share, share - 0.1, share + 0.1)}
    assert verdicts(write, tmp_path, {}, **shares)["Choi 2"] == verdict


@pytest.mark.parametrize("kept, holds", [
    (Value(0.7, 0.6, 0.8), True), (Value(0.6, 0.4, 0.8), None), (Value(0.2, 0.1, 0.3), None),
    (Value(0.03, 0.01, 0.05), None), (Value(0.0, -0.05, 0.05), False), (Value(0.0, -0.2, 0.2), None),
    (Value(0.9), None),
])  # fmt: skip
def test_learnt_has_three_values(kept: Value, holds: bool | None) -> None:
    assert learnt(kept) is holds
