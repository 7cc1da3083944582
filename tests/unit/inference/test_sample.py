import dataclasses

import pytest
import torch
from PIL import Image

from facegen.core.batch import IDENTITY_IMAGE, DataSpec
from facegen.core.errors import DataError
from facegen.inference.sample import Subject, identity_index, subjects_batch
from facegen.testing.samples import SMALL_DATA

COMPOSED, DECOMPOSED = "Jos\u00e9", "Jose\u0301"


def spec(*identities: str) -> DataSpec:
    return dataclasses.replace(SMALL_DATA, identities=identities)


@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED, f" {COMPOSED}"])
@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED])
def test_a_name_is_known_in_either_unicode_form(asked, stored):
    data = spec("Ada", stored, "ada")
    batch = subjects_batch([Subject(asked, name=asked)], frozenset({"identity"}), data, torch.device("cpu"))
    assert batch.identity.tolist() == [1]


def test_a_run_that_knows_both_forms_draws_the_one_that_was_typed():
    identities = (DECOMPOSED, COMPOSED)
    assert (identity_index(DECOMPOSED, identities), identity_index(COMPOSED, identities)) == (0, 1)
    assert identity_index("Jose", identities) == identity_index(None, identities) == -1


def test_capitals_matter():
    with pytest.raises(DataError, match="'ADA' is an unknown name"):
        subjects_batch([Subject("ADA", name="ADA")], frozenset({"identity"}), spec("Ada", "ada"), torch.device("cpu"))


def test_the_identity_image_is_read_at_the_size_of_the_run(tmp_path):
    Image.new("RGB", (100, 80), (255, 0, 0)).save(tmp_path / "red.png")
    subject, needs = Subject("red", face=tmp_path / "red.png"), frozenset({IDENTITY_IMAGE})
    batch = subjects_batch([subject, subject], needs, SMALL_DATA, torch.device("cpu"))
    assert batch.identity_image.shape == (2, 3, 64, 64)
    assert batch.identity_image[0, :, 32, 32].tolist() == [1, -1, -1]


def test_a_missing_an_unreadable_and_an_unread_image_are_explained(tmp_path):
    needs, cpu = frozenset({IDENTITY_IMAGE}), torch.device("cpu")
    with pytest.raises(DataError, match="the run was trained on identity_image: give it with --face IMAGE"):
        subjects_batch([Subject("nobody")], needs, SMALL_DATA, cpu)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DataError, match=r"text\.png"):
        subjects_batch([Subject("text", face=tmp_path / "text.png")], needs, SMALL_DATA, cpu)
    with pytest.raises(DataError, match="the run does not read a face; it was trained on identity"):
        subjects_batch([Subject("a", name="anna", face="a.png")], frozenset({"identity"}), SMALL_DATA, cpu)
    with pytest.raises(DataError, match="2 faces of one person are given; give one"):
        subjects_batch([Subject("two", face=torch.zeros(2, 3, 64, 64))], needs, SMALL_DATA, cpu)
