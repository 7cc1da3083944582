"""Fidelity: the faces that are compared, the features, and the reason where there is no value."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from facegen.core.errors import DataError
from facegen.core.evidence import Evidence, Figure, Recognised
from facegen.core.progress import Observer
from facegen.core.statistics import frechet_distance
from facegen.parts.metrics import fidelity as module
from facegen.parts.metrics.extractor import Extractor
from facegen.parts.metrics.fidelity import Fidelity
from facegen.parts.metrics.given_features import inception_score, kernel_distance, precision_recall
from facegen.parts.metrics.inception import FEATURES, LOGITS
from facegen.parts.metrics.weight_files import NoWeightsError
from facegen.testing.samples import sample_evidence


def measured(evidence: Evidence, **settings: Any) -> dict[str, Figure]:
    return {figure.key: figure for figure in Fidelity(**settings).measure(evidence)}


def gaussian(num: int, dim: int = 8, seed: int = 0) -> Tensor:
    return torch.randn(num, dim, generator=torch.Generator().manual_seed(seed))


class SmallInception:
    """Replacement of the network: the mean of each of 4 x 4 fields as features, and the colours as logits."""

    def __init__(self, path: Path, *, batch_size: int) -> None:
        self.asked: list[tuple[str, Path | None]] = []

    def compute(self, faces: Tensor, what: str, observer: Observer, cache_folder: Path | None) -> dict[str, Tensor]:
        self.asked.append((what, cache_folder))
        pictures = faces.permute(0, 3, 1, 2).float()
        pooled = torch.nn.functional.adaptive_avg_pool2d(pictures, 4).mean(1).flatten(1)
        return {FEATURES: pooled, LOGITS: pictures.mean((2, 3))}


@pytest.fixture
def inception(monkeypatch: pytest.MonkeyPatch) -> SmallInception:
    small = SmallInception(Path(), batch_size=1)
    monkeypatch.setattr(module, "find_weights", lambda observer: Path())
    monkeypatch.setattr(module, "Inception", lambda path, batch_size: small)
    return small


def test_by_inception_one_face_a_row(inception: SmallInception, tmp_path: Path) -> None:
    evidence = replace(sample_evidence(60, num_noises=3), cache=tmp_path)
    assert evidence.fake_faces is not None
    figures = measured(evidence, num_neighbours=3)
    fake_faces = torch.stack([evidence.fake_faces[row, row % 3] for row in range(60)])
    real, fake = (inception.compute(faces, "", Observer(), None) for faces in (evidence.real_faces, fake_faces))
    assert inception.asked[:2] == [("real faces", tmp_path / "inception"), ("generated faces", None)]
    expected = {
        "inception.score.generated": inception_score(fake[LOGITS], num_splits=10, seed=0)[0],
        "inception.score.real": inception_score(real[LOGITS], num_splits=10, seed=0)[0],
        "inception.fid.distance": frechet_distance(real[FEATURES], fake[FEATURES]),
        "inception.kid": kernel_distance(fake[FEATURES], real[FEATURES], num_subsets=100, subset_size=30, seed=0)[0],
    }
    assert {name: figures[name].value for name in expected} == pytest.approx(expected)
    both = precision_recall(fake[FEATURES], real[FEATURES], num_neighbours=3)
    assert (figures["inception.precision"].value, figures["inception.recall"].value) == both
    assert figures["inception.score.generated"].note == "10 splits of 6 faces of 32 pixels"
    assert figures["inception.fid.distance"].note == "60 against 60 faces, 16 features"
    note = figures["inception.kid"].note
    assert note.startswith("100 subsets of 30 from 60 real and 60 generated faces; 0 on average")
    kinds = ("fid.real_halves", "fid.generated_half_to_real_half", "density", "coverage")
    assert {f"inception.{kind}" for kind in kinds} <= set(figures)


def test_faces_of_the_same_distribution_score_as_the_notes_say() -> None:
    real, fake = gaussian(600), gaussian(600, seed=1)
    evidence = replace(sample_evidence(600), real=real, fake=fake[:, None])
    figures = measured(evidence)
    distance = figures["judge.kid"]
    assert distance.deviation is not None and abs(distance.value) < 2 * distance.deviation
    assert figures["judge.density"].value == pytest.approx(1, abs=0.15)
    coverage = figures["judge.coverage"]
    # Naeem et al. 2020: 1 - (599 ... 595) / (1199 ... 1195)
    assert coverage.note.endswith("; 0.969 for equal distributions")
    assert coverage.low is not None and coverage.high is not None and coverage.low < 0.969 < coverage.high
    for name in ("precision", "recall"):
        figure = figures[f"judge.{name}"]
        assert figure.low is not None and figure.high is not None
        assert 0.8 < figure.low < figure.value < figure.high <= 1


def test_collapsed_and_distant_faces() -> None:
    real = gaussian(300)
    sample = replace(sample_evidence(300), real=real)
    collapsed = measured(replace(sample, fake=(real[:1] + 1e-3 * gaussian(300, seed=2))[:, None]))
    assert collapsed["judge.precision"].value == 1 and collapsed["judge.recall"].value < 0.05
    assert collapsed["judge.coverage"].value < 0.1
    distant = measured(replace(sample, fake=(gaussian(300, seed=3) + 9)[:, None]))
    for name in ("precision", "recall", "density", "coverage"):
        assert distant[f"judge.{name}"].value == 0
    assert distant["judge.kid"].value > 100


def test_recognisers_have_names_of_their_own_and_rows_without_a_face_are_left_out() -> None:
    evidence = sample_evidence(60)
    real, fake = gaussian(60, 5), gaussian(60, 5, seed=4)[:, None].repeat(1, 2, 1)
    real[3], fake[7] = math.nan, math.nan
    partly = Recognised(real=real, fake=fake)
    speech = Recognised(speech=gaussian(60))
    figures = measured(replace(evidence, recognised={"sface": partly, "ears": speech}))
    detected = torch.tensor([row for row in range(60) if row not in (3, 7)])
    expected = kernel_distance(fake[detected, 0], real[detected], num_subsets=100, subset_size=29, seed=0)
    assert figures["sface.kid"].value == pytest.approx(expected[0])
    sizes = "58 real and 58 generated faces (2 more in which sface does not detect a face)"
    assert sizes in figures["sface.kid"].note and sizes in figures["sface.coverage"].note
    assert not any("ears" in name for name in figures)


def test_without_weights_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEGEN_INCEPTION_WEIGHTS", "none")
    figures = measured(sample_evidence())
    line = figures["inception"]
    assert math.isnan(line.value) and line.note == "not available: FACEGEN_INCEPTION_WEIGHTS = none"
    assert not {"inception.fid.distance", "inception.kid", "inception.score.generated"} & set(figures)
    assert math.isfinite(figures["judge.kid"].value)


def test_a_file_that_is_no_such_file_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"lost\.pth': does not exist"):
        Fidelity(inception_weights=tmp_path / "lost.pth")
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="not the weights of FID's Inception"):
        Fidelity(inception_weights=tmp_path / "other.safetensors")


def test_too_few_faces_are_said(inception: SmallInception) -> None:
    few = measured(sample_evidence(12))
    assert few["inception.score.generated"].note == "not available: 12 faces for 10 splits"
    assert few["inception.fid.distance"].note.endswith("; fewer faces than features, so the distance is biased upwards")
    some = measured(sample_evidence(12), num_splits=6)["inception.score.generated"]
    # Three logits: a score of 3 at most, and of 2 with two faces a split.
    assert some.note.endswith("; cannot exceed 2") and 1 <= some.value <= 2
    fewest = measured(sample_evidence(3))
    assert fewest["inception.kid"].note == "not available: 3 real and 3 generated faces"
    assert fewest["inception.coverage"].note == "not available: 3 real and 3 generated faces, and k = 5"
    assert math.isnan(fewest["judge.precision"].value)


def test_a_run_that_draws_nothing_has_no_fidelity() -> None:
    (only,) = Fidelity().measure(replace(sample_evidence(), fake=None, fake_faces=None))
    assert only.note == "not available: the run draws no faces"


def test_further_extractors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network with weights gives distances of its own; one without names the reason."""

    def find(name: str, path: Path | None, batch_size: int, observer: Observer) -> Any:
        if name == "vgg16":
            raise NoWeightsError("no weights here")
        return Means(nn.Identity(), ["features"], name=name, key="0", batch_size=batch_size)

    class Means(Extractor):
        def compute(self, faces: Tensor, *_: object) -> dict[str, Tensor]:
            return {"features": faces.float().mean((1, 2))}

    monkeypatch.setattr(module, "find_extractor", find)
    monkeypatch.setenv("FACEGEN_INCEPTION_WEIGHTS", "none")
    monkeypatch.setenv("FACEGEN_EXTRACTORS", "vgg16")
    evidence = sample_evidence(30)
    figures = {figure.key: figure for figure in Fidelity(extractors=("clip-vit-b-32",)).measure(evidence)}
    assert evidence.fake_faces is not None
    drawn = evidence.fake_faces[torch.arange(30), torch.arange(30) % 2].float().mean((1, 2))
    expected = frechet_distance(evidence.real_faces.float().mean((1, 2)), drawn)
    distance = figures["clip_vit_b_32.frechet.distance"]
    assert distance.value == pytest.approx(expected) and not distance.by_judge
    assert {"clip_vit_b_32.kid", "clip_vit_b_32.coverage"} <= set(figures)
    assert figures["vgg16"].note == "not available: no weights here"
