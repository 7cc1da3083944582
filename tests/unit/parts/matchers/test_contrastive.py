"""Distances, rank of the negative and its ramp, against numpy and hand computations."""

import numpy as np
import pytest
import torch

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.matchers.contrastive import Contrastive

ROWS, DIM = 6, 3


def matcher(dim=DIM, **settings):
    return Contrastive(DataSpec(16), dim, dim, **settings)


def batch_of(*identity):
    rows = torch.arange(len(identity))
    return Batch(torch.zeros(len(identity), 3, 16, 16), rows, torch.tensor(identity), rows[:, None])


ENCODING, EMBEDDING = np.random.default_rng(0).normal(size=(2, ROWS, DIM))


@pytest.fixture
def encoding():
    return torch.tensor(ENCODING).float()


@pytest.fixture
def embedding():
    return torch.tensor(EMBEDDING).float()


def losses(encoding, embedding, identity, hardness, *, directions=("v2f", "f2v"), margin=1.9, power=1, unit=True):
    """Return positive and negative losses, computed row by row."""
    if unit:
        encoding, embedding = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (encoding, embedding))
    across = np.linalg.norm(encoding[:, None] - embedding[None], axis=2)
    terms = {"positive": np.mean(np.diag(across) ** power)}
    for direction in directions:
        negatives = []
        for row, distances in enumerate(across if direction == "v2f" else across.T):
            ranked = sorted((d for other, d in enumerate(distances) if identity[other] != identity[row]), reverse=True)
            negatives.append(ranked[min(int(hardness * len(ranked)), len(ranked) - 1)])
        terms[direction] = np.mean(np.maximum(margin - np.array(negatives), 0) ** power) / len(directions)
    return terms


@pytest.mark.parametrize("hardness", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_both_directions_against_numpy(agree, hardness):
    part, identity = matcher(hardness=hardness, margin=1.9), (0, 1, 1, 2, 3, 4)
    agree(
        lambda given: part.terms(given.encoding, given.embedding, batch_of(*identity)),
        lambda encoding, embedding: losses(encoding, embedding, identity, hardness),
        encoding=ENCODING,
        embedding=EMBEDDING,
    )


@pytest.mark.parametrize("direction", ["v2f", "f2v"])
def test_loss_of_unnormalised_vectors_is_squared(agree, direction):
    part = matcher(direction=direction, hardness=1.0, squared=True, normalise=False, margin=3.0)
    settings = {"directions": (direction,), "margin": 3.0, "power": 2, "unit": False}
    agree(
        lambda given: part.terms(given.encoding, given.embedding, batch_of(*range(ROWS))),
        lambda encoding, embedding: losses(encoding, embedding, range(ROWS), 1.0, **settings),
        encoding=ENCODING,
        embedding=EMBEDDING,
    )


@pytest.mark.parametrize(("hardness", "distance"), [(0.0, 9.0), (0.25, 7.0), (0.5, 4.0), (0.75, 2.0), (1.0, 2.0)])
def test_negative_is_chosen_by_its_rank_from_the_farthest(hardness, distance):
    # On a line, the voice at 0: negatives at 9, 7, 4 and 2; at 1 and 0.5 it is the same person's faces.
    faces = torch.tensor([0.5, 4.0, 9.0, 1.0, 2.0, 7.0])[:, None]
    voices = torch.tensor([0.0, 4.0, 9.0, 0.0, 2.0, 7.0])[:, None]
    part = matcher(1, direction="v2f", hardness=hardness, normalise=False, margin=10.0)
    strangers = torch.ones(6, 6, dtype=torch.bool).fill_diagonal_(False)
    strangers[0, 3] = strangers[3, 0] = False
    chosen = faces[part._negative_rows(voices, faces, strangers)[0], 0]
    assert chosen.item() == distance
    faces.requires_grad_()
    part.terms(voices, faces, batch_of(0, 1, 2, 0, 3, 4))["v2f"].backward()
    assert faces.grad[faces[:, 0] == distance].item() < 0  # pushed away, as the margin lies beyond


def test_hardness_follows_its_ramp():
    part = matcher(hardness=Ramp(start=0.3, end=0.8, steps=10))
    for step, value in ((0, 0.3), (5, 0.55), (10, 0.8), (99, 0.8)):
        advance_schedules(part, step, 100)
        assert part.hardness.value.item() == pytest.approx(value)


def test_harder_negative_is_nearer(encoding, embedding):
    losses = []
    for hardness in (0.0, 0.5, 1.0):
        part = matcher(direction="v2f", hardness=hardness, margin=2.0)
        losses.append(part.terms(encoding, embedding, batch_of(*range(ROWS)))["v2f"].item())
    assert losses == sorted(losses) and losses[0] < losses[2]


def test_unknown_people_are_negatives_of_each_other(encoding, embedding):
    part = matcher(hardness=0.8, margin=1.9)
    unknown = part.terms(encoding, embedding, batch_of(*[-1] * ROWS))
    known = part.terms(encoding, embedding, batch_of(*range(ROWS)))
    assert all(torch.equal(unknown[name], known[name]) for name in known)


def test_single_person_has_positive_terms_only(encoding, embedding):
    terms = matcher(margin=1.9).terms(encoding, embedding, batch_of(*[0] * ROWS))
    assert terms["v2f"].item() == terms["f2v"].item() == 0.0


def test_equal_vectors_have_a_finite_gradient(encoding):
    encoding.requires_grad_()
    matcher(direction="v2f").terms(encoding, encoding.detach().clone(), batch_of(*range(ROWS)))["positive"].backward()
    assert torch.isfinite(encoding.grad).all()


def test_logits_are_negative_distances(encoding):
    candidates = torch.randn(ROWS, 4, DIM, generator=torch.Generator().manual_seed(2))
    plain = -np.linalg.norm(encoding.numpy()[:, None] - candidates.numpy(), axis=2)
    np.testing.assert_allclose(matcher(normalise=False).logits(encoding, candidates, direction="v2f"), plain, rtol=1e-5)
    unit = matcher().logits(encoding, candidates, direction="f2v")
    cosine = torch.nn.functional.cosine_similarity(encoding[:, None], candidates, dim=2)
    torch.testing.assert_close(unit, -(2 - 2 * cosine).sqrt())


def test_unequal_widths_and_missing_faces_are_refused(encoding):
    with pytest.raises(RecipeError, match="contrastive: encodings of 3 cannot be compared with embeddings of 4"):
        Contrastive(DataSpec(16), 3, 4)
    with pytest.raises(RecipeError, match="contrastive: matching needs embeddings of the faces"):
        matcher().terms(encoding, None, batch_of(*range(ROWS)))
