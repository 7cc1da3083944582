"""R3GAN's discriminator: sizes, both forms of the score, second derivatives."""

import itertools

import pytest
import torch
from discriminator_sizes import num_weights, on_meta

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.discriminators.r3gan import R3gan
from facegen.testing import check_part

ALL_HEADS = {"score": 1, "score_unconditional": 1, "embed": 5, "classify": 4}


def small(condition_dim=5, heads=ALL_HEADS, **settings):
    torch.manual_seed(0)
    return R3gan(DataSpec(8), condition_dim, heads, **{"width": 4, "blocks": 1, "group_channels": 4, **settings})


@pytest.fixture
def features():
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def conditions():
    return torch.randn(3, 5, generator=torch.Generator().manual_seed(1))


def test_layers_of_the_publication_at_64_pixels():
    """Two blocks a size, 384 channels at 64 pixels and 768 below, 48 and 96 groups of an expansion of 2."""
    discriminator = on_meta(R3gan, 64, 10, {"score": 1})
    hidden, shapes, groups = torch.zeros(1, 3, 64, 64, device="meta"), [], []
    for layer in discriminator.trunk:
        hidden = layer(hidden)
        shapes.append(tuple(hidden.shape[1:3]))
        groups += [layer.mix.groups] if hasattr(layer, "mix") else []
    stages = [[(384, 64)] * 3, *([(768, size)] * 3 for size in (32, 16, 8, 4)), [(768, 1)]]
    assert shapes == list(itertools.chain(*stages))
    assert groups == [48] * 2 + [96] * 8
    expected = 3 * 384 + 384 * 768 + 16 * 768 + 768 * 768 + 10 * 768
    for channels, num in ((384, 2), (768, 8)):
        inner = 2 * channels
        expected += num * (channels * inner + inner + 9 * 16 * inner + inner + inner * channels)
    assert num_weights(discriminator) == expected


def test_features_are_weighted_sums_of_pixels_per_channel():
    discriminator = small(heads={"score": 1}).double()
    faces = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    hidden = discriminator.trunk[:-1](faces)
    expected = torch.einsum("bchw,chw->bc", hidden, discriminator.trunk[-1].weight[:, 0])
    torch.testing.assert_close(discriminator.features(faces), expected)


def test_projected_score_agrees_with_the_formula(features, conditions):
    discriminator = small()
    face = features @ discriminator.of_face.weight.T
    expected = ((conditions @ discriminator.of_condition.weight.T) * face).sum(dim=1)
    torch.testing.assert_close(discriminator.score(features, conditions), expected)
    assert not discriminator.score(features, torch.zeros(3, 5)).any()


def test_embedding_score_agrees_with_the_formula(features, conditions):
    discriminator = small(compare="embedding")
    expected = torch.stack([c @ e for c, e in zip(conditions, discriminator.embed(features), strict=True)])
    torch.testing.assert_close(discriminator.score(features, conditions), expected)
    same = small(compare="embedding", heads={"score": 1})
    assert {name for name, _ in same.alone.named_parameters()} == {"embedding.weight", "embedding.bias"}
    assert same.embed(features).shape == (3, 5)


def test_condition_of_another_width_is_mapped_by_a_weight(features):
    discriminator = small(7, compare="embedding")
    condition = torch.randn(3, 7)
    expected = ((discriminator.embed(features) @ discriminator.to_condition.weight.T) * condition).sum(dim=1)
    torch.testing.assert_close(discriminator.score(features, condition), expected)


@pytest.mark.parametrize("compare", ["projected", "embedding"])
def test_unconditional_score_is_added_on_request(features, conditions, compare):
    discriminator = small(compare=compare, heads={"score": 1}, add_unconditional=True)
    alone = discriminator.score(features, None)
    torch.testing.assert_close(discriminator.score(features, torch.zeros(3, 5)), alone)
    pair = discriminator.score(features, conditions) - alone
    torch.testing.assert_close(discriminator.score(features, 2 * conditions), 2 * pair + alone)


def test_the_scale_of_scores_at_the_start_does_not_depend_on_the_width():
    sizes = {}
    for width in (16, 64):
        torch.manual_seed(0)
        discriminator = R3gan(DataSpec(16), 64, {"score": 1}, width=width)
        features, condition = torch.randn(512, width), torch.randn(512, 64)
        sizes[width] = discriminator.score(features, condition).std().item()
    assert sizes == pytest.approx({16: 1.0, 64: 1.0}, rel=0.3)


def test_channels_that_groups_do_not_divide_are_refused():
    with pytest.raises(RecipeError, match="group_channels = 16 does not divide"):
        R3gan(DataSpec(16), 5, ALL_HEADS, width=12)
    with pytest.raises(RecipeError, match=r"r3gan: data\.image_pixels = 50"):
        R3gan(DataSpec(50), 5, ALL_HEADS)


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("score", {"trunk", "of_face", "of_condition"}),
        ("score_unconditional", {"trunk", "alone"}),
        ("embed", {"trunk", "alone"}),
        ("classify", {"trunk", "alone"}),
    ],
)
def test_only_requested_heads_of_r3gan_exist(head, names):
    discriminator = small(heads={head: 4}, add_unconditional=False)
    assert {name.split(".")[0] for name, _ in discriminator.named_parameters()} == names


@pytest.mark.parametrize("compare", ["projected", "embedding"])
@pytest.mark.parametrize("add_unconditional", [False, True])
def test_every_form_keeps_the_contract(compare, add_unconditional):
    settings = {"compare": compare, "add_unconditional": add_unconditional, "width": 4, "group_channels": 8}
    check_part("discriminator", R3gan, DataSpec(16, identities=("anna", "ben")), **settings)


def test_scores_can_be_differentiated_twice(conditions):
    """Against differences of the gradient's norm, which R1 and R2 minimise."""
    discriminator = small(heads={"score": 1}).double()
    for block in discriminator.trunk:
        if hasattr(block, "narrow"):
            torch.nn.init.normal_(block.narrow.weight)
    condition = conditions[:1].double()

    def penalty():
        images = torch.linspace(-1, 1, 192, dtype=torch.float64).sin().view(1, 3, 8, 8).requires_grad_()
        score = discriminator.score(discriminator.features(images), condition).sum()
        return torch.autograd.grad(score, images, create_graph=True)[0].square().sum()

    for weight in (discriminator.trunk[1].mix.weight, discriminator.of_condition.weight):
        (gradient,) = torch.autograd.grad(penalty(), weight)
        place, step, sides = (0,) * weight.dim(), 1e-6, []
        for sign in (1, -1):
            with torch.no_grad():
                weight[place] += sign * step
            sides.append(penalty().item())
            with torch.no_grad():
                weight[place] -= sign * step
        assert gradient[place].item() == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-5)
