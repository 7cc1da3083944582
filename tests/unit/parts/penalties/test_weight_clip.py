"""Weight clipping of every parameter, including original weights of parametrisations."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from facegen.core.batch import DataSpec
from facegen.parts.penalties.weight_clip import WeightClip
from facegen.testing import sample_critic, sample_discriminator

SPEC = DataSpec(64)


def test_weights_are_clipped_to_the_range():
    judge = sample_discriminator({"score": 1, "embed": 4})
    before = {name: weight.detach().clone() for name, weight in judge.named_parameters()}
    assert any(weight.abs().max() > 0.05 for weight in before.values())
    with torch.no_grad():
        WeightClip(SPEC, clip=0.05).constrain(judge)
    for name, weight in judge.named_parameters():
        assert torch.equal(weight, torch.from_numpy(before[name].numpy().clip(-0.05, 0.05)))
        assert weight.requires_grad


def test_weight_clip_has_no_terms():
    assert WeightClip(SPEC).terms(sample_critic("discriminator")) == {}


def test_original_weight_of_a_parametrisation_is_clipped():
    layer = spectral_norm(nn.Linear(4, 4))
    with torch.no_grad():
        WeightClip(SPEC, clip=0.01).constrain(layer)
    assert layer.parametrizations.weight.original.abs().max().item() <= 0.01


def test_fixed_weights_are_not_clipped():
    judge = sample_discriminator({"score": 1})
    judge.trunk.requires_grad_(False)
    before = judge.trunk.weight.clone()
    with torch.no_grad():
        WeightClip(SPEC, clip=1e-3).constrain(judge)
    assert torch.equal(judge.trunk.weight, before)
    assert all(weight.abs().max() <= 1e-3 for weight in judge.parameters() if weight.requires_grad)
