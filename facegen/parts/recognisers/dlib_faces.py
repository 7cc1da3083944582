"""Recogniser: dlib's face features."""

from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facegen.core.interfaces import Recogniser
from facegen.parts.layers.packages import find_file, hash_of, import_package, version_of
from facegen.parts.layers.recogniser_crops import centre_box, enlarged

_NAME = "dlib_faces"
_PART = f"recogniser '{_NAME}'"
_INSTALL = "dlib-bin face-recognition-models"
_MODELS = "face_recognition_models"
_NETWORK = "models/dlib_face_recognition_resnet_model_v1.dat"
_LANDMARKS = "models/shape_predictor_5_face_landmarks.dat"
_CHIP_PIXELS, _CHIP_PADDING = 150, 0.25
"""Side and padding of the aligned faces that the network was trained on."""
_DIM = 128


class DlibFaces(Recogniser):
    """128 face features of dlib's residual network, which was trained to recognise people.

    A face is detected, aligned by the corners of the eyes and the nose, and passed to the network. The weights are part
    of the package `face-recognition-models`; nothing is downloaded. It takes about 0.2 s per face on one core.

    Settings:
        find: "search" detects the face, and an image without one has no features; "centre" takes the middle of the
            image as the face, for corpora whose faces the detector does not find; "search_or_centre" does so where it
            detects none.
    Source:
        King 2009 and 2017 (dlib); the network is that of He et al. 2016 with 29 layers.
    """

    embeds: ClassVar[frozenset[str]] = frozenset({"faces"})
    face_dim: ClassVar[int] = _DIM

    def __init__(self, *, find: Literal["search", "centre", "search_or_centre"] = "search") -> None:
        self.find = find

    @cached_property
    def _dlib(self) -> Any:
        return import_package(_PART, "dlib", _INSTALL)

    @cached_property
    def _network(self) -> Any:
        return self._dlib.face_recognition_model_v1(str(find_file(_PART, _MODELS, _NETWORK, _INSTALL)))

    @cached_property
    def _landmarks(self) -> Any:
        return self._dlib.shape_predictor(str(find_file(_PART, _MODELS, _LANDMARKS, _INSTALL)))

    @cached_property
    def _detector(self) -> Any:
        return self._dlib.get_frontal_face_detector()

    def fingerprint(self) -> str:
        files = [find_file(_PART, _MODELS, name, _INSTALL) for name in (_NETWORK, _LANDMARKS)]
        return hash_of(files, _NAME, self.find, self._dlib.__version__, version_of("dlib-bin"))

    def embed_faces(self, faces: Tensor) -> Tensor:
        features = torch.full((len(faces), _DIM), torch.nan)
        chips = {row: chip for row, face in enumerate(faces.cpu().numpy()) if (chip := self._chip(face)) is not None}
        if chips:
            rows = self._network.compute_face_descriptor(list(chips.values()))
            features[list(chips)] = torch.tensor(np.asarray(rows), dtype=torch.float32)
        return features

    def _chip(self, face: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """Return the aligned face that the network reads; None where no face is detected."""
        picture = enlarged(face)
        boxes = () if self.find == "centre" else self._detector(picture, 0)
        if len(boxes):
            box = max(boxes, key=lambda box: box.area())
        elif self.find == "search":
            return None
        else:
            box = self._dlib.rectangle(*centre_box(picture))
        chip: NDArray[np.uint8] = self._dlib.get_face_chip(
            picture, self._landmarks(picture, box), _CHIP_PIXELS, _CHIP_PADDING
        )
        return chip
