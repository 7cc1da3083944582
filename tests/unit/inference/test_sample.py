import dataclasses

import pytest
import torch

from facegen.core.batch import DataSpec
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
