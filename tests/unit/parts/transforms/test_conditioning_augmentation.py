"""StackGAN's conditioning augmentation."""

import pytest
import torch
from conditions import SPEC, batch_of, condition_of
from torch.distributions import Normal, kl_divergence

from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.transforms.conditioning_augmentation import ConditioningAugmentation

BATCH = batch_of(0, 1, 2)


def parameters(augmentation, values):
    return augmentation.projection(values).double().chunk(2, dim=1)


def test_divergence_is_that_of_torch_distributions():
    torch.manual_seed(0)
    augmentation = ConditioningAugmentation(SPEC, 4, width=6, kl_weight=2.0)
    values = 3 * torch.randn(3, 4)
    mean, log_variance = parameters(augmentation, values)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).mean() * 2.0
    divergence = augmentation(condition_of(values), BATCH).terms["kl"]
    torch.testing.assert_close(divergence.double(), expected, rtol=1e-5, atol=1e-6)


def test_the_generator_gets_draws_and_the_critic_their_mean():
    torch.manual_seed(0)
    augmentation = ConditioningAugmentation(SPEC, 4, width=3)
    values = torch.randn(1, 4).expand(20000, 4)
    after = augmentation(condition_of(values), None)
    mean, log_variance = parameters(augmentation, values[:1])
    torch.testing.assert_close(after.critic.double(), mean.expand(20000, 3))
    torch.testing.assert_close(after.generator.double().mean(dim=0), mean[0], rtol=0, atol=0.03)
    torch.testing.assert_close(after.generator.double().std(dim=0), (log_variance[0] / 2).exp(), rtol=0.03, atol=0)
    assert after.encoding is values


def test_divergence_needs_a_batch_and_keeps_earlier_terms():
    augmentation = ConditioningAugmentation(SPEC, 4)
    before = condition_of(torch.randn(3, 4))._replace(terms={"identity": torch.ones(())})
    assert set(augmentation(before, None).terms) == {"identity"}
    assert set(augmentation(before, BATCH).terms) == {"identity", "kl"}
    assert set(before.terms) == {"identity"}


def test_relu_is_applied_to_mean_and_log_variance():
    torch.manual_seed(0)
    augmentation = ConditioningAugmentation(SPEC, 4, width=50, activation="relu")
    values = torch.randn(3, 4)
    mean, log_variance = (part.clamp(min=0) for part in parameters(augmentation, values))
    after = augmentation(condition_of(values), BATCH)
    torch.testing.assert_close(after.critic.double(), mean)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).mean() * 2.0
    torch.testing.assert_close(after.terms["kl"].double(), expected, rtol=1e-5, atol=1e-6)


def test_weight_of_the_divergence_may_ramp():
    torch.manual_seed(0)
    augmentation = ConditioningAugmentation(SPEC, 4, kl_weight=Ramp(start=0.0, end=3.0, steps=10))
    constant = ConditioningAugmentation(SPEC, 4, kl_weight=1.0)
    constant.load_state_dict(augmentation.state_dict())
    before = condition_of(torch.randn(3, 4))
    assert augmentation(before, BATCH).terms["kl"] == 0
    advance_schedules(augmentation, 10, 100)
    ratio = augmentation(before, BATCH).terms["kl"] / constant(before, BATCH).terms["kl"]
    assert ratio.item() == pytest.approx(3.0, rel=1e-5)


def test_gradients_of_the_draw_and_of_the_divergence():
    augmentation = ConditioningAugmentation(SPEC, 2, width=3).double()
    values = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)

    def run(inputs):
        torch.manual_seed(0)
        after = augmentation(condition_of(inputs), BATCH)
        return after.generator, after.critic, after.terms["kl"]

    assert torch.autograd.gradcheck(run, [values])
