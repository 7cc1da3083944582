"""Pictures without a face are left out with a warning."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facegen.core.collection_interfaces import Detector, FaceBox
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.inference.inputs import with_detected_faces


class Bright(Detector):
    def find(self, image: np.ndarray) -> list[FaceBox]:
        return [FaceBox(0, 0, 8, 1.0)] if image.mean() > 100 else []


class Warnings(Observer):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def warn(self, message: str) -> None:
        self.texts.append(message)


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    paths = {name: tmp_path / f"{name}.png" for name in ("bright", "dark")}
    for name, path in paths.items():
        Image.new("RGB", (16, 16), (200,) * 3 if name == "bright" else (10,) * 3).save(path)
    return paths


def test_pictures_without_a_face_are_left_out_with_a_warning(pictures: dict[str, Path]) -> None:
    observer = Warnings()
    assert with_detected_faces(list(pictures.values()), Bright, observer) == [pictures["bright"]]
    (text,) = observer.texts
    assert text == f"{pictures['dark']}: no frontal face was found, so the picture is left out"


def test_no_face_at_all_and_pictures_that_cannot_be_read_are_errors(pictures: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no picture shows a frontal face"):
        with_detected_faces([pictures["dark"]], Bright, Warnings())
    with pytest.raises(DataError, match=r"gone\.png"):
        with_detected_faces([pictures["bright"], tmp_path / "gone.png"], Bright, Warnings())
