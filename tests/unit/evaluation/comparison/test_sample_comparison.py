"""Comparison of samples: faces of smaller runs are enlarged to the size of the largest."""

import numpy as np

from facegen.evaluation.comparison.sample_comparison import enlarged


def test_faces_grow_to_the_size_of_the_largest() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    assert enlarged(faces, 16) is faces
    grey = np.full((1, 16, 16, 3), 77, dtype=np.uint8)
    assert (enlarged(grey, 24) == 77).all()
    assert enlarged(faces, 24).shape == (2, 24, 24, 3)
