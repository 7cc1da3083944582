"""Values that the papers state, in the recipes that reproduce them, at full size."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from facegen.core.recipe.recipe import read_recipe

RECIPES = Path(__file__).parents[1] / "recipes"
BATCH_NORM = {"generator.norm": "batch", "discriminator.norm": "batch"}
SPECTRAL_NORM = {"generator.norm": "spectral", "discriminator.norm": "none"}
ONE_RATE = {"train.generator.learning_rate": 2e-4, "train.discriminator.learning_rate": 2e-4}
TWO_RATES = {"train.generator.learning_rate": 1e-4, "train.discriminator.learning_rate": 4e-4}
LEAST_SQUARES = {"objective.type": "least_squares", "data.image_pixels": 64, "generator.noise_dim": 100}
SENTENCES = {"train.batch_size": 64, "train.generator.halve_every_steps": 14000, "objective.mismatched_weight": 0.5}
SPEECH = {
    "conditioner.widths": [64, 128, 256, 512, 1024, 1024], "data.speech_seconds": 4.0, "data.pairing": "centred",
    "data.num_people": 62, "data.clips_per_person": 15,
}  # fmt: skip
ROLDAN = {
    "name_lsgan_projected": LEAST_SQUARES | BATCH_NORM | ONE_RATE | {"conditioner.form": "projected"},  # Table II, 1
    "name_lsgan_concatenated": LEAST_SQUARES | BATCH_NORM | ONE_RATE | {"conditioner.form": "repeated"},  # row 2
    "name_lsgan_spectral": LEAST_SQUARES | SPECTRAL_NORM | ONE_RATE,
    "name_lsgan_ttur": LEAST_SQUARES | SPECTRAL_NORM | TWO_RATES | {"generator.dropout": 0.0},  # row 3
    "name_lsgan_dropout": LEAST_SQUARES | SPECTRAL_NORM | TWO_RATES | {"generator.dropout": 0.5},  # row 4
    "name_acgan": {"objective.type": "auxiliary_classifier", "objective.fake_class": True},  # row 5
    "speech_lsgan": LEAST_SQUARES | SPECTRAL_NORM | TWO_RATES | SPEECH | {"generator.dropout": 0.0},  # IV-D
    "speech_lsgan_dropout": LEAST_SQUARES | SPECTRAL_NORM | TWO_RATES | SPEECH | {"generator.dropout": 0.5},
    "mel_lsgan": LEAST_SQUARES | {"conditioner.window_samples": 512, "conditioner.hop_samples": 128},
}
CHOI = {
    "speech_relid": {
        "data.image_pixels": 128, "data.speech_seconds": 6.0, "data.pairing": "different_times",
        "match.num_candidates": 10, "match.optimiser": "sgd", "match.direction": "v2f",
        "objective.type": "relid", "generator.noise_dim": 128, "conditioner.condition_dim": 128,
        "conditioner.trained": "frozen", "penalty.type": "r1",
    },
    "speech_relativistic": {"objective.type": "relativistic", "match.direction": "v2f"},
    "match_f2v": {"match.direction": "f2v", "match.num_candidates": 10},
}  # fmt: skip
OTHERS = {
    "text_gan_cls": SENTENCES | ONE_RATE | {"generator.width": 128, "generator.max_width": 1024},  # Reed et al. 2016
    "text_gan_int": SENTENCES | ONE_RATE | {"objective.1.beta": 0.5},
    "text_stackgan_1": {"condition.width": 128, "condition.kl_weight": 2.0, "train.batch_size": 128},
    "text_stackgan_2": {"data.image_pixels": 256, "draft.image_pixels": 64, "train.batch_size": 40},
    "name_wgan_projected": {
        "train.critic_steps": 5, "penalty.clip": 0.01, "train.generator.optimiser": "rmsprop",
        "train.generator.learning_rate": 5e-5, "train.discriminator.learning_rate": 5e-5,
    },  # Arjovsky et al. 2017
    "name_wgan_gp": {
        "train.critic_steps": 5, "penalty.type": "gradient_penalty", "train.generator.learning_rate": 1e-4,
        "train.generator.beta1": 0.0, "train.generator.beta2": 0.9,
    },  # Gulrajani et al. 2017
    "name_began": {
        "objective.diversity_ratio": 0.5, "objective.balance_rate": 1e-3, "train.batch_size": 16,
        "generator.noise_dim": 64,
    },  # its public code
    "match_pins": {"match.type": "contrastive", "match.hardness.start": 0.3, "match.hardness.end": 0.8},
    "voice2face": {"condition.deviation": 0.05, "condition.normalise": True, "generator.type": "voice2face"},
    "wav2pix": SPEECH | TWO_RATES | {
        "data.image_pixels": 128, "data.speech_seconds": 1.0, "conditioner.widths": [16, 32, 128, 256, 512, 1024],
        "condition.identity_weight": 10.0, "generator.noise_dim": 0, "generator.dropout": 0.5,
        "generator.norm": "spectral", "discriminator.norm": "spectral", "train.critic_trains_conditioner": True,
    },
}  # fmt: skip
STATED = [(name, key, value) for name, values in (ROLDAN | CHOI | OTHERS).items() for key, value in values.items()]


@cache
def tables(name: str) -> dict[str, Any]:
    return read_recipe(RECIPES / f"{name}.toml").values


def value_of(name: str, key: str) -> Any:
    """Return the value at a dotted key; a list of parts stands for its first, unless the key gives an index."""
    value: Any = tables(name)
    for word in key.split("."):
        if isinstance(value, list) and not word.isdecimal():
            value = value[0]
        value = value[int(word) if word.isdecimal() else word]
    return value


@pytest.mark.parametrize(("name", "key", "value"), STATED, ids=[f"{name}-{key}" for name, key, _ in STATED])
def test_a_recipe_has_what_its_paper_states(name: str, key: str, value: object) -> None:
    actual = value_of(name, key)
    assert (list(actual) if isinstance(actual, list | tuple) else actual) == value
