"""Hidden factors drawn into pictures: recovered if they are kept, at chance otherwise."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from facegen.core.evidence import Evidence, Figure, Side, Training
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.factor_reading import Reading
from facegen.parts.metrics.factors import Factors
from facegen.parts.metrics.linear_reader import Factor, LinearReader, _ridge
from facegen.testing.samples import sample_evidence

SIDES: Mapping[str, Side] = {"age": "voice and face", "hat": "voice and face", "tone": "face", "pace": "voice"}
PEOPLE, NOISES = 240, 3


def truth_of(num: int, seed: int) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    truth = {name: torch.rand(num, generator=random, dtype=torch.float64) for name in ("age", "tone", "pace")}
    return truth | {"hat": torch.randint(3, (num,), generator=random).double()}


def portray(truth: Mapping[str, Tensor], seed: int) -> Tensor:
    """Draw factors as pictures (N, 24, 24, 3): age below left, tone below right, the hat as a stripe above."""
    random = torch.Generator().manual_seed(seed)
    num = len(truth["age"])
    faces = 100 + 10 * torch.randn(num, 24, 24, 3, generator=random)
    faces[:, 12:, :12] += 60 * truth["age"].float()[:, None, None, None]
    faces[:, 12:, 12:] += 60 * truth["tone"].float()[:, None, None, None]
    for kind in range(3):
        rows = truth["hat"] == kind
        faces[rows, :6, 8 * kind : 8 * kind + 8] += 80
    return faces.clamp(0, 255).to(torch.uint8)


TRUTH = truth_of(PEOPLE, 1)


def evidence(fakes: list[Mapping[str, Tensor]]) -> Evidence:
    """Return evidence of faces with given factors, one mapping per noise, the first for each row's own noise."""
    learnt = truth_of(300, 2)
    drawn = [portray(fake, 10 + number) for number, fake in enumerate(fakes)]
    return replace(
        sample_evidence(PEOPLE),
        real_faces=portray(TRUTH, 3),
        fresh_faces=drawn[0],
        fake_faces=torch.stack(drawn[1:] or drawn, dim=1),
        factors=TRUTH,
        factor_sides=SIDES,
        training=Training(portray(learnt, 4), torch.zeros(300, 8), torch.arange(300) + PEOPLE, learnt),
    )


def measured(shown: Evidence) -> dict[str, Figure]:
    return {figure.key: figure for figure in Factors().measure(shown)}


def others(seed: int, **kept: Tensor) -> dict[str, Tensor]:
    """Return factors of other people, with some replaced."""
    return truth_of(PEOPLE, seed) | kept


def inside(figure: Figure, value: float, slack: float = 0.0) -> bool:
    assert figure.low is not None and figure.high is not None
    return figure.low - slack <= value <= figure.high + slack


def test_carried_factors_are_recovered_and_others_are_at_chance() -> None:
    fakes = [others(20 + z, age=TRUTH["age"], hat=TRUTH["hat"]) for z in range(NOISES)]
    figures = measured(evidence(fakes))
    for kind in ("real", "generated"):
        assert figures[f"age.{kind}"].value > 0.95
        assert figures[f"hat.{kind}"].value > 0.99
        assert figures[f"carried.{kind}"].value > 0.95
    assert figures["tone.real"].value > 0.95
    assert inside(figures["tone.generated"], 0.0)
    assert figures["hat.real"].chance == pytest.approx(1 / 3, abs=0.02)
    for name in ("age", "tone", "hat"):
        assert figures[f"{name}.spread"].value == pytest.approx(1, abs=0.06)
    assert figures["age.share_of_condition"].value > 0.95
    assert figures["hat.share_of_condition"].value > 0.99
    assert figures["tone.share_of_condition"].value < 0.1
    assert (figures["age.generated"].better, figures["tone.generated"].better) == ("higher", None)
    assert not any("pace" in name for name in figures)  # does not show
    assert figures["age.real"].note == "R2 of the reader; the factor affects the voice and face"


def test_share_among_real_faces_is_that_of_a_faithful_generator() -> None:
    """The voice carries the age and the hat: faces of one voice share them, and nothing else."""
    drawn = [others(20 + z, age=TRUTH["age"], hat=TRUTH["hat"]) for z in range(NOISES)]
    same_voice = portray(others(50, age=TRUTH["age"], hat=TRUTH["hat"]), 51)
    figures = measured(replace(evidence(drawn), same_voice_faces=lambda: same_voice))
    for name in ("age", "tone", "hat"):
        real = figures[f"{name}.share_of_condition_real"]
        assert real.value == pytest.approx(figures[f"{name}.share_of_condition"].value, abs=0.1)
        assert real.label == f"factor {name}, decided by the voice, real"
    assert figures["hat.share_of_condition_real"].value > 0.99
    without = measured(replace(evidence(drawn), same_voice_faces=lambda: None))
    assert without.keys() == figures.keys() - {f"{name}.share_of_condition_real" for name in ("age", "tone", "hat")}


def test_reader_withstands_small_errors_of_generated_faces() -> None:
    """The tone shows roughly in half of a face, and exactly in one pixel, which errors of generated faces hide."""
    random = torch.Generator().manual_seed(7)
    tone = torch.rand(900, generator=random, dtype=torch.float64)
    faces = 120 + 4 * torch.randn(900, 1, 1, 1, generator=random).repeat(1, 24, 24, 3)
    faces[:, 12:] += 40 * (tone.float() + 0.3 * torch.randn(900, generator=random))[:, None, None, None]
    faces[:, :1, :1] += 2 * tone.float()[:, None, None, None]
    errors = 0.01 * 255 * torch.randn(faces.shape, generator=random)
    real, generated = ((faces + added).round().clamp(0, 255).to(torch.uint8) for added in (0, errors))
    reader = LinearReader.fit(real[:700], {"tone": tone[:700]})
    clean, spoilt = (reader.read(some[700:])["tone"] for some in (real, generated))
    assert stats.pearsonr(clean, tone[700:]).statistic > 0.7
    assert float(spoilt.std() / clean.std()) == pytest.approx(1, abs=0.1)


def test_name_carries_every_factor() -> None:
    figures = measured(replace(evidence([TRUTH] * NOISES), condition="name"))
    assert "tone" in figures["carried.generated"].note
    assert figures["tone.generated"].better == "higher"
    assert figures["tone.share_of_condition"].value > 0.95


def test_faces_of_other_people_are_at_chance() -> None:
    figures = measured(evidence([others(30 + z) for z in range(NOISES)]))
    for name in ("carried.generated", "age.generated"):
        assert inside(figures[name], 0.0)
    hats = figures["hat.generated"]
    assert hats.chance is not None and inside(hats, hats.chance)


def test_exaggeration_has_a_spread_above_one() -> None:
    wide = {**TRUTH, "age": 2 * (TRUTH["age"] - 0.5) + 0.5}
    figures = measured(evidence([wide] * NOISES))
    assert figures["age.generated"].value > 0.95
    assert figures["age.spread"].value == pytest.approx(2, abs=0.2)


def test_reversed_factor_is_negative() -> None:
    figures = measured(evidence([{**TRUTH, "age": 1 - TRUTH["age"]}] * NOISES))
    assert figures["age.generated"].value < -0.95


def test_one_face_for_all_recovers_no_factor() -> None:
    shown = evidence([TRUTH] * NOISES)
    assert shown.fake_faces is not None
    alike = shown.fake_faces[:1, :1].expand(PEOPLE, NOISES, -1, -1, -1)
    figures = measured(replace(shown, fake_faces=alike, fresh_faces=alike[:, 0]))
    assert figures["age.generated"].value == 0
    hats = figures["hat.generated"]
    assert hats.value == pytest.approx(hats.chance)
    for name in ("age", "hat"):
        assert figures[f"{name}.spread"].value == pytest.approx(0, abs=1e-6)
        assert figures[f"{name}.share_of_condition"].note == "not available: all readings are equal"


def test_unreadable_factor_is_not_measured() -> None:
    """The factor `pace` is visible in no picture."""
    shown = evidence([TRUTH] * NOISES)
    figures = measured(replace(shown, factor_sides={**SIDES, "pace": "face"}))
    assert abs(figures["pace.real"].value) < 0.05
    for name in ("generated", "spread", "share_of_condition"):
        assert math.isnan(figures[f"pace.{name}"].value)
        assert "the reader cannot read it from real faces (R2" in figures[f"pace.{name}"].note


def test_reader_is_trained_on_other_people_if_there_are_any() -> None:
    shown = evidence([TRUTH] * NOISES)
    assert shown.training is not None
    known = replace(shown, training=replace(shown.training, person=torch.arange(300) % PEOPLE))
    assert "R2 of the reader, trained on faces of the same people" in measured(known)["age.real"].note
    # Wrong truth about people of the evidence changes nothing: they are left out.
    learnt = dict(shown.training.factors)
    faces, person = torch.cat([shown.training.faces] * 2), torch.cat([shown.training.person, torch.zeros(300).long()])
    spoilt = {name: torch.cat([values, values.flip(0)]) for name, values in learnt.items()}
    mixed = replace(shown, training=Training(faces, torch.zeros(600, 8), person, spoilt))
    assert measured(mixed) == measured(shown)


def test_missing_factors_have_a_reason() -> None:
    name = "carried.generated"
    shown = evidence([TRUTH])
    assert shown.training is not None
    few = replace(shown, training=replace(shown.training, faces=shown.training.faces[:99]))
    for given, note in (
        (sample_evidence(), "the corpus has no hidden factors"),
        (replace(shown, fake=None, fake_faces=None), "the run draws no faces"),
        (replace(shown, training=None), "fewer than 100 training faces for a reader to learn from"),
        (few, "fewer than 100 training faces for a reader to learn from"),
    ):
        (figure,) = Factors().measure(given)
        assert math.isnan(figure.value)
        assert (figure.key, figure.note) == (name, f"not available: {note}")


def reading(read: Tensor, fake: Tensor, others: Tensor, truth: Tensor, classes: Tensor | None = None) -> Reading:
    return Reading(Factor("it", classes), "face", truth, read, fake, others, Bootstrap(torch.arange(len(truth)), 0))


def test_r2_agrees_with_scipy_and_spread_with_hand_computation() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=80) + 5
    real = truth + random.normal(size=80)
    fake = -0.3 * truth + 2 * random.normal(size=80) + 100
    others = -3 * truth[:, None] + 2 * random.normal(size=(80, 4)) + 100
    result = reading(*(torch.tensor(values) for values in (real, fake, others, truth)))
    assert result.recovery("real")[0].value == pytest.approx(stats.pearsonr(real, truth).statistic ** 2)
    r = stats.pearsonr(fake, truth).statistic
    assert result.recovery("generated")[0].value == pytest.approx(r * abs(r))
    assert result.spread().value == pytest.approx(fake.std() / real.std())
    assert result.share().value == pytest.approx(np.cov(fake, others.mean(1), ddof=0)[0, 1] / fake.var())


def test_share_of_condition_with_shared_noises() -> None:
    """The reading is a sum of terms of the condition, the noise and both, with known variances."""
    random = np.random.default_rng(1)
    num = 4000
    true = random.normal(size=num)
    noises = [random.normal(size=num), *random.normal(size=4)]
    read = [1.5 * true + noise + 0.5 * true * noise for noise in noises]
    share = reading(*(torch.tensor(values) for values in (true, read[0], np.stack(read[1:], axis=1), true))).share()
    # The further noises' own mean tilts what a condition does: with 0.5 of it, as much as four noises may.
    assert share.value == pytest.approx(1.5 * (1.5 + 0.5 * np.mean(noises[1:])) / (2.25 + 1 + 0.25), abs=0.05)
    assert share.low is not None and share.high is not None and share.low < share.value < share.high


def test_class_figures_agree_with_counting() -> None:
    truth, real = torch.tensor([0.0, 0, 1, 1, 3, 3]), torch.tensor([0.0, 1, 1, 1, 3, 0])
    fake = torch.tensor([0.0, 0, 3, 1, 3, 1])
    others = torch.tensor([[0.0, 3], [0, 0], [1, 3], [1, 1], [3, 3], [1, 1]])
    result = reading(real, fake, others, truth, truth.unique())
    assert result.recovery("real")[0].value == pytest.approx(4 / 6)
    drawn, chance = result.recovery("generated")
    assert drawn.value == pytest.approx(4 / 6)
    assert chance == pytest.approx((2 / 6 + 2 / 6 + 2 / 6) / 3)
    gini = {"real": 1 - (4 + 9 + 1) / 36, "generated": 1 - (4 + 4 + 4) / 36}
    assert result.spread().value == pytest.approx(gini["generated"] / gini["real"])
    # Of 6 pairs with each face under another noise, those that are read alike, less what chance would have alike.
    alike = ((fake[:, None] == others).double().mean() - (2 / 6) * (3 + 5 + 4) / 12) / (1 - 12 / 36)
    assert result.share().value == pytest.approx(float(alike))


def test_interval_covers_the_truth() -> None:
    """Truth and reading are bivariate normal, so that R2 is known."""
    random = torch.Generator().manual_seed(5)
    covered, trials, r = 0, 200, 0.6
    for trial in range(trials):
        truth, noise = torch.randn(2, 150, generator=random, dtype=torch.float64)
        read = r * truth + math.sqrt(1 - r * r) * noise
        people = Bootstrap(torch.arange(150), trial, num_resamples=300)
        recovery = Reading(Factor("it", None), "face", truth, read, read, read[:, None], people).recovery("real")[0]
        assert recovery.low is not None and recovery.high is not None
        covered += recovery.low <= r * r <= recovery.high
    assert 0.90 <= covered / trials <= 0.98


@pytest.mark.parametrize("num", [30, 80])
def test_ridge_minimises_generalised_cross_validation(num: int) -> None:
    random = np.random.default_rng(num)
    x = random.normal(size=(num, 50)) * np.linspace(0.1, 2, 50)
    x -= x.mean(0)
    y = x[:, :3] @ random.normal(size=(3, 2)) + random.normal(size=(num, 2))
    y -= y.mean(0)
    total = (x * x).sum()
    losses, solutions = [], []
    for strength in np.unique(np.maximum(np.logspace(-7, 1, 17) * total, num * 0.01**2)):
        solution = np.linalg.solve(x.T @ x + strength * np.eye(50), x.T)
        hat = x @ solution
        losses.append(((y - hat @ y) ** 2).sum(0) / max(1 - (np.trace(hat) + 1) / num, 1e-6) ** 2)
        solutions.append(solution @ y)
    best = np.argmin(losses, axis=0)
    expected = np.stack([solutions[best[column]][:, column] for column in range(2)], axis=1)
    assert np.allclose(_ridge(torch.tensor(x), torch.tensor(y)).numpy(), expected, atol=1e-8)


def test_reader_is_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = truth_of(120, 0)
    faces = portray(truth, 1)
    before = LinearReader.cached(faces, truth, tmp_path).read(faces)
    monkeypatch.setattr(LinearReader, "fit", None)  # from now on, whoever learns fails
    after = LinearReader.cached(faces, truth, tmp_path).read(faces)
    assert all(torch.equal(before[name], after[name]) for name in truth)
    with pytest.raises(TypeError):
        LinearReader.cached(faces.flip(0), truth, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"cut short")
    with pytest.raises(TypeError):
        LinearReader.cached(faces, truth, tmp_path)


def test_integer_factors_are_classes() -> None:
    assert Factor.of("sex", torch.tensor([0.0, 1, 1])).classes is not None
    assert Factor.of("age", torch.tensor([18.5, 20, 30])).classes is None
    assert Factor.of("count", torch.arange(11.0)).classes is None
