"""Noise on the condition."""

import pytest
import torch
from conditions import SPEC, condition_of
from scipy import stats

from facegen.parts.transforms.gaussian_noise import GaussianNoise


def test_noise_is_normal_and_equal_for_both_networks():
    torch.manual_seed(0)
    before = condition_of(torch.randn(400, 50))
    after = GaussianNoise(SPEC, 50, deviation=0.3)(before, None)
    added = (after.generator - before.generator).flatten()
    assert stats.kstest(added.numpy() / 0.3, "norm").pvalue > 0.01
    assert torch.equal(after.critic, after.generator)
    assert after.encoding is before.encoding


def test_every_call_and_row_draws_its_own_noise():
    noise = GaussianNoise(SPEC, 4).eval()
    zeros = condition_of(torch.zeros(2, 4))
    first, second = noise(zeros, None).generator, noise(zeros, None).generator
    assert not torch.equal(first, second) and not torch.equal(first[0], first[1])


def test_different_conditions_get_equal_noise():
    before = condition_of(torch.zeros(3, 4), torch.ones(3, 4))
    after = GaussianNoise(SPEC, 4)(before, None)
    torch.testing.assert_close(after.critic - after.generator, torch.ones(3, 4))


def test_discriminator_condition_may_stay_without_noise():
    before = condition_of(torch.randn(3, 4))
    assert GaussianNoise(SPEC, 4, noisy_critic=False)(before, None).critic is before.critic


def test_condition_is_normalised_before_or_after():
    torch.manual_seed(0)
    before = condition_of(7 * torch.randn(500, 64))
    after = GaussianNoise(SPEC, 64, deviation=0.05, normalise=True, noisy_critic=False)(before, None)
    torch.testing.assert_close(after.generator.norm(dim=1), torch.ones(500))
    torch.testing.assert_close(after.critic, before.generator / before.generator.norm(dim=1, keepdim=True))
    # |u + e|^2 = 1 + 2 u.e + |e|^2, so that cos(u, n(u + e)) is about 1 / sqrt(1 + 64 * 0.05^2).
    cosine = (after.generator * after.critic).sum(dim=1).mean().item()
    assert cosine == pytest.approx((1 + 64 * 0.05**2) ** -0.5, abs=0.005)


def test_gradients_pass_through():
    values = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)

    def run(inputs: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return GaussianNoise(SPEC, 4, normalise=True)(condition_of(inputs), None).generator

    assert torch.autograd.gradcheck(run, [values])
