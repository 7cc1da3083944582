"""The models that ship with facegen: sizes, cards, and the faces that they draw."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegen.training.runs.model_header import metadata_of
from facegen.training.runs.open_run import shipped_models
from studies.models import LICENCE, MODELS, MODELS_FOLDER, REFERENCE_FOLDER, reference_faces

MAX_BYTES, MAX_BYTES_TOGETHER = 6_000_000, 16_000_000


def test_every_model_can_be_made_again_and_has_a_card() -> None:
    assert sorted(shipped_models()) == sorted(MODELS)
    assert sorted(path.stem for path in MODELS_FOLDER.glob("*.md")) == sorted(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_holds_its_card_and_names_no_real_person(name: str) -> None:
    metadata = metadata_of(MODELS_FOLDER / f"{name}.safetensors")
    assert metadata.card == (MODELS_FOLDER / f"{name}.md").read_text()
    assert (metadata.licence, metadata.consent) == (LICENCE, "synthetic")


def test_models_are_small() -> None:
    sizes = {name: path.stat().st_size for name, path in shipped_models().items()}
    assert {name: size for name, size in sizes.items() if size > MAX_BYTES} == {}
    assert sum(sizes.values()) <= MAX_BYTES_TOGETHER


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_draws_the_stored_faces(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if MODELS[name].recipe == "voice" and find_spec("resemblyzer") is None:
        pytest.skip("needs weights that are not in the file: pip install --no-deps Resemblyzer==0.1.4")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    stored = np.asarray(Image.open(REFERENCE_FOLDER / f"{name}.png").convert("RGB"), dtype=np.float64)
    drawn = reference_faces(name, MODELS[name]).astype(np.float64)
    assert drawn.shape == stored.shape
    assert stored.std() > 10  # not a grey picture
    assert np.abs(drawn - stored).mean() <= 1.0
