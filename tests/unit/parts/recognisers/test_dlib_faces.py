"""The recogniser `dlib_faces` on a replacement of dlib: inputs, results, and the message without the package."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from facegen.core.errors import RecipeError
from facegen.parts.recognisers.dlib_faces import DlibFaces
from facegen.testing.recognisers import check_recogniser
from facegen.testing.samples import SMALL_DATA

NETWORK = "dlib_face_recognition_resnet_model_v1.dat"


class Box:
    def __init__(self, left, top, right, bottom):
        self.sides = (left, top, right, bottom)

    def area(self):
        left, top, right, bottom = self.sides
        return (right - left) * (bottom - top)


class Network:
    """Return the mean colour of each chip, padded with zeros."""

    def __init__(self, path):
        assert Path(path).name == NETWORK

    def compute_face_descriptor(self, chips):
        return [[*np.asarray(chip).mean((0, 1)), *[0.0] * 125] for chip in chips]


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """Install the replacement; return the list of boxes in which landmarks are searched."""
    boxes = []
    dlib = ModuleType("dlib")

    def search(picture, _):
        side = min(picture.shape[:2])
        return [Box(0, 0, 9, 9), Box(0, 0, side // 2, side // 2)] if picture.mean() > 100 else []

    dlib.__version__ = "20"
    dlib.rectangle = Box
    dlib.face_recognition_model_v1 = Network
    dlib.shape_predictor = lambda path: lambda picture, box: boxes.append((picture.shape, box.sides))
    dlib.get_frontal_face_detector = lambda: search
    dlib.get_face_chip = lambda picture, landmarks, size, padding: picture
    monkeypatch.setitem(sys.modules, "dlib", dlib)
    models = tmp_path / "face_recognition_models" / "models"
    models.mkdir(parents=True)
    # The __init__ of the package is skipped: it imports a module that newer installations lack.
    (models.parent / "__init__.py").write_text("raise ImportError('imported')")
    for name in (NETWORK, "shape_predictor_5_face_landmarks.dat"):
        (models / name).write_bytes(name.encode())
    monkeypatch.syspath_prepend(tmp_path)
    return boxes


def test_a_picture_without_a_face_has_no_features(shown):
    faces = torch.stack([torch.full((64, 64, 3), level, dtype=torch.uint8) for level in (200, 20, 150)])
    embeddings = DlibFaces().embed_faces(faces)
    assert embeddings.shape == (3, 128) and embeddings.dtype == torch.float32
    assert embeddings[:, 0].nan_to_num(-1).tolist() == [200, -1, 150]
    assert embeddings[1].isnan().all() and embeddings[[0, 2]].isfinite().all()
    # Enlarged for the detector; of several boxes the largest.
    assert shown == [((224, 224, 3), (0, 0, 112, 112))] * 2


def test_centre_crop_replaces_detection(shown):
    embeddings = DlibFaces(find="centre").embed_faces(torch.zeros(1, 300, 300, 3, dtype=torch.uint8))
    assert embeddings.isfinite().all()
    assert shown == [((300, 300, 3), (75, 75, 224, 224))]


def test_fingerprint_depends_on_weights_and_settings(shown, tmp_path):
    before = DlibFaces().fingerprint()
    assert before == DlibFaces().fingerprint() != DlibFaces(find="centre").fingerprint()
    (tmp_path / "face_recognition_models" / "models" / NETWORK).write_bytes(b"others")
    assert DlibFaces().fingerprint() != before


@pytest.mark.parametrize("find", ["search", "centre"])
def test_keeps_its_contract(shown, find):
    check_recogniser(DlibFaces(find=find), SMALL_DATA)


def test_missing_package_is_reported(monkeypatch, shown, tmp_path):
    (tmp_path / "face_recognition_models" / "models" / NETWORK).unlink()
    with pytest.raises(RecipeError, match=f"finds no models/{NETWORK} of the package face_recognition_models; install"):
        DlibFaces().fingerprint()
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(RecipeError, match=r"recogniser 'dlib_faces' cannot import dlib.*pip install dlib-bin face-"):
        DlibFaces().embed_faces(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))
