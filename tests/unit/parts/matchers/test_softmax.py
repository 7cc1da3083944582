"""The matching loss and rule against scipy."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.matchers.softmax import Softmax

ROWS, DIM = 5, 3
STRANGERS = torch.tensor([[1, 2], [2, 3], [3, 4], [4, 0], [0, 1]])


@pytest.fixture
def encoding():
    return torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def embedding():
    return torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(1))


def batch_of(*identity):
    rows = torch.arange(ROWS)
    return Batch(torch.zeros(ROWS, 3, 16, 16), rows, torch.tensor(identity), STRANGERS)


def matcher(**settings):
    return Softmax(DataSpec(16), DIM, DIM, **settings)


def expected_loss(queries, candidates, scale=1.0):
    """Mean negative log probability of the own row among itself and its strangers."""
    queries, candidates = queries.double().numpy(), candidates.double().numpy()
    rows = [[row, *others] for row, others in enumerate(STRANGERS.tolist())]
    return np.mean(
        [-log_softmax(scale * candidates[seen] @ query)[0] for seen, query in zip(rows, queries, strict=True)]
    )


def test_candidates_are_the_own_and_the_strangers(encoding, embedding):
    part = matcher(num_candidates=3)
    assert part.num_mismatched == 2
    terms = part.terms(encoding, embedding, batch_of(0, 1, 2, 3, 4))
    assert {name: term.item() for name, term in terms.items()} == {
        "v2f": pytest.approx(expected_loss(encoding, embedding), rel=1e-5)
    }


def test_further_columns_of_strangers_are_not_read(encoding, embedding):
    terms = matcher(num_candidates=2).terms(encoding, embedding, batch_of(0, 1, 2, 3, 4))
    products = (encoding @ embedding.T).double().numpy()
    expected = np.mean([-log_softmax(products[row, [row, (row + 1) % ROWS]])[0] for row in range(ROWS)])
    assert terms["v2f"].item() == pytest.approx(expected, rel=1e-5)


def test_a_face_chooses_among_voices(encoding, embedding):
    terms = matcher(direction="f2v", num_candidates=3).terms(encoding, embedding, batch_of(0, 1, 2, 3, 4))
    assert terms["f2v"].item() == pytest.approx(expected_loss(embedding, encoding), rel=1e-5)


def test_both_directions_are_averaged(encoding, embedding):
    terms = matcher(direction="both", num_candidates=3).terms(encoding, embedding, batch_of(0, 1, 2, 3, 4))
    assert terms["v2f"].item() == pytest.approx(expected_loss(encoding, embedding) / 2, rel=1e-5)
    assert terms["f2v"].item() == pytest.approx(expected_loss(embedding, encoding) / 2, rel=1e-5)


def test_unit_vectors_and_temperature(encoding, embedding):
    terms = matcher(num_candidates=3, normalise=True, temperature=0.1).terms(
        encoding, embedding, batch_of(*range(ROWS))
    )
    unit = [vectors / vectors.norm(dim=1, keepdim=True) for vectors in (encoding, embedding)]
    assert terms["v2f"].item() == pytest.approx(expected_loss(*unit, scale=10.0), rel=1e-4)


def test_in_batch_leaves_out_other_rows_of_the_same_person_and_keeps_unknown_people(encoding, embedding):
    part = matcher(in_batch=True)
    assert part.num_mismatched == 0
    terms = part.terms(encoding, embedding, batch_of(0, 0, 1, -1, -1))
    products = (encoding @ embedding.T).double().numpy()
    seen = [[0, 2, 3, 4], [1, 2, 3, 4], [2, 0, 1, 3, 4], [3, 0, 1, 2, 4], [4, 0, 1, 2, 3]]
    expected = np.mean([-log_softmax(products[row, columns])[0] for row, columns in enumerate(seen)])
    assert terms["v2f"].item() == pytest.approx(expected, rel=1e-5)


def test_in_batch_gradients_are_finite_and_skip_the_same_person(encoding, embedding):
    encoding.requires_grad_()
    embedding.requires_grad_()
    part = matcher(in_batch=True)
    part.terms(encoding, embedding, batch_of(0, 0, 0, 0, 0))["v2f"].backward()
    assert (encoding.grad == 0).all()  # nobody to tell from
    assert (embedding.grad == 0).all()


def test_rule_is_the_inner_product_in_either_direction(encoding):
    candidates = torch.randn(ROWS, 4, DIM)
    part = matcher()
    expected = torch.einsum("bd,bkd->bk", encoding, candidates)
    for direction in ("v2f", "f2v"):
        torch.testing.assert_close(part.logits(encoding, candidates, direction=direction), expected)


def test_learnt_temperature_follows_its_gradient_and_stays_above_a_hundredth(encoding, embedding):
    part = matcher(num_candidates=3, temperature=0.5, learn_temperature=True)
    part.terms(encoding, embedding, batch_of(*range(ROWS)))["v2f"].backward()
    step = 1e-4
    above, below = (expected_loss(encoding, embedding, 2 * np.exp(sign * step)) for sign in (1, -1))
    assert part.log_scale.grad.item() == pytest.approx((above - below) / (2 * step), rel=1e-3)
    with torch.no_grad():
        part.log_scale.fill_(20.0)
    torch.testing.assert_close(
        part.logits(encoding, embedding[:, None], direction="v2f")[:, 0], 100 * (encoding * embedding).sum(dim=1)
    )


def test_a_fixed_temperature_is_not_trained():
    assert not any(weight.requires_grad for weight in matcher(temperature=0.5).parameters())


def test_widths_must_agree():
    with pytest.raises(RecipeError, match="softmax: encodings of 3 have no inner product with embeddings of 4"):
        Softmax(DataSpec(16), 3, 4)


def test_without_faces_there_is_nothing_to_match(encoding):
    with pytest.raises(RecipeError, match="softmax: matching needs embeddings of the faces"):
        matcher().terms(encoding, None, batch_of(*range(ROWS)))


def test_autocast_does_not_round_the_logits(encoding):
    candidates = torch.randn(ROWS, 4, DIM)
    exact = matcher().logits(encoding, candidates, direction="v2f")
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(matcher().logits(encoding, candidates, direction="v2f"), exact)
