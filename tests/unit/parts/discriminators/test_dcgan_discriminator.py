"""Discriminators of Reed and of the thesis: sizes, norms and the effect of the condition."""

import itertools

import numpy
import pytest
import torch
from discriminator_sizes import convolutions, largest_singular_values, num_weights, on_meta, randomised, strided
from torch import nn

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.discriminators.dcgan import Dcgan
from facegen.testing import check_part

ALL_HEADS = {"score": 1, "score_unconditional": 1, "embed": 5, "classify": 4}


def small(condition_dim=5, heads=ALL_HEADS, pixels=16, **settings):
    torch.manual_seed(0)
    return Dcgan(DataSpec(pixels), condition_dim, heads, **{"width": 4, **settings})


@pytest.fixture
def faces():
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def conditions():
    return torch.randn(3, 5, generator=torch.Generator().manual_seed(1))


def test_layers_of_the_thesis_at_64_pixels():
    """Thesis: 64 to 512 channels, the condition of 128 at each of 4x4 pixels, then one 4x4 convolution."""
    discriminator = on_meta(Dcgan, 64, 128, {"score": 1}, joint_convolution=False)
    widths = [(3, 64, 32), (64, 128, 16), (128, 256, 8), (256, 512, 4)]
    assert convolutions(discriminator, 64) == [(a, b, 4, 2, size) for a, b, size in widths]
    trunk = sum(16 * before * after + after for before, after, _ in widths)
    assert num_weights(discriminator) == trunk + 16 * (512 + 128) + 1


def test_layers_of_reed_at_64_pixels():
    """Reed: text of 1024 projected to 128, batch norm but next to the faces, a 1x1 convolution of both."""
    settings = {"norm": "batch", "condition_projection": 128}
    discriminator = on_meta(Dcgan, 64, 1024, {"score": 1}, **settings)
    expected = 16 * 3 * 64 + 64  # no batch norm, hence a bias
    for before, after in [(64, 128), (128, 256), (256, 512)]:
        expected += 16 * before * after + 2 * after
    expected += 1024 * 128 + 128
    expected += (512 + 128) * 512 + 2 * 512
    expected += 16 * 512 + 1
    assert num_weights(discriminator) == expected
    norms = [type(module).__name__ for module in discriminator.trunk.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 3
    assert not any(isinstance(module, nn.BatchNorm2d) for module in discriminator.trunk[0].modules())


@pytest.mark.parametrize(("pixels", "base", "num"), [(48, 6, 3), (64, 4, 4), (80, 5, 4), (128, 4, 5)])
def test_sizes(pixels, base, num):
    discriminator = small(pixels=pixels, max_width=8)
    features = discriminator.features(torch.randn(2, 3, pixels, pixels))
    assert features.shape == (2, 8, base, base)
    assert len(convolutions(discriminator, pixels)) == num
    assert discriminator.score(features, torch.randn(2, 5)).shape == (2,)


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"dcgan: data\.image_pixels = 50"):
        small(pixels=50)


def test_shapes_of_the_heads(faces, conditions):
    discriminator = small()
    features = discriminator.features(faces)
    assert discriminator.score(features, conditions).shape == (3,)
    assert discriminator.score(features, None).shape == (3,)
    assert discriminator.embed(features).shape == (3, 5)
    assert discriminator.classify(features).shape == (3, 4)


def test_score_is_a_convolution_of_face_and_tiled_condition(faces, conditions):
    discriminator = small(joint_convolution=False, condition_projection=6)
    features = discriminator.features(faces)
    linear, last = discriminator.projector, discriminator.pair.to_score
    projected = conditions.numpy() @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()
    projected = torch.from_numpy(numpy.where(projected > 0, projected, 0.2 * projected))
    both = torch.cat([features, projected[:, :, None, None].repeat(1, 1, 4, 4)], dim=1)
    expected = nn.functional.conv2d(both, last.weight.view(1, -1, 4, 4), last.bias)
    torch.testing.assert_close(discriminator.score(features, conditions), expected[:, 0, 0, 0])


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_joint_convolution_agrees_with_the_formula(norm, faces, conditions):
    discriminator = randomised(small(norm=norm))
    faces, conditions = faces.double(), conditions.double()
    features = strided(discriminator.trunk, faces, batch_norm=norm == "batch")
    torch.testing.assert_close(discriminator.features(faces), features)
    joint, last = discriminator.pair.joint, discriminator.pair.to_score
    both = torch.cat([features, conditions[:, :, None, None].repeat(1, 1, 4, 4)], dim=1)
    both = nn.functional.conv2d(both, joint[0].weight, joint[0].bias)
    if norm == "batch":
        both = nn.functional.batch_norm(both, None, None, joint[1].weight, joint[1].bias, training=True)
    both = nn.functional.leaky_relu(both, 0.2).flatten(1)
    torch.testing.assert_close(discriminator.score(features, conditions), both @ last.weight[0] + last.bias)


def interaction(discriminator, faces, conditions):
    """Return the interaction of face and condition in the score: zero for a sum of a term for each."""
    features = discriminator.features(faces)
    scores = torch.stack([discriminator.score(features, row.expand(3, -1)) for row in conditions])
    return (scores - scores.mean(0) - scores.mean(1, keepdim=True) + scores.mean()).abs().max() / scores.std()


def test_joint_convolution_alone_depends_on_the_pair(faces, conditions):
    assert interaction(small(joint_convolution=False), faces, conditions) < 1e-4
    assert interaction(small(joint_convolution=True), faces, conditions) > 1e-3


@pytest.mark.parametrize(
    ("heads", "names"),
    [
        ({"score": 1}, {"trunk", "projector", "pair"}),
        ({"score_unconditional": 1}, {"trunk", "alone"}),
        ({"classify": 4, "score_unconditional": 1}, {"trunk", "alone"}),
        ({"embed": 4}, {"trunk", "alone"}),
    ],
)
def test_only_requested_heads_of_dcgan_exist(heads, names, faces):
    discriminator = small(heads=heads, condition_projection=3)
    assert {name.split(".")[0] for name, _ in discriminator.named_parameters()} == names
    if heads == {"classify": 4, "score_unconditional": 1}:
        features = discriminator.features(faces)
        (discriminator.classify(features).square().sum() + discriminator.score(features, None).sum()).backward()
        assert all(weight.grad is not None for weight in discriminator.parameters())


@pytest.mark.parametrize(
    ("norm", "projection", "joint"), [*itertools.product(["batch", "spectral", "none"], [0, 6], [True, False])]
)
def test_every_form_keeps_the_contract(norm, projection, joint):
    settings = {"norm": norm, "condition_projection": projection, "joint_convolution": joint}
    check_part("discriminator", Dcgan, DataSpec(16, identities=("anna", "ben")), width=4, **settings)


def test_batch_norm_mixes_rows_in_training_mode_only(faces):
    mixing = {norm: small(norm=norm) for norm in ("batch", "spectral", "none")}
    assert {norm: discriminator.uses_batch_statistics for norm, discriminator in mixing.items()} == {
        "batch": True,
        "spectral": False,
        "none": False,
    }
    resting = mixing["batch"].eval()
    assert not resting.uses_batch_statistics
    torch.testing.assert_close(resting.features(faces)[:2], resting.features(faces[:2]))


def test_weights_at_the_start():
    torch.manual_seed(0)
    discriminator = Dcgan(DataSpec(32), 16, ALL_HEADS, width=32, norm="batch")
    for module in discriminator.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            num = module.weight.numel()
            assert module.weight.std().item() == pytest.approx(0.02, rel=5 / (2 * num) ** 0.5)
            assert abs(module.weight.mean().item()) < 5 * 0.02 / num**0.5
            assert module.bias is None or not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert 0 < (module.weight - 1).abs().max() < 0.1 and not module.bias.any()


def test_spectral_norm_brings_every_largest_singular_value_to_one():
    values = largest_singular_values(small(norm="spectral", condition_projection=3))
    assert len(values) == 2 + 1 + 1 + 1 + 3  # trunk, projector, joint, to_score, heads that see no condition
    assert list(values.values()) == pytest.approx([1.0] * len(values), abs=1e-4)


def test_scores_stay_float32_under_autocast(faces, conditions):
    discriminator = small()
    exact = discriminator.score(discriminator.features(faces), conditions)
    with torch.autocast("cpu", torch.bfloat16):
        score = discriminator.score(discriminator.features(faces), conditions)
    assert score.dtype == torch.float32
    torch.testing.assert_close(score, exact, rtol=0.05, atol=0.05 * exact.abs().max().item())


def test_spectral_norm_may_leave_out_the_score():
    with_norm, without = (small(heads={"score": 1}, norm="spectral", norm_score=on) for on in (True, False))
    assert nn.utils.parametrize.is_parametrized(with_norm.pair.to_score)
    assert not nn.utils.parametrize.is_parametrized(without.pair.to_score)
    assert nn.utils.parametrize.is_parametrized(without.trunk[0][0])
    assert small(heads={"embed": 5}, norm="spectral", norm_score=False) is not None
