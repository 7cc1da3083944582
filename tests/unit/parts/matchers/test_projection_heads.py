"""Small networks on both sides of the match stage."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.matchers.projection_heads import ProjectionHeads
from facegen.testing.samples import sample_batch

SPEC = DataSpec(16, identities=("ada", "bo", "cy", "di"))


def rows(identity):
    batch = sample_batch(SPEC)
    return type(batch)(batch.faces, batch.clip, torch.tensor(identity), batch.mismatched_rows)


def test_loss_is_the_cross_entropy_of_cosines_in_both_directions():
    heads = ProjectionHeads(SPEC, 6, 4, width=3, hidden_widths=(5,), dropout=0.0, input_noise=0.0).eval()
    encoding, embedding = torch.randn(4, 6), torch.randn(4, 4)
    terms = heads.terms(encoding, embedding, rows([0, 1, 2, 0]))

    def project(values, head):
        first, second = (layer.weight.detach().double().numpy() for layer in head.layers)
        first_bias, second_bias = (layer.bias.detach().double().numpy() for layer in head.layers)
        hidden = np.maximum(values.double().numpy() @ first.T + first_bias, 0)
        projected = hidden @ second.T + second_bias
        return projected / np.linalg.norm(projected, axis=1, keepdims=True)

    logits = project(encoding, heads.speech_head) @ project(embedding, heads.face_head).T / 0.1
    logits[0, 3] = logits[3, 0] = -np.inf  # the same person
    own = np.diag(logits)
    v2f = np.mean(np.log(np.exp(logits).sum(axis=1)) - own) / 2
    f2v = np.mean(np.log(np.exp(logits).sum(axis=0)) - own) / 2
    np.testing.assert_allclose([terms["v2f"].item(), terms["f2v"].item()], [v2f, f2v], rtol=1e-5)


def test_ranking_agrees_with_the_loss_in_both_directions():
    heads = ProjectionHeads(SPEC, 6, 4, width=3).eval()
    encoding, embedding = torch.randn(4, 6), torch.randn(4, 4)
    v2f = heads.logits(encoding, embedding.expand(4, -1, -1), direction="v2f")
    f2v = heads.logits(embedding, encoding.expand(4, -1, -1), direction="f2v")
    torch.testing.assert_close(v2f, f2v.t(), atol=1e-4, rtol=1e-4)
    loss = functional.cross_entropy(v2f, torch.arange(4)) / 2
    torch.testing.assert_close(
        heads.terms(encoding, embedding, rows([-1, -1, -1, -1]))["v2f"], loss, atol=1e-4, rtol=1e-4
    )


def test_inputs_are_standardised_by_the_mean_over_training_batches():
    heads = ProjectionHeads(SPEC, 2, 2, dropout=0.0, input_noise=0.0)
    batches = [torch.randn(4, 2) * 3 + 5 for _ in range(3)]
    for batch in batches:
        heads.terms(batch, batch, rows([0, 1, 2, 3]))
    torch.testing.assert_close(heads.speech_head.mean, torch.stack(batches).mean(dim=(0, 1)))
    variance = torch.stack([(batch - batch.mean(dim=0)).square().mean() for batch in batches]).mean()
    torch.testing.assert_close(heads.speech_head.variance, variance)
    before = heads.speech_head.mean.clone()
    heads.logits(batches[0], batches[0].expand(4, -1, -1), direction="v2f")
    assert torch.equal(heads.speech_head.mean, before)  # ranking learns nothing


def test_noise_and_dropout_are_drawn_in_the_loss_of_training_only():
    heads, pair = ProjectionHeads(SPEC, 6, 4), (torch.randn(4, 6), torch.randn(4, 4))
    batch = rows([0, 1, 2, 3])
    assert heads.terms(*pair, batch)["v2f"] != heads.terms(*pair, batch)["v2f"]
    logits = [heads.logits(pair[0], pair[1].expand(4, -1, -1), direction="v2f") for _ in range(2)]
    assert torch.equal(*logits)
    heads.eval()
    assert heads.terms(*pair, batch)["v2f"] == heads.terms(*pair, batch)["v2f"]


def test_linear_heads_learn_pairs_that_a_linear_map_relates():
    torch.manual_seed(0)
    heads = ProjectionHeads(SPEC, 6, 4, width=4, hidden_widths=(), dropout=0.0, input_noise=0.0)
    mixing = torch.randn(6, 4)
    optimiser = torch.optim.Adam(heads.parameters(), 0.05)
    for _ in range(100):
        encoding = torch.randn(64, 6)
        terms = heads.terms(encoding, encoding @ mixing, rows([-1] * 64))
        optimiser.zero_grad()
        sum(terms.values()).backward()
        optimiser.step()
        heads.update({})
    unseen = torch.randn(50, 6)
    logits = heads.logits(unseen, (unseen @ mixing).expand(50, -1, -1), direction="v2f")
    assert (logits.argmax(dim=1) == torch.arange(50)).float().mean() > 0.8


def test_temperature_stays_above_its_limit():
    heads = ProjectionHeads(SPEC, 2, 2, temperature=0.01)
    with torch.no_grad():
        heads.log_scale += 3
    heads.update({})
    torch.testing.assert_close(heads.log_scale.exp(), torch.tensor(100.0))
    with pytest.raises(RecipeError, match=r"temperature = 0\.001: must be at least 0\.01"):
        ProjectionHeads(SPEC, 2, 2, temperature=0.001)
    with pytest.raises(RecipeError, match=r"add \[match\.faces\]"):
        heads.terms(torch.ones(4, 2), None, rows([0, 1, 2, 3]))


def test_equal_encodings_give_finite_terms() -> None:
    heads = ProjectionHeads(SPEC, 6, 4, width=3, hidden_widths=(), dropout=0.0, input_noise=0.0)
    terms = heads.terms(torch.ones(4, 6), torch.randn(4, 4), rows([0, 1, 2, 3]))
    assert all(bool(term.isfinite()) for term in terms.values())
