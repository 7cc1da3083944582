"""Feature matching against numpy."""

import numpy as np
import pytest

from facegen.core.batch import DataSpec
from facegen.parts.objectives.feature_matching import FeatureMatching

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 2, 2)])
def test_distance_of_means_has_gradients_of_fakes_only(agree, shape):
    objective = FeatureMatching(DataSpec(16), features_weight=3.0)
    assert objective.heads == {}

    def formula(fake_features, real_features):
        return {"features": 3 * np.mean((fake_features.mean(axis=0) - real_features.mean(axis=0)) ** 2)}

    agree(
        lambda critic: {name: term.double() for name, term in objective.generator_terms(critic).items()},
        formula,
        moved=["fake_features"],
        fake_features=RNG.normal(size=shape),
        real_features=RNG.normal(size=shape),
    )
