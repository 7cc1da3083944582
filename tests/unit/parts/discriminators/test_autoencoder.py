"""BEGAN's discriminator: sizes of the encoder, input of the decoder, heads."""

import pytest
import torch
from discriminator_sizes import convolutions, num_weights, on_meta, randomised
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.errors import RecipeError
from facegen.parts.discriminators.autoencoder import Autoencoder
from facegen.testing import check_part

ALL_HEADS = {"reconstruct": 1, "embed": 5}


def small(condition_dim=5, heads=ALL_HEADS, pixels=16, **settings):
    torch.manual_seed(0)
    return Autoencoder(DataSpec(pixels), condition_dim, heads, **{"num_filters": 3, "hidden_dim": 6, **settings})


def test_layers_of_the_paper_at_64_pixels():
    """Two 3x3 convolutions a size, of n, 2n, 3n, 4n channels; a strided one follows until 8 pixels are left."""
    discriminator = on_meta(Autoencoder, 64, 10, {"reconstruct": 1})
    expected = [(3, 128, 3, 1, 64)]
    for number, size in enumerate([64, 32, 16, 8]):
        before, after = 128 * max(number, 1), 128 * (number + 1)
        expected += [(before, after, 3, 1, size), (after, after, 3, 1, size)]
        if size > 8:
            expected += [(after, after, 3, 2, size // 2)]
    assert convolutions(discriminator, 64) == expected
    encoder = sum(9 * before * after + after for before, after, *_ in expected) + 8 * 8 * 512 * 64 + 64
    decoder = (64 + 10) * 8 * 8 * 128 + 8 * 8 * 128 + 8 * (9 * 128 * 128 + 128) + 9 * 128 * 3 + 3
    assert num_weights(discriminator) == encoder + decoder


@pytest.mark.parametrize("pixels", [8, 16, 48])
def test_reconstruction_has_the_size_of_the_face(pixels):
    discriminator = small(pixels=pixels)
    features = discriminator.features(torch.randn(2, 3, pixels, pixels))
    assert features.shape == (2, 6)
    assert discriminator.reconstruct(features, torch.randn(2, 5)).shape == (2, 3, pixels, pixels)
    assert discriminator.embed(features).shape == (2, 5)


def test_encoder_agrees_with_the_formula():
    discriminator = randomised(small())
    faces = torch.rand(2, 3, 16, 16, dtype=torch.float64) * 2 - 1
    hidden = faces
    for conv, stride in zip(discriminator.encoder[::2], (1, 1, 1, 2, 1, 1), strict=True):
        hidden = functional.elu(functional.conv2d(hidden, conv.weight, conv.bias, stride, 1))
    code = hidden.flatten(1) @ discriminator.hidden.weight.T + discriminator.hidden.bias
    torch.testing.assert_close(discriminator.features(faces), code)
    embedding = code @ discriminator.embedding.weight.T + discriminator.embedding.bias
    torch.testing.assert_close(discriminator.embed(code), embedding)


def test_a_size_out_of_reach_is_refused():
    with pytest.raises(RecipeError, match=r"autoencoder: data\.image_pixels = 50"):
        small(pixels=50)


def test_condition_is_concatenated_to_the_code():
    discriminator = small()
    features, condition = torch.randn(2, 6), torch.randn(2, 5)
    expected = discriminator.decoder(torch.tensor([[*f, *c] for f, c in zip(features, condition, strict=True)]))
    torch.testing.assert_close(discriminator.reconstruct(features, condition), expected)
    assert not torch.allclose(discriminator.reconstruct(features, condition.flip(0)), expected)
    with pytest.raises(ValueError, match="conditional = false"):
        discriminator.reconstruct(features, None)


def test_unconditional_form_has_no_weights_of_the_condition():
    discriminator = small(conditional=False)
    features = torch.randn(2, 6)
    expected = discriminator.reconstruct(features, None)
    assert torch.equal(discriminator.reconstruct(features, torch.randn(2, 5)), expected)
    assert num_weights(discriminator) == num_weights(small(conditional=False, condition_dim=50))
    check_part("discriminator", Autoencoder, DataSpec(16), num_filters=2, conditional=False)


def test_training_reduces_the_reconstruction_error():
    discriminator = small(num_filters=8, hidden_dim=16)
    faces = torch.nn.functional.interpolate(torch.rand(4, 3, 2, 2) * 2 - 1, scale_factor=8)
    condition = torch.randn(4, 5)
    optimiser = torch.optim.Adam(discriminator.parameters(), 3e-3)
    errors = []
    for _ in range(40):
        error = (discriminator.reconstruct(discriminator.features(faces), condition) - faces).abs().mean()
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        errors.append(error.item())
    assert errors[-1] < errors[0] / 2


def test_only_requested_heads_of_the_autoencoder_exist():
    names = {head: {name.split(".")[0] for name, _ in small(heads={head: 4}).named_parameters()} for head in ALL_HEADS}
    assert names == {"reconstruct": {"encoder", "hidden", "decoder"}, "embed": {"encoder", "hidden", "embedding"}}
