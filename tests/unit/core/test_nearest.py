"""The nearest of a gallery, against all pairs in numpy."""

import numpy as np
import pytest
import torch

from facegen.core.nearest import nearest


def test_against_all_pairs() -> None:
    random = np.random.default_rng(0)
    queries, gallery = random.normal(size=(2100, 2, 5)), random.normal(size=(37, 5))
    distances, places = nearest(torch.from_numpy(queries), torch.from_numpy(gallery))
    lengths = np.linalg.norm(queries, axis=-1)[..., None] * np.linalg.norm(gallery, axis=-1)
    expected = 1 - queries @ gallery.T / lengths
    assert (places.numpy() == expected.argmin(-1)).all()
    assert distances.numpy() == pytest.approx(expected.min(-1))


def test_a_vector_is_nearest_to_itself_whatever_its_length_and_at_no_distance() -> None:
    gallery = torch.randn(50, 7, generator=torch.Generator().manual_seed(1))
    distances, places = nearest(3 * gallery, gallery)
    assert places.tolist() == list(range(50))
    assert float(distances.min()) >= 0
    assert float(distances.max()) < 1e-12


def test_of_equally_near_ones_the_first() -> None:
    gallery = torch.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0]])
    assert nearest(torch.tensor([[5.0, 0.0]]), gallery)[1].tolist() == [1]
