"""Names as vectors."""

import pytest
import torch

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.conditioners.one_hot import OneHot

SPEC = DataSpec(16, identities=("ada", "bo", "cy"))


def batch_of(*identity):
    rows = torch.arange(len(identity))
    return Batch(torch.zeros(len(identity), 3, 16, 16), rows, torch.tensor(identity), rows[:, None])


def test_plain_form_has_a_column_per_person():
    encoder = OneHot(SPEC, form="plain")
    assert encoder.condition_dim == 3
    assert encoder(batch_of(2, 0, -1)).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_repeated_form_is_padded_with_zeros():
    encoder = OneHot(SPEC, form="repeated", condition_dim=8)
    assert encoder(batch_of(1)).tolist() == [[0, 1, 0, 0, 1, 0, 0, 0]]


def test_projected_form_is_a_row_of_the_matrix_and_zero_for_unknown_people():
    encoder = OneHot(SPEC, condition_dim=5)
    seen, unseen = encoder(batch_of(1, -1))
    torch.testing.assert_close(seen, encoder.projection.weight[:, 1])
    assert (unseen == 0).all()


def test_projection_starts_at_the_scale_of_noise():
    torch.manual_seed(0)
    encoder = OneHot(DataSpec(16, identities=tuple(map(str, range(100)))))
    assert encoder.projection.weight.std().item() == pytest.approx(1.0, abs=0.05)


def test_a_corpus_without_names_is_refused():
    with pytest.raises(RecipeError, match="one_hot: the training split names nobody"):
        OneHot(DataSpec(16))


def test_repeated_form_too_narrow_for_all_people_is_refused():
    with pytest.raises(RecipeError, match=r"condition_dim = 2 holds no vector of 3 people: raise it to 3 or more"):
        OneHot(SPEC, form="repeated", condition_dim=2)


def test_padded_form_holds_the_vector_once():
    encoder = OneHot(SPEC, form="padded", condition_dim=8)
    assert encoder(batch_of(1, -1)).tolist() == [[0, 1, 0, 0, 0, 0, 0, 0], [0] * 8]
    with pytest.raises(RecipeError, match=r"condition_dim = 2 holds no vector of 3 people"):
        OneHot(SPEC, form="padded", condition_dim=2)
