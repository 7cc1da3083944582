import cv2
import numpy as np
import pytest

from facegen.core.errors import DataError
from facegen.parts.detectors.yunet import Yunet


class Pretend:
    """Replacement of OpenCV's FaceDetectorYN that returns given boxes, in pixels of the searched picture."""

    def __init__(self, rows):
        self.rows, self.size = rows, None

    def setInputSize(self, size):  # noqa: N802
        self.size = size

    def detect(self, image):
        assert image.shape[:2] == self.size[::-1]
        self.blue = int(image[..., 0].max())
        return 1, self.rows


@pytest.fixture
def build(monkeypatch, tmp_path):
    def build(rows, **settings):
        network = Pretend(rows)
        monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *arguments: network)
        (tmp_path / "model.onnx").write_bytes(b"network")
        return Yunet(model=tmp_path / "model.onnx", **settings), network

    return build


def row(left, top, width, height, score):
    return [left, top, width, height, *[0] * 10, score]


def test_boxes_become_centred_squares_sorted_by_confidence(build):
    detector, network = build(np.array([row(1, 20, 30, 40, 0.75), row(100, 50, 20, 20, 0.96875)], np.float32))
    picture = np.zeros((72, 128, 3), np.uint8)
    picture[..., 2] = 200
    assert detector.find(picture) == [(100, 50, 20, 0.96875), (-4, 20, 40, 0.75)]
    assert (network.size, network.blue) == ((128, 72), 200)


def test_picture_without_face_has_no_boxes(build):
    assert build(None)[0].find(np.zeros((100, 150, 3), np.uint8)) == []


def test_file_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"absent\.onnx: is no file; fetch face_detection_yunet_2023mar\.onnx"):
        Yunet(model=tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(DataError, match=r"text\.onnx: is no YuNet that OpenCV 4"):
        Yunet(model=tmp_path / "text.onnx")
