"""The three losses against numpy and scipy."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.matchers.regression import Regression

ROWS, DIM = 5, 4
BATCH = Batch(torch.zeros(ROWS, 3, 16, 16), torch.arange(ROWS), torch.arange(ROWS), torch.arange(ROWS)[:, None])


@pytest.fixture
def encoding():
    return torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def embedding():
    return 3 * torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(1))


def losses(encoding, embedding, temperature):
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (encoding, embedding)]
    crossed = softmax(embedding / temperature, axis=1) * log_softmax(encoding / temperature, axis=1)
    return {
        "normalised": np.mean(np.sum((unit[1] - unit[0]) ** 2, axis=1)),
        "l1": np.mean(np.sum(np.abs(embedding - encoding), axis=1)),
        "distillation": -np.mean(np.sum(crossed, axis=1)),
    }


def test_all_three_terms_have_gradients(agree):
    weights = {"normalised": 0.25, "l1": 2.0, "distillation": 200.0}
    settings = {f"{name}_weight": weight for name, weight in weights.items()}
    part = Regression(DataSpec(16), DIM, DIM, temperature=2.5, **settings)
    draw = np.random.default_rng(0)
    agree(
        lambda given: part.terms(given.encoding, given.embedding, BATCH),
        lambda encoding, embedding: {
            name: weights[name] * loss for name, loss in losses(encoding, embedding, 2.5).items()
        },
        moved=["encoding"],
        encoding=draw.normal(size=(ROWS, DIM)),
        embedding=3 * draw.normal(size=(ROWS, DIM)),
    )


@pytest.mark.parametrize(("step", "weights"), [(0, (1.0, 0.0, 200.0)), (4, (0.6, 0.8, 120.0)), (10, (0.0, 2.0, 0.0))])
def test_weights_follow_their_ramps(encoding, embedding, step, weights):
    part = Regression(
        DataSpec(16),
        DIM,
        DIM,
        normalised_weight=Ramp(start=1.0, end=0.0, steps=10),
        l1_weight=Ramp(start=0.0, end=2.0, steps=10),
        distillation_weight=Ramp(start=200.0, end=0.0, steps=10),
    )
    advance_schedules(part, step, 100)
    expected = losses(encoding.double().numpy(), embedding.double().numpy(), 2)
    assert {name: term.item() for name, term in part.terms(encoding, embedding, BATCH).items()} == {
        name: pytest.approx(weight * expected[name], rel=1e-5)
        for name, weight in zip(("normalised", "l1", "distillation"), weights, strict=True)
    }


def test_default_is_the_angle_term_alone(encoding, embedding):
    part = Regression(DataSpec(16), DIM, DIM)
    terms = part.terms(encoding, embedding, BATCH)
    cosine = torch.nn.functional.cosine_similarity(encoding, embedding, dim=1)
    assert list(terms) == ["normalised"]
    assert terms["normalised"].item() == pytest.approx((2 - 2 * cosine).mean().item(), rel=1e-5)
    longer = part.terms(encoding, embedding * torch.arange(1, ROWS + 1)[:, None], BATCH)
    assert longer["normalised"].item() == pytest.approx(terms["normalised"].item(), rel=1e-5)  # row by row


def test_faces_get_no_gradient(encoding, embedding):
    encoding.requires_grad_()
    embedding.requires_grad_()
    part = Regression(DataSpec(16), DIM, DIM, l1_weight=1.0, distillation_weight=1.0)
    sum(part.terms(encoding, embedding, BATCH).values()).backward()
    assert embedding.grad is None and (encoding.grad != 0).any()
    assert not Regression.trains_faces


def test_distillation_is_least_where_both_agree(embedding):
    part = Regression(DataSpec(16), DIM, DIM, normalised_weight=0.0, distillation_weight=1.0)
    learnt = embedding.clone().requires_grad_()
    part.terms(learnt, embedding, BATCH)["distillation"].backward()
    torch.testing.assert_close(learnt.grad, torch.zeros(ROWS, DIM))


def test_logits_are_cosines(encoding):
    candidates = torch.randn(ROWS, 3, DIM)
    expected = torch.nn.functional.cosine_similarity(encoding[:, None], candidates, dim=2)
    part = Regression(DataSpec(16), DIM, DIM)
    torch.testing.assert_close(part.logits(encoding, candidates, direction="f2v"), expected)


def test_bad_regression_settings_are_refused(encoding):
    with pytest.raises(RecipeError, match="regression: all three weights are 0"):
        Regression(DataSpec(16), DIM, DIM, normalised_weight=0.0)
    with pytest.raises(RecipeError, match=r"regression: l1_weight\.start = -2\.0: must be at least 0$"):
        Regression(DataSpec(16), DIM, DIM, l1_weight=Ramp(start=-2.0, end=1.0, steps=10))
    with pytest.raises(RecipeError, match="regression: encodings of 3 cannot be compared"):
        Regression(DataSpec(16), 3, DIM)
    with pytest.raises(RecipeError, match="regression: matching needs embeddings of the faces"):
        Regression(DataSpec(16), DIM, DIM).terms(encoding, None, BATCH)
