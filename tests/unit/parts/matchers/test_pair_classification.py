"""Classification of two candidates in either order, against a network computed by hand."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import DataError, RecipeError
from facegen.parts.matchers.pair_classification import PairClassification

ROWS, VOICE, FACE = 64, 3, 5
STRANGERS = (torch.arange(ROWS)[:, None] + 7) % ROWS


def matcher(**settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PairClassification(DataSpec(16), VOICE, FACE, widths=(8, 4), **settings)


def batch():
    rows = torch.arange(ROWS)
    return Batch(torch.zeros(ROWS, 3, 16, 16), rows, rows, STRANGERS)


@pytest.fixture
def encoding():
    return torch.randn(ROWS, VOICE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def embedding():
    return torch.randn(ROWS, FACE, generator=torch.Generator().manual_seed(1))


def answers(network, query, first, second):
    values = torch.cat([query, first, second], dim=1).double()
    for number in (0, 2, 4):
        values = values @ network[number].weight.double().T + network[number].bias.double()
        values = values.clamp(min=0) if number < 4 else values
    return values


def test_target_is_the_place_of_the_own_candidate(agree):
    part = matcher().double()
    layers = {
        name: [(network[at].weight.detach().numpy(), network[at].bias.detach().numpy()) for at in (0, 2, 4)]
        for name, network in part.networks.items()
    }
    torch.manual_seed(3)
    seconds = {name: (torch.rand(ROWS) < 0.5).numpy()[:, None] for name in ("v2f", "f2v")}
    assert all(0.2 < second.mean() < 0.8 for second in seconds.values())  # both places occur

    def loss(name, query, own):
        second, other = seconds[name], own[STRANGERS[:, 0]]
        values = np.concatenate([query, np.where(second, other, own), np.where(second, own, other)], axis=1)
        for number, (weight, bias) in enumerate(layers[name]):
            values = (np.maximum(values, 0) if number else values) @ weight.T + bias
        return -np.take_along_axis(log_softmax(values, axis=1), second.astype(int), axis=1).mean() / 2

    def terms(given):
        torch.manual_seed(3)
        return part.terms(given.encoding, given.embedding, batch())

    draw = np.random.default_rng(0)
    agree(
        terms,
        lambda encoding, embedding: {
            "v2f": loss("v2f", encoding, embedding),
            "f2v": loss("f2v", embedding, encoding),
        },
        encoding=draw.normal(size=(ROWS, VOICE)),
        embedding=draw.normal(size=(ROWS, FACE)),
    )


def test_each_direction_trains_its_own_network_and_both_sides(encoding, embedding):
    part = matcher()
    encoding.requires_grad_()
    embedding.requires_grad_()
    part.terms(encoding, embedding, batch())["v2f"].backward()
    assert (encoding.grad != 0).any() and (embedding.grad != 0).any()
    assert all(weight.grad is not None for weight in part.networks["v2f"].parameters())
    assert all(weight.grad is None for weight in part.networks["f2v"].parameters())


@pytest.mark.parametrize("direction", ["v2f", "f2v"])
def test_logits_follow_permuted_candidates(encoding, embedding, direction):
    query, other = (encoding, embedding) if direction == "v2f" else (embedding, encoding)
    pair, part = torch.stack([other, other[STRANGERS[:, 0]]], dim=1), matcher()
    logits = part.logits(query, pair, direction=direction)
    torch.testing.assert_close(part.logits(query, pair.flip(1), direction=direction), logits.flip(1))
    ahead = answers(part.networks[direction], query, pair[:, 0], pair[:, 1])
    turned = answers(part.networks[direction], query, pair[:, 1], pair[:, 0])
    torch.testing.assert_close(logits.double(), (ahead + turned.flip(1)) / 2, rtol=1e-4, atol=1e-5)


def test_training_separates_pairs(encoding):
    part, faces = matcher(direction="v2f"), functional.pad(encoding, (0, FACE - VOICE))
    optimiser = torch.optim.Adam(part.parameters(), 1e-2)
    torch.manual_seed(0)
    for _ in range(150):
        optimiser.zero_grad()
        part.terms(encoding, faces, batch())["v2f"].backward()
        optimiser.step()
    logits = part.logits(encoding, torch.stack([faces, faces[STRANGERS[:, 0]]], dim=1), direction="v2f")
    assert (logits.argmax(dim=1) == 0).float().mean() > 0.85


def test_untrained_direction_has_equal_logits(encoding, embedding):
    part = matcher(direction="v2f")
    assert list(part.networks) == list(part.terms(encoding, embedding, batch())) == ["v2f"]
    pair = torch.randn(ROWS, 2, VOICE)
    assert torch.equal(part.logits(embedding, pair, direction="f2v"), torch.zeros(ROWS, 2))


@pytest.mark.parametrize("num", [1, 3])
def test_other_than_two_candidates_are_refused(encoding, num):
    with pytest.raises(DataError, match=f"pair_classification ranks two candidates, not {num}"):
        matcher().logits(encoding, torch.randn(ROWS, num, FACE), direction="v2f")


def test_pair_classification_without_faces_is_refused(encoding):
    with pytest.raises(RecipeError, match="pair_classification: matching needs embeddings of the faces"):
        matcher().terms(encoding, None, batch())
