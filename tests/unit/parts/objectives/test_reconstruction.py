"""Distances between faces against numpy, and the compared faces."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.parts.objectives.reconstruction import Reconstruction
from facegen.testing import SMALL_DATA, sample_critic, sample_discriminator

SPEC = DataSpec(2)
FAKE, REAL = np.random.default_rng(0).normal(size=(2, 3, 3, 2, 2))
DISTANCES = {"l1": lambda fake, real: np.abs(fake - real).mean(), "l2": lambda fake, real: ((fake - real) ** 2).mean()}


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_reconstruction_is_the_distance_to_the_real_face(agree, distance):
    objective = Reconstruction(SPEC, distance=distance, reconstruction_weight=2.0)
    assert objective.heads == {}
    agree(
        objective.generator_terms,
        lambda fake_faces, real_faces: {"reconstruction": 2 * DISTANCES[distance](fake_faces, real_faces)},
        moved=["fake_faces"],
        fake_faces=FAKE,
        real_faces=REAL,
    )


@pytest.mark.parametrize("normalise", [False, True])
def test_decoder_reads_the_embedding_of_the_real_face(normalise):
    embedding, paint = torch.randn(3, 5), torch.randn(5, 12, requires_grad=True)
    critic = SimpleNamespace(
        real_embedding=embedding,
        real_faces=torch.tensor(REAL).float(),
        draw=lambda condition: (condition @ paint).view(-1, 3, 2, 2),
    )
    loss = Reconstruction(SPEC, source="embedding", normalise=normalise).generator_terms(critic)["reconstruction"]
    length = np.linalg.norm(embedding.numpy(), axis=1, keepdims=True) if normalise else 1.0
    codes = embedding.numpy() / length
    drawn = (codes @ paint.detach().numpy()).reshape(REAL.shape)
    assert loss.item() == pytest.approx(50 * np.abs(drawn - REAL).mean(), rel=1e-5)
    loss.backward()
    expected = codes.T @ np.sign(drawn - REAL).reshape(3, 12) * 50 / REAL.size
    np.testing.assert_allclose(paint.grad.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_generator_gradient_does_not_pass_the_embedding():
    judge = sample_discriminator({"embed": 16})
    critic = sample_critic("generator", judge, data=SMALL_DATA)
    loss = Reconstruction(SMALL_DATA, source="embedding").generator_terms(critic)["reconstruction"]
    expected = 50 * functional.l1_loss(critic.draw(judge.embed(judge.features(critic.real_faces))), critic.real_faces)
    assert loss.item() == pytest.approx(expected.item())
    loss.backward()
    assert critic.fake_faces.grad is not None
    assert all(weight.grad is None for weight in judge.parameters())
