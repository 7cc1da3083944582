"""Projection of the condition on the principal components of the training corpus."""

import numpy as np
import pytest
import torch
from conditions import SPEC, condition_of

from facegen.core.errors import RecipeError
from facegen.parts.transforms.principal_components import PrincipalComponents


def conditions(num: int = 500) -> torch.Tensor:
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(num, 6)) * [5, 3, 2, 1, 0.1, 0.01] @ rng.normal(size=(6, 6)) + [1, 2, 3, 4, 5, 6]
    return torch.from_numpy(mixed).float()


def test_components_are_those_of_a_singular_value_decomposition():
    values = conditions()
    transform = PrincipalComponents(SPEC, 6, num_components=3, clamp=100.0)
    transform.fit(values)
    own = transform(condition_of(values), None).generator.numpy()
    centred = values.double().numpy() - values.double().numpy().mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :3] * np.sqrt(len(values) - 1)
    signs = np.sign((own * expected).sum(axis=0))
    np.testing.assert_allclose(own, expected * signs, atol=2e-4)
    np.testing.assert_allclose(transform.deviations.numpy(), singular[:3] / np.sqrt(len(values) - 1), rtol=1e-4)
    assert (transform.directions.gather(0, transform.directions.abs().argmax(0, keepdim=True)) > 0).all()


def test_whitened_conditions_have_unit_covariance_and_others_that_of_the_corpus():
    values = conditions()
    white, plain = (PrincipalComponents(SPEC, 6, num_components=3, whiten=w, clamp=100.0) for w in (True, False))
    white.fit(values)
    plain.fit(values)
    torch.testing.assert_close(white(condition_of(values), None).generator.T.cov(), torch.eye(3), atol=1e-4, rtol=0)
    covariance = plain(condition_of(values), None).generator.T.cov()
    torch.testing.assert_close(covariance, plain.deviations.square().diag(), atol=1e-2, rtol=1e-4)


@pytest.mark.parametrize("whiten", [True, False])
def test_far_conditions_are_limited_in_deviations_of_each_component(whiten):
    transform = PrincipalComponents(SPEC, 6, num_components=3, whiten=whiten, clamp=2.0)
    transform.fit(conditions())
    far = transform(condition_of(conditions() * 1000), None).generator
    limit = 2.0 * (torch.ones(3) if whiten else transform.deviations)
    torch.testing.assert_close(far.abs().amax(dim=0), limit)


def test_directions_outside_of_the_components_are_removed():
    values = conditions()
    transform = PrincipalComponents(SPEC, 6, num_components=3, clamp=100.0)
    transform.fit(values)
    outside = torch.randn(6)
    outside -= transform.directions @ (transform.directions.T @ outside)
    torch.testing.assert_close(
        transform(condition_of(values + 10 * outside), None).generator,
        transform(condition_of(values), None).generator,
        atol=1e-3, rtol=0,
    )  # fmt: skip


def test_both_conditions_are_projected_and_a_shared_one_stays_shared():
    transform = PrincipalComponents(SPEC, 6, num_components=3)
    transform.fit(conditions())
    shared = transform(condition_of(torch.ones(2, 6)), None)
    assert shared.critic is shared.generator and shared.generator.shape == (2, 3)
    apart = transform(condition_of(torch.ones(2, 6), torch.zeros(2, 6)), None)
    torch.testing.assert_close(apart.generator, shared.generator)
    assert not torch.equal(apart.critic, shared.generator)


def test_components_are_stored_with_the_run():
    fitted, loaded = (PrincipalComponents(SPEC, 6, num_components=3) for _ in range(2))
    fitted.fit(conditions())
    loaded.load_state_dict(fitted.state_dict())
    values = condition_of(conditions(5))
    assert torch.equal(loaded(values, None).generator, fitted(values, None).generator)


def test_too_many_components_are_refused():
    with pytest.raises(RecipeError, match="num_components = 7: must be at most the width of the condition, 6"):
        PrincipalComponents(SPEC, 6, num_components=7)
    with pytest.raises(RecipeError, match="needs more than 5 training conditions; the corpus has 5"):
        PrincipalComponents(SPEC, 6, num_components=5).fit(conditions(5))
