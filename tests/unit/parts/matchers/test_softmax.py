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


ENCODING, EMBEDDING = np.random.default_rng(0).normal(size=(2, ROWS, DIM))


@pytest.fixture
def encoding():
    return torch.tensor(ENCODING).float()


@pytest.fixture
def embedding():
    return torch.tensor(EMBEDDING).float()


def batch_of(*identity):
    rows = torch.arange(ROWS)
    return Batch(torch.zeros(ROWS, 3, 16, 16), rows, torch.tensor(identity), STRANGERS)


EVERYBODY = batch_of(*range(ROWS))


def matcher(**settings):
    return Softmax(DataSpec(16), DIM, DIM, **settings)


def terms_of(part, batch=EVERYBODY):
    return lambda given: part.terms(given.encoding, given.embedding, batch)


def cross_entropy(queries, candidates, scale=1.0, seen=None):
    """Return the mean negative log probability of the own row, the first candidate of each query."""
    seen = [[row, *others] for row, others in enumerate(STRANGERS.tolist())] if seen is None else seen
    return np.mean(
        [-log_softmax(scale * candidates[rows] @ query)[0] for rows, query in zip(seen, queries, strict=True)]
    )


def test_candidates_are_own_and_negatives_with_gradients(agree):
    part = matcher(num_candidates=3)
    assert part.num_mismatched == 2
    agree(
        terms_of(part),
        lambda encoding, embedding: {"v2f": cross_entropy(encoding, embedding)},
        encoding=ENCODING,
        embedding=EMBEDDING,
    )


def test_further_columns_of_negatives_are_not_read(agree):
    seen = [[row, (row + 1) % ROWS] for row in range(ROWS)]
    agree(
        terms_of(matcher(num_candidates=2)),
        lambda encoding, embedding: {"v2f": cross_entropy(encoding, embedding, seen=seen)},
        encoding=ENCODING,
        embedding=EMBEDDING,
    )


def test_a_face_chooses_among_voices(agree):
    agree(
        terms_of(matcher(direction="f2v", num_candidates=3)),
        lambda encoding, embedding: {"f2v": cross_entropy(embedding, encoding)},
        encoding=ENCODING,
        embedding=EMBEDDING,
    )


def test_both_directions_are_averaged(agree):
    agree(
        terms_of(matcher(direction="both", num_candidates=3)),
        lambda encoding, embedding: {
            "v2f": cross_entropy(encoding, embedding) / 2,
            "f2v": cross_entropy(embedding, encoding) / 2,
        },
        encoding=ENCODING,
        embedding=EMBEDDING,
    )


@pytest.mark.parametrize("temperature", [0.1, 0.004])
def test_normalised_logits_are_divided_by_the_temperature(agree, temperature):
    def formula(encoding, embedding):
        unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (encoding, embedding)]
        return {"v2f": cross_entropy(*unit, scale=1 / temperature)}

    agree(
        terms_of(matcher(num_candidates=3, normalise=True, temperature=temperature)),
        formula,
        encoding=ENCODING,
        embedding=EMBEDDING,
    )


def test_in_batch_leaves_out_other_rows_of_the_same_person_and_keeps_unknown_people(agree):
    part = matcher(in_batch=True)
    assert part.num_mismatched == 0
    seen = [[0, 2, 3, 4], [1, 2, 3, 4], [2, 0, 1, 3, 4], [3, 0, 1, 2, 4], [4, 0, 1, 2, 3]]
    agree(
        terms_of(part, batch_of(0, 0, 1, -1, -1)),
        lambda encoding, embedding: {"v2f": cross_entropy(encoding, embedding, seen=seen)},
        encoding=ENCODING,
        embedding=EMBEDDING,
    )


def test_in_batch_gradients_are_finite_and_skip_the_same_person(encoding, embedding):
    encoding.requires_grad_()
    embedding.requires_grad_()
    part = matcher(in_batch=True)
    part.terms(encoding, embedding, batch_of(0, 0, 0, 0, 0))["v2f"].backward()
    assert (encoding.grad == 0).all()  # no negatives
    assert (embedding.grad == 0).all()


def test_logits_are_inner_products_in_both_directions(encoding):
    candidates = torch.randn(ROWS, 4, DIM)
    part = matcher()
    expected = torch.einsum("bd,bkd->bk", encoding, candidates)
    for direction in ("v2f", "f2v"):
        torch.testing.assert_close(part.logits(encoding, candidates, direction=direction), expected)


def test_a_learnt_temperature_follows_its_gradient(encoding, embedding):
    part = matcher(num_candidates=3, temperature=0.5, learn_temperature=True)
    part.terms(encoding, embedding, EVERYBODY)["v2f"].backward()
    step = 1e-4
    above, below = (cross_entropy(ENCODING, EMBEDDING, 2 * np.exp(sign * step)) for sign in (1, -1))
    assert part.log_scale.grad.item() == pytest.approx((above - below) / (2 * step), rel=1e-3)


def test_learnt_temperature_stays_above_its_minimum(encoding):
    part = matcher(num_candidates=3, normalise=True, temperature=0.02, learn_temperature=True)
    with torch.no_grad():
        part.log_scale.fill_(20.0)
    part.update({})
    assert part.log_scale.exp().item() == pytest.approx(100)
    part.terms(encoding, encoding.roll(1, 0), EVERYBODY)["v2f"].backward()
    assert part.log_scale.grad.item() > 0  # of wrong pairs, a higher temperature makes less


def test_start_of_a_learnt_temperature_is_checked():
    part = matcher(temperature=0.004)
    part.update({})
    assert part.log_scale.exp().item() == pytest.approx(250)
    with pytest.raises(RecipeError, match=r"softmax: temperature = 0\.004 with learn_temperature = true: .* 0\.01,"):
        matcher(temperature=0.004, learn_temperature=True)
    matcher(temperature=0.01, learn_temperature=True)


def test_a_fixed_temperature_is_not_trained():
    assert not any(weight.requires_grad for weight in matcher(temperature=0.5).parameters())


def test_widths_must_agree():
    with pytest.raises(RecipeError, match="softmax: encodings of 3 have no inner product with embeddings of 4"):
        Softmax(DataSpec(16), 3, 4)


def test_softmax_without_faces_is_refused(encoding):
    with pytest.raises(RecipeError, match="softmax: matching needs embeddings of the faces"):
        matcher().terms(encoding, None, batch_of(*range(ROWS)))


def test_autocast_does_not_round_the_logits(encoding):
    candidates = torch.randn(ROWS, 4, DIM)
    exact = matcher().logits(encoding, candidates, direction="v2f")
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(matcher().logits(encoding, candidates, direction="v2f"), exact)
