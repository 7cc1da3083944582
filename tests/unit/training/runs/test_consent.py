"""Consent of the people of a run's corpora, the earlier runs included."""

from pathlib import Path

import numpy as np
import pytest

from facegen.core.batch import DataSpec
from facegen.core.recipe.recipe import check_recipe
from facegen.data.corpus.header import Provenance
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.training.runs.consent import missing_consent, without_names
from facegen.training.runs.run import Run

NETWORKS = {
    "conditioner": {"type": "one_hot", "condition_dim": 4},
    "discriminator": {"type": "dcgan"},
}


def pack(folder: Path, consents: list[str]) -> Path:
    about = Provenance(importer="test", source="test", facegen="0", settings={})
    with CorpusWriter(folder, image_pixels=16, sample_rate_hz=16000, attribute_classes={}, provenance=about) as writer:
        for row, consent in enumerate(consents):
            record = ClipRecord(identity=f"person {row}", utterance=f"u{row}", name=f"c{row}", consent=consent)
            writer.add_clip(record, np.full((1, 16, 16, 3), row, np.uint8), [-1])
        writer.finish()
    return folder


def run_on(folder: Path, data: dict[str, object], **match: object) -> Run:
    tables = {"data": data, **NETWORKS, "match": {"type": "softmax", **match}}
    return Run.create(folder, check_recipe(tables, "recipe.toml"), DataSpec(image_pixels=16))


@pytest.mark.parametrize(
    ("consents", "missing"), [(["written", "spoken"], []), (["written", " "], ["1 of 2"]), (["", ""], ["2 of 2"])]
)
def test_every_clip_of_a_packed_corpus_needs_consent(consents: list[str], missing: list[str], tmp_path: Path) -> None:
    data = {"type": "packed", "path": str(pack(tmp_path / "corpus", consents)), "image_pixels": 16}
    run = run_on(tmp_path / "run", data)
    expected = [f"{tmp_path / 'run'}: {counts} clips of its corpus have no consent" for counts in missing]
    assert missing_consent(run) == (True, expected)


def test_synthetic_speakers_need_none(tmp_path: Path) -> None:
    assert missing_consent(run_on(tmp_path / "run", {"type": "synthetic", "image_pixels": 16})) == (False, [])


def test_a_corpus_that_is_gone_is_missing_consent(tmp_path: Path) -> None:
    run = run_on(tmp_path / "run", {"type": "packed", "path": str(tmp_path / "gone"), "image_pixels": 16})
    real, (problem,) = missing_consent(run)
    assert real and "its corpus cannot be read" in problem and "does not exist" in problem


def test_the_corpus_of_an_earlier_run_counts(tmp_path: Path) -> None:
    corpus = {"type": "packed", "path": str(pack(tmp_path / "corpus", ["", "yes"])), "image_pixels": 16}
    first = run_on(tmp_path / "first", corpus)
    synthetic = {"type": "synthetic", "image_pixels": 16}
    second = run_on(tmp_path / "second", synthetic, start=str(first.path))
    third = run_on(tmp_path / "third", synthetic, run=str(second.path))
    assert missing_consent(third) == (True, [f"{first.path}: 1 of 2 clips of its corpus have no consent"])


def test_an_earlier_run_that_is_gone_is_missing_consent(tmp_path: Path) -> None:
    run = run_on(tmp_path / "run", {"type": "synthetic", "image_pixels": 16}, start=str(tmp_path / "gone"))
    real, (problem,) = missing_consent(run)
    assert real and problem.startswith(f"{tmp_path / 'gone'}: the earlier run cannot be read")


def test_names_become_numbers_of_one_width() -> None:
    people = DataSpec(image_pixels=16, identities=tuple(f"name {number}" for number in range(10)))
    assert without_names(people)[:2] == ("person-01", "person-02") and without_names(people)[9] == "person-10"
