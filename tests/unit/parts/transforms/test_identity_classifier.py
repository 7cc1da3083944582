"""Wav2Pix's identity term."""

import numpy as np
import pytest
import torch
from conditions import SPEC, batch_of, condition_of
from scipy.special import log_softmax

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.transforms.identity_classifier import IdentityClassifier


def test_layers_of_wav2pix():
    data = DataSpec(16, identities=tuple(map(str, range(10))))
    classifier = IdentityClassifier(data, 128)
    assert [type(layer).__name__ for layer in classifier.classifier] == [
        "Linear", "BatchNorm1d", "LeakyReLU", "Float32Linear",
    ]  # fmt: skip
    assert sum(weight.numel() for weight in classifier.parameters()) == 128 * 200 + 2 * 200 + 200 * 10 + 10


@pytest.mark.parametrize("widths", [(), (6,)])
def test_cross_entropy_of_the_known_rows(agree, widths):
    torch.manual_seed(0)
    classifier = IdentityClassifier(SPEC, 4, identity_weight=20.0, widths=widths).double()
    identity, weights = (2, -1, 0, 1, -1), [weight.detach().numpy() for weight in classifier.parameters()]
    for norm in weights[1:-2]:
        norm += np.linspace(-0.3, 0.3, len(norm))  # scale and shift of the batch norm

    def formula(condition):
        values = condition
        if widths:
            values = values @ weights[0].T
            normed = (values - values.mean(axis=0)) / np.sqrt(values.var(axis=0) + 1e-5)
            values = normed * weights[1] + weights[2]
            values = np.where(values > 0, values, 0.2 * values)
        log_shares = log_softmax(values @ weights[-2].T + weights[-1], axis=1)
        return {"identity": -20.0 * np.mean([log_shares[row, identity[row]] for row in (0, 2, 3)])}

    values = np.random.default_rng(0).normal(size=(5, 4))
    agree(lambda given: classifier(condition_of(given.condition), batch_of(*identity)).terms, formula, condition=values)


def test_batch_of_unknown_people_has_no_loss():
    classifier = IdentityClassifier(SPEC, 4)
    values = torch.randn(2, 4, requires_grad=True)
    loss = classifier(condition_of(values), batch_of(-1, -1)).terms["identity"]
    loss.backward()
    assert loss.item() == 0
    assert (values.grad == 0).all()


def test_condition_is_returned_unchanged():
    classifier = IdentityClassifier(SPEC, 4)
    before = condition_of(torch.randn(3, 4))
    after = classifier(before, batch_of(0, 1, 2))
    assert all(new is old for new, old in zip(after[:3], before[:3], strict=True))
    assert classifier(before, None) is before and before.terms == {}
    assert classifier.condition_dim == 4


def test_classifier_learns_and_has_gradients_of_the_encoder():
    torch.manual_seed(0)
    classifier = IdentityClassifier(SPEC, 4, widths=(8,))
    encodings = torch.nn.Parameter(torch.randn(3, 4))
    optimiser = torch.optim.Adam([encodings, *classifier.parameters()], 0.05)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = classifier(condition_of(encodings), batch_of(0, 1, 2)).terms["identity"]
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]
    assert encodings.grad.abs().sum() > 0


@pytest.mark.parametrize("identities", [(), ("ada",)])
def test_a_single_identity_is_refused(identities):
    with pytest.raises(RecipeError, match=f"identity_classifier: .* names {len(identities)} people"):
        IdentityClassifier(DataSpec(16, identities=identities), 4)


def test_batch_norm_of_the_logits(agree):
    torch.manual_seed(0)
    classifier = IdentityClassifier(SPEC, 4, identity_weight=10.0, widths=(), normalise_logits=True).double()
    weight, bias, gain, shift = (parameter.detach().numpy() for parameter in classifier.parameters())
    gain += np.linspace(-0.3, 0.3, len(gain))
    shift += np.linspace(0.2, -0.2, len(shift))

    def formula(condition):
        logits = condition @ weight.T + bias
        normed = (logits - logits.mean(axis=0)) / np.sqrt(logits.var(axis=0) + 1e-5) * gain + shift
        return {"identity": -10.0 * np.mean(log_softmax(normed, axis=1)[[0, 1, 2], [2, 0, 1]])}

    values = np.random.default_rng(0).normal(size=(3, 4))
    agree(lambda given: classifier(condition_of(given.condition), batch_of(2, 0, 1)).terms, formula, condition=values)
