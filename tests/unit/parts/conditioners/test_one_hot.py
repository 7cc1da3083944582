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


def test_plain_is_as_wide_as_there_are_people():
    encoder = OneHot(SPEC, form="plain")
    assert encoder.condition_dim == 3
    assert encoder(batch_of(2, 0, -1)).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_repeated_is_padded_with_zeros():
    encoder = OneHot(SPEC, form="repeated", condition_dim=8)
    assert encoder(batch_of(1)).tolist() == [[0, 1, 0, 0, 1, 0, 0, 0]]


def test_projected_is_a_row_of_the_matrix_and_nothing_for_the_unseen():
    encoder = OneHot(SPEC, condition_dim=5)
    seen, unseen = encoder(batch_of(1, -1))
    torch.testing.assert_close(seen, encoder.projection.weight[:, 1])
    assert (unseen == 0).all()


def test_projection_is_as_loud_as_noise_at_the_start():
    torch.manual_seed(0)
    encoder = OneHot(DataSpec(16, identities=tuple(map(str, range(100)))))
    assert encoder.projection.weight.std().item() == pytest.approx(1.0, abs=0.05)


def test_a_corpus_without_names_is_refused():
    with pytest.raises(RecipeError, match="one_hot: the training split names nobody"):
        OneHot(DataSpec(16))


def test_a_repeated_vector_must_hold_everybody():
    with pytest.raises(RecipeError, match=r"condition_dim = 2 holds no vector of 3 people: raise it to 3 or more"):
        OneHot(SPEC, form="repeated", condition_dim=2)
