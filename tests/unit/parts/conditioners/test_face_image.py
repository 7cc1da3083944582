"""The encoder of identity images."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from facegen.core.batch import IDENTITY_IMAGE, Batch
from facegen.core.errors import DataError, RecipeError
from facegen.parts.conditioners.face_image import FaceImage
from facegen.testing.samples import SMALL_DATA, sample_batch


def test_agrees_with_the_formula() -> None:
    torch.manual_seed(0)
    data = replace(SMALL_DATA, image_pixels=16)
    encoder, batch = FaceImage(data, condition_dim=5, width=3, max_width=4).double(), sample_batch(data, 3)
    images = torch.rand(3, 3, 16, 16, dtype=torch.float64) * 2 - 1
    first, second = encoder.trunk
    hidden = functional.leaky_relu(functional.conv2d(images, first[0].weight, first[0].bias, 2, 1), 0.2)
    hidden = functional.conv2d(hidden, second[0].weight, None, 2, 1)
    hidden = functional.batch_norm(hidden, None, None, second[1].weight, second[1].bias, training=True)
    expected = functional.leaky_relu(hidden, 0.2).flatten(1) @ encoder.head.weight.T + encoder.head.bias
    encoding = encoder(replace(batch, identity_image=images))
    torch.testing.assert_close(encoding.double(), expected, rtol=1e-5, atol=1e-5)
    assert encoding.shape == (3, encoder.condition_dim)


def test_reads_the_identity_image_and_not_the_face_that_is_to_be_drawn() -> None:
    encoder = FaceImage(SMALL_DATA, width=4).eval()
    batch = sample_batch()
    assert encoder.needs == {IDENTITY_IMAGE}
    assert torch.equal(encoder(batch), encoder(batch.with_faces(-batch.faces)))
    assert not torch.equal(encoder(batch), encoder(replace(batch, identity_image=-batch.identity_image)))
    with pytest.raises(DataError, match="no identity images"):
        encoder(replace(batch, identity_image=None))


def test_standardised_encodings_have_mean_0_and_variance_1() -> None:
    encoding = FaceImage(SMALL_DATA, width=4, standardise=True)(sample_batch(num=32))
    torch.testing.assert_close(encoding.mean(0), torch.zeros(128), atol=1e-4, rtol=0)
    torch.testing.assert_close(encoding.var(0, unbiased=False), torch.ones(128), atol=2e-2, rtol=0)


def test_sizes_of_64_pixels_and_other_sides() -> None:
    with torch.device("meta"):
        encoder = FaceImage(SMALL_DATA)
        assert encoder(Batch.blank(SMALL_DATA, 2, device="meta")).shape == (2, 128)
        assert [block[0].out_channels for block in encoder.trunk] == [64, 128, 256, 512]
    with pytest.raises(RecipeError, match="face_image"):
        FaceImage(replace(SMALL_DATA, image_pixels=36))
