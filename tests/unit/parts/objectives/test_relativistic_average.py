"""The relativistic average losses, written out as RaSGAN, RaLSGAN and RaHingeGAN, against numpy."""

import numpy as np
import pytest

from facegen.core.batch import DataSpec
from facegen.parts.objectives.relativistic_average import RelativisticAverage

REAL, FAKE = np.random.default_rng(0).normal(size=(2, 5))


def bce(score, target):
    probability = 1 / (1 + np.exp(-score))
    return -np.mean(target * np.log(probability) + (1 - target) * np.log(1 - probability))


def squares(score, target):
    return np.mean((score - (2 * target - 1)) ** 2)


def hinge(score, target):
    return np.mean(np.maximum(0, 1 - (2 * target - 1) * score))


@pytest.mark.parametrize(("loss", "formula"), [("bce", bce), ("least_squares", squares), ("hinge", hinge)])
def test_both_networks_by_hand(agree, loss, formula):
    objective = RelativisticAverage(DataSpec(16), loss=loss)
    agree(
        objective.discriminator_terms,
        lambda real, fake: {
            "real": formula(real - fake.mean(), 1) / 2,
            "fake": formula(fake - real.mean(), 0) / 2,
        },
        real=REAL,
        fake=FAKE,
    )
    agree(
        objective.generator_terms,
        lambda real, fake: {
            "real": formula(real - fake.mean(), 0) / 2,
            "fake": formula(fake - real.mean(), 1) / 2,
        },
        real=REAL,
        fake=FAKE,
    )
