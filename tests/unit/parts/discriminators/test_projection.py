"""The projection discriminator: sizes, weights, heads, and the formula of its score."""

import pytest
import torch
from discriminator_sizes import largest_singular_values, randomised, residual
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.discriminators.projection import Projection

ALL_HEADS = {"score": 1, "score_unconditional": 1, "embed": 5, "classify": 4}


@pytest.fixture
def discriminator():
    torch.manual_seed(0)
    return Projection(DataSpec(16), 5, ALL_HEADS, width=4)


@pytest.fixture
def faces():
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_layers_and_weights_at_full_size():
    with torch.device("meta"):
        discriminator = Projection(DataSpec(128), 128, {"score": 1, "embed": 128})
        hidden, shapes = torch.zeros(1, 3, 128, 128), []
        for block in discriminator.trunk:
            hidden = block(hidden)
            shapes.append((hidden.shape[1], hidden.shape[2]))
        assert discriminator.features(torch.zeros(2, 3, 128, 128)).shape == (2, 1024)
    assert shapes == [(64, 64), (128, 32), (256, 16), (512, 8), (1024, 4), (1024, 4)]
    expected = (9 * 3 + 1) * 64 + (9 * 64 + 1) * 64 + (3 + 1) * 64  # the first block
    for before, after in [(64, 128), (128, 256), (256, 512), (512, 1024)]:
        expected += (9 * before + 1) * before + (9 * before + 1) * after + (before + 1) * after
    expected += 2 * (9 * 1024 + 1) * 1024  # the last block's shortcut is the identity
    expected += (1024 + 1) * 128 + (128 + 1)
    assert sum(weight.numel() for weight in discriminator.parameters()) == expected


def test_blocks_keep_the_scale_at_the_start():
    torch.manual_seed(0)
    discriminator = Projection(DataSpec(64), 5, {"embed": 5}, width=32, max_width=128)
    # smooth, as faces are: pooling would quieten noise
    hidden = torch.nn.functional.interpolate(torch.randn(4, 3, 4, 4), scale_factor=16, mode="bilinear")
    levels = []
    for block in discriminator.trunk:
        hidden = block(hidden)
        levels.append(hidden.square().mean().sqrt().item())
    assert max(levels) < 2 * min(levels)


def test_embeddings_start_small_enough_for_plain_gradient_descent():
    """A step along the features changes the embedding by learning rate |features|^2, which must stay near 1."""
    torch.manual_seed(0)
    discriminator = Projection(DataSpec(128), 5, {"embed": 5}, width=8)
    faces = torch.nn.functional.interpolate(torch.rand(4, 3, 8, 8) * 2 - 1, scale_factor=16)
    assert discriminator.features(faces).square().sum(dim=1).max() < 100


@pytest.mark.parametrize("pixels", [8, 48, 80])
def test_sizes(pixels):
    discriminator = Projection(DataSpec(pixels), 5, ALL_HEADS, width=2)
    features = discriminator.features(torch.randn(2, 3, pixels, pixels))
    assert discriminator.score(features, torch.randn(2, 5)).shape == (2,)


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"projection: data\.image_pixels = 50"):
        Projection(DataSpec(50), 5, ALL_HEADS)


@pytest.mark.parametrize(("slope", "max_width"), [(0.0, 4), (0.2, 8)], ids=["last shortcut empty", "last widens"])
def test_features_agree_with_the_formula(slope, max_width, faces):
    discriminator = Projection(DataSpec(16), 5, ALL_HEADS, width=2, max_width=max_width, negative_slope=slope)
    hidden, faces = faces.double(), faces.double()
    for number, block in enumerate(randomised(discriminator).trunk):
        hidden = residual(block, hidden, slope, first=number == 0, halve=number < 2)
    assert hidden.shape == (3, max_width, 4, 4)
    expected = functional.leaky_relu(hidden, slope).mean(dim=(2, 3))
    torch.testing.assert_close(discriminator.features(faces), expected)


def test_score_is_the_inner_product_and_psi(discriminator, faces):
    condition = torch.randn(3, 5)
    features = discriminator.features(faces)
    embedding = discriminator.embed(features)
    expected = torch.stack([row @ other for row, other in zip(condition, embedding, strict=True)])
    expected = expected + embedding @ discriminator.psi.weight[0] + discriminator.psi.bias
    torch.testing.assert_close(discriminator.score(features, condition), expected)


def test_unconditional_score_is_psi_alone(discriminator, faces):
    features = discriminator.features(faces)
    torch.testing.assert_close(discriminator.score(features, None), discriminator.score(features, torch.zeros(3, 5)))


def test_score_is_linear_in_the_condition(discriminator, faces):
    own, stranger = torch.randn(2, 3, 5)
    features = discriminator.features(faces)
    difference = discriminator.score(features, own) - discriminator.score(features, stranger)
    torch.testing.assert_close(difference, ((own - stranger) * discriminator.embed(features)).sum(dim=1))


def test_condition_of_another_width_is_mapped_linearly(faces):
    discriminator = Projection(DataSpec(16), 7, {"score": 1, "embed": 5}, width=4)
    condition = torch.randn(3, 7)
    features = discriminator.features(faces)
    embedding = discriminator.embed(features)
    mapped = embedding @ discriminator.to_condition.weight.T
    expected = (mapped * condition).sum(dim=1) + discriminator.psi(embedding)[:, 0]
    torch.testing.assert_close(discriminator.score(features, condition), expected)


def test_only_requested_heads_of_projection_exist():
    names = {
        head: {name.split(".")[0] for name, _ in Projection(DataSpec(8), 5, {head: 4}, width=2).named_parameters()}
        for head in ("score", "embed", "classify")
    }
    assert names == {"score": {"trunk", "phi", "psi"}, "embed": {"trunk", "phi"}, "classify": {"trunk", "classes"}}


def test_classifier_has_the_requested_number_of_classes(discriminator, faces):
    assert discriminator.classify(discriminator.features(faces)).shape == (3, 4)


def test_pooling_is_sum_mean_or_none(faces):
    pooled = {}
    for pool in ("sum", "mean", "none"):
        torch.manual_seed(0)
        pooled[pool] = Projection(DataSpec(16), 5, {"embed": 5}, width=4, pool=pool).features(faces)
    positions = pooled["none"].view(3, -1, 16)
    torch.testing.assert_close(pooled["sum"], positions.sum(dim=2))
    torch.testing.assert_close(pooled["mean"], positions.mean(dim=2))
    assert (pooled["sum"] >= 0).all()


def test_every_weight_learns(discriminator, faces):
    features = discriminator.features(faces)
    score = discriminator.score(features, torch.randn(3, 5))
    (score.sum() + discriminator.classify(features).square().sum()).backward()
    assert all(weight.grad.abs().max() > 0 for weight in discriminator.parameters())


def test_scores_can_be_differentiated_twice():
    torch.manual_seed(0)
    discriminator = Projection(DataSpec(8), 2, {"score": 1}, width=2, negative_slope=0.2).double()
    condition = torch.randn(1, 2, dtype=torch.float64)

    def gradient(images):
        score = discriminator.score(discriminator.features(images), condition).sum()
        return torch.autograd.grad(score, images, create_graph=True)[0]

    images = torch.randn(1, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    weight = discriminator.trunk[0].second.weight
    penalty = gradient(images).square().sum()
    (computed,) = torch.autograd.grad(penalty, weight)
    step = 1e-5
    with torch.no_grad():
        weight[0, 0, 1, 1] += step
    above = gradient(images).square().sum()
    with torch.no_grad():
        weight[0, 0, 1, 1] -= 2 * step
    below = gradient(images).square().sum()
    assert computed[0, 0, 1, 1].item() == pytest.approx(((above - below) / (2 * step)).item(), rel=1e-5)


def test_spectral_norm_divides_every_weight_by_its_largest_singular_value():
    torch.manual_seed(0)
    discriminator = Projection(DataSpec(16), 7, ALL_HEADS, width=4, spectral_norm=True)
    values = largest_singular_values(discriminator.double())
    assert {discriminator.phi, discriminator.psi, discriminator.to_condition, discriminator.classes} <= values.keys()
    assert len(values) == 9 + 4
    assert list(values.values()) == pytest.approx([1.0] * len(values), abs=1e-5)


def test_autocast_returns_float32_scores(discriminator, faces):
    condition = torch.randn(3, 5)
    exact = discriminator.score(discriminator.features(faces), condition)
    with torch.autocast("cpu", torch.bfloat16):
        features = discriminator.features(faces)
        score = discriminator.score(features, condition)
    assert (features.dtype, score.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(score, exact, rtol=0.05, atol=0.05 * exact.abs().max().item())
