"""Matching: chance for random and constant scores, 1 for an oracle, and brute force in between."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.parts.metrics.matching import Matching
from facegen.testing.samples import sample_evidence


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.key: figure for figure in figures}


def test_an_oracle_is_always_right() -> None:
    """Encodings and embeddings are the person's number, and the score is highest where they are equal."""
    number = torch.arange(40.0)[:, None]
    evidence = replace(
        sample_evidence(), encodings=number, real=number, fake=number[:, None].expand(-1, 2, -1),
        logits=lambda query, candidates, _: -(query[:, None] - candidates).abs().sum(2),
    )  # fmt: skip
    figures = Matching().measure(evidence)
    assert [figure.value for figure in figures if figure.key.endswith("less_real")] == [0.0] * 4
    shares = [figure for figure in figures if not figure.key.endswith("less_real")]
    for figure in shares:
        assert figure.value == 1.0
        assert figure.low is not None and 0.8 < figure.low < 1.0
        assert figure.note == ""


@pytest.mark.parametrize("score", ["noise", "constant"])
def test_who_knows_nothing_scores_chance(score: str) -> None:
    """A constant score is a tie: the own candidate must not win by being the first."""
    random = torch.Generator().manual_seed(0)

    def logits(query: Tensor, candidates: Tensor, _: str) -> Tensor:
        shape = candidates.shape[:2]
        return torch.rand(shape, generator=random) if score == "noise" else torch.zeros(shape)

    for figure in Matching().measure(replace(sample_evidence(200), logits=logits)):
        if figure.key.endswith("less_real"):
            assert figure.low is not None and figure.high is not None and figure.low - 0.02 <= 0 <= figure.high + 0.02
            continue
        assert figure.chance is not None and figure.low is not None and figure.high is not None
        slack = 0.02  # one figure in twenty lies outside its interval
        assert figure.low - slack <= figure.chance <= figure.high + slack
        assert figure.value == pytest.approx(figure.chance, abs=0.08)


def test_against_brute_force() -> None:
    """With all people as candidates nothing is left to the draw; in 2-way, the mean over all pairs is expected."""
    evidence = replace(sample_evidence(12, seed=3), attributes={}, fake=None)
    products = evidence.encodings @ evidence.real.T
    everybody = float((products.argmax(1) == torch.arange(12)).float().mean())
    pairs = [float(products[i, i] > products[i, j]) for i, j in itertools.permutations(range(12), 2)]
    figures = by_name(Matching(num_candidates=(2, 12), num_redraws=60).measure(evidence))
    assert figures["v2f.12.real"].value == pytest.approx(everybody)
    assert figures["v2f.2.real"].value == pytest.approx(sum(pairs) / len(pairs), abs=0.03)
    transposed = [float(products[i, i] > products[j, i]) for i, j in itertools.permutations(range(12), 2)]
    assert figures["f2v.2.real"].value == pytest.approx(sum(transposed) / len(transposed), abs=0.03)


def test_noises_of_their_own_and_shared_ones() -> None:
    """Everybody is a candidate, and a noise that moves a face far makes own noises harder than a shared one."""
    sample = sample_evidence(12, num_noises=3, seed=5)
    random = torch.Generator().manual_seed(7)
    steps = 3 * torch.randn(3, 1, 8, generator=random)
    shared = (sample.real + steps).transpose(0, 1).contiguous()
    own = sample.real + 3 * torch.randn(12, 8, generator=random)
    evidence = replace(sample, attributes={}, fake=shared, fresh=own)

    def right(faces: Tensor) -> float:
        return float(((sample.encodings @ faces.T).argmax(1) == torch.arange(12)).float().mean())

    figures = by_name(Matching(num_candidates=(12,)).measure(evidence))
    assert figures["v2f.12.generated"].value == pytest.approx(right(own))
    easier = by_name(Matching(num_candidates=(12,), noise="shared").measure(evidence))
    # What all candidates have in common changes nothing: it is as if there were none.
    assert easier["v2f.12.generated"].value == pytest.approx(right(sample.real))
    assert right(own) < right(sample.real)
    assert easier["v2f.12.real"] == figures["v2f.12.real"]


def test_directions_and_faces_reach_the_rule_as_they_should() -> None:
    """Voices are positive, real faces 1 to N, generated ones negative, so that the values show the kind of a call."""
    seen: set[tuple[str, str, int]] = set()

    def logits(query: Tensor, candidates: Tensor, direction: str) -> Tensor:
        kind = "generated" if float(query.min().minimum(candidates.min())) < 0 else "real"
        voices = query if direction == "v2f" else candidates
        assert float(voices.min()) > 1000
        seen.add((kind, direction, candidates.shape[1]))
        return torch.zeros(candidates.shape[:2])

    number = torch.arange(1.0, 41.0)[:, None]
    fake = -number[:, None].expand(-1, 2, -1)
    Matching().measure(
        replace(sample_evidence(), encodings=number + 1000, real=number, fake=fake, logits=logits)
    )  # fmt: skip
    assert seen == set(itertools.product(["real", "generated"], ["v2f", "f2v"], [2, 10]))


def test_sex_alone_helps_among_all_and_not_among_the_same_sex() -> None:
    sample = sample_evidence(300)
    sex = sample.attributes["sex"].float()[:, None]
    evidence = replace(
        sample, encodings=sex, real=sex, fake=None,
        logits=lambda query, candidates, _: -(query[:, None] - candidates).abs().sum(2),
    )  # fmt: skip
    figures = by_name(Matching(num_candidates=(2,), num_redraws=20).measure(evidence))
    assert figures["v2f.2.real"].value == pytest.approx(0.75, abs=0.03)  # half of the others are of the other sex
    assert figures["v2f.2.real.same_sex"].value == pytest.approx(0.5, abs=0.04)


def unavailable(evidence: Evidence, name: str) -> str:
    figure = by_name(Matching().measure(evidence))[name]
    assert math.isnan(figure.value)
    return figure.note


def test_what_cannot_be_measured_says_why() -> None:
    sample = sample_evidence()
    unlabelled = replace(sample, attributes={})
    assert unavailable(unlabelled, "v2f.2.real.same_sex") == "not available: no sex labels"
    unknown = replace(sample, attributes={"sex": torch.full((40,), -1)})
    assert unavailable(unknown, "f2v.10.generated.same_sex") == "not available: no sex labels"
    pairwise = replace(sample, max_candidates=2)
    assert unavailable(pairwise, "v2f.10.real") == "not available: the judge ranks 2 candidates at most"
    few = sample_evidence(6)
    assert unavailable(few, "v2f.10.real") == "not available: 6 people are fewer than 10 candidates"
    assert "same sex are fewer than 10" in unavailable(few, "v2f.10.real.same_sex")
    assert "same sex are fewer" not in by_name(Matching().measure(few))["v2f.2.real.same_sex"].note


def test_the_difference_is_that_of_pairs() -> None:
    """Generated faces equal real ones except in 20 rows: the paired interval is narrower than an unpaired one."""
    sample = sample_evidence(100, seed=2)
    some = torch.where((torch.arange(100) < 20)[:, None], sample.encodings, sample.real)
    figures = by_name(Matching().measure(replace(sample, fake=some[:, None].contiguous())))
    real, drawn, more = (figures[f"v2f.2.{kind}"] for kind in ("real", "generated", "generated_less_real"))
    assert more.value == pytest.approx(drawn.value - real.value)
    widths = [(figure.high or 0) - (figure.low or 0) for figure in (real, drawn, more)]
    assert widths[2] < 0.8 * math.hypot(*widths[:2])


def test_overshoot_is_named() -> None:
    sample = sample_evidence(200, seed=1)
    better = replace(sample, fake=sample.encodings[:, None].expand(-1, 2, -1).contiguous())
    figure = by_name(Matching().measure(better))["v2f.10.generated"]
    assert figure.note.startswith("overshoot: ")
    same = replace(sample, fake=sample.real[:, None].expand(-1, 2, -1).contiguous())
    assert by_name(Matching().measure(same))["v2f.10.generated"].note == ""


@pytest.mark.parametrize("which, note", [
    ("better", "above 0: overshoot, not an improvement"),
    ("worse", "below 0: generated faces are matched less often than real ones"),
    ("same", "not distinguishable from 0"),
])  # fmt: skip
def test_the_note_of_the_difference_follows_from_its_value(which: str, note: str) -> None:
    sample = sample_evidence(200, seed=1)
    faces = {"better": sample.encodings, "worse": torch.ones_like(sample.real), "same": sample.real}[which]
    drawn = replace(sample, fake=faces[:, None].expand(-1, 2, -1).contiguous())
    figure = by_name(Matching().measure(drawn))["v2f.10.generated_less_real"]
    assert figure.note == note


def test_a_run_that_only_matches_has_no_generated_faces() -> None:
    figures = Matching().measure(replace(sample_evidence(), fake=None))
    assert len(figures) == 8
    assert not any("generated" in figure.key for figure in figures)
