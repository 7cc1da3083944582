"""Faces for the page: paths through noises, paths between two people, and matching."""

import base64
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from facegen.api import load
from facegen.cli.detector import frontal_detector
from facegen.core.errors import CheckpointError, DataError
from facegen.core.progress import Observer
from facegen.data.media.face_crops import crop_face, find_faces
from facegen.data.media.generated_media import encode_picture
from facegen.data.media.images import read_image, square_face
from facegen.data.media.marking import Mark
from facegen.inference.face_pictures import enlarge, enlargement
from facegen.inference.interpolate import between_noises, between_people
from facegen.inference.model import Model
from facegen.inference.sample import OPTIONS, Subject, encode_subjects
from facegen.training.face_pipeline import choose_noises
from facegen_demo.model_card import ModelCard, read_card

NUM_NOISES = 9
STEPS_PER_NOISE = 6
STEPS_BETWEEN = 32
SHOWN_PIXELS = 256
CROP_PIXELS = 160
PROMPTS = {"speech": "record a voice or choose a file", "name": "choose a name", "text": "write a sentence"}
Faces = NDArray[np.uint8]


class WarningsList(Observer):
    """Observer that collects warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        # The file is known by another name to the user; only its fault is of interest.
        is_named = message.startswith("/proc/self/fd/")
        self.warnings.append(message.partition(": ")[2] if is_named else message)


@dataclass(frozen=True)
class FacePath:
    """Faces along a path.

    Attributes:
        faces: data URIs of marked JPEG files.
        stops: indices of the faces at the ends of each part of the path.
        note: enlargement of the faces.
        seed: of the noises.
        warnings: faults of files that were used nevertheless.
    """

    faces: Sequence[str]
    stops: Sequence[int]
    note: str
    seed: int
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Candidate:
    """A picture, and its share of the probability.

    Attributes:
        name: of the file.
        picture: data URI of what was compared.
        probability: share among the pictures.
    """

    name: str
    picture: str
    probability: float


@dataclass(frozen=True)
class DemoModel:
    """A model for the page.

    Attributes:
        model: the model.
        card: what the page says about it.
        inputs: what it draws from: "speech", "name", "text".
        can_match: it compares voices with pictures.
        max_candidates: pictures that it ranks at most; None for any number.
    """

    model: Model
    card: ModelCard
    inputs: Sequence[str]
    can_match: bool
    max_candidates: int | None = None

    @classmethod
    def open(cls, path_or_name: Path, observer: Observer | None = None) -> "DemoModel":
        """Load a run or a model, and its networks.

        Raises:
            CheckpointError: there is none, it draws no faces, or it draws from vectors.
        """
        model = load(path_or_name, observer)
        needs = model.pipeline.needs
        if not needs <= set(OPTIONS):
            raise CheckpointError(f"{path_or_name}: it draws from vectors, which a page cannot ask for; choose another")
        inputs = [OPTIONS[column][0] for column in OPTIONS if column in needs]
        matching = None
        with suppress(CheckpointError):
            matching = model.matching
        most = None if matching is None else matching.matcher.max_candidates
        return cls(model, read_card(path_or_name, model), inputs, matching is not None, most)

    def check_subject(self, subject: Subject, of: str = "") -> None:
        """Check that everything that the model draws from is given.

        Raises:
            DataError: something is missing.
        """
        missing = [PROMPTS[name] + of for name in self.inputs if not getattr(subject, name)]
        if missing:
            raise DataError(f"something is missing: {', '.join(missing)}")

    @torch.no_grad()
    def faces(self, subject: Subject, seed: int) -> FacePath:
        """Draw a path through NUM_NOISES noises for one person; a run without noise draws one face.

        Raises:
            DataError: the input is missing or cannot be read.
        """
        self.check_subject(subject)
        observer, model = WarningsList(), self.model
        encoding = self._encode([subject], observer)[0]
        noises = choose_noises(model.pipeline.noise, NUM_NOISES, seed, model.device)
        if not noises.numel():
            faces = model.sample_people([subject], count=1, seed=seed)[0]
            return self._path(faces, [0], seed, observer)
        parts = []
        for number in range(NUM_NOISES - 1):
            pair = noises[number : number + 2]
            part = between_noises(model.pipeline, encoding, pair, STEPS_PER_NOISE + 1, seed).numpy()
            parts.append(part if number == NUM_NOISES - 2 else part[:-1])
        return self._path(
            np.concatenate(parts), range(0, NUM_NOISES * STEPS_PER_NOISE, STEPS_PER_NOISE), seed, observer
        )

    def between(self, subjects: Sequence[Subject], seed: int) -> FacePath:
        """Draw a path between two people under one noise.

        Raises:
            DataError: an input is missing or cannot be read.
        """
        for subject, of in zip(subjects, (" for the first person", " for the second person"), strict=True):
            self.check_subject(subject, of)
        observer, model = WarningsList(), self.model
        encodings = self._encode(subjects, observer)
        noise = choose_noises(model.pipeline.noise, 1, seed, model.device)[0]
        faces = between_people(model.pipeline, encodings, noise, STEPS_BETWEEN + 1, seed).numpy()
        return self._path(faces, [0, STEPS_BETWEEN], seed, observer)

    def match(self, speech: Path, pictures: Sequence[tuple[str, Path]], *, detect: bool) -> Sequence[Candidate]:
        """Rank pictures for a voice, the best first.

        Args:
            speech: the recording.
            pictures: (name, file) of each.
            detect: find the face in each picture first; otherwise the middle of the picture is compared.
        Raises:
            DataError: there are fewer than two pictures or too many, or files cannot be read.
        """
        if not self.can_match:
            raise DataError("this model does not compare voices with pictures")
        if len(pictures) < 2:
            raise DataError("one picture alone is not compared with a voice; choose two or more")
        if self.max_candidates is not None and len(pictures) > self.max_candidates:
            raise DataError(f"this model compares {self.max_candidates} pictures at most")
        crops, problems = [], []
        for name, path in pictures:
            try:
                crops.append(_crop(name, path, detect))
            except DataError as error:
                problems += error.problems
        if problems:
            raise DataError(*problems)
        probabilities = self.model.rank(speech, crops)[0].tolist()
        ranked = sorted(zip(probabilities, range(len(crops)), strict=True), key=lambda pair: (-pair[0], pair[1]))
        return [
            Candidate(pictures[row][0], _data_uri(_real_jpeg(crops[row])), probability) for probability, row in ranked
        ]

    def description(self) -> dict[str, object]:
        """Return what the page shows and needs to know, as JSON values."""
        names = list(self.model.names) if "name" in self.inputs else []
        return {**asdict(self.card), "inputs": list(self.inputs), "can_match": self.can_match, "names": names}

    def _encode(self, subjects: Sequence[Subject], observer: Observer) -> torch.Tensor:
        pipeline, data = self.model.pipeline, self.model.run.data
        return encode_subjects(pipeline, subjects, data, self.model.device, observer)

    def _path(self, faces: Faces, stops: Sequence[int], seed: int, observer: WarningsList) -> FacePath:
        drawn = self.model.image_pixels
        shown = max(drawn, SHOWN_PIXELS)
        mark = Mark(self.model.name, seed, enlargement(drawn, shown))
        files = [encode_picture(Image.fromarray(face), "JPEG", mark) for face in enlarge(faces, shown)]
        return FacePath([_data_uri(file) for file in files], list(stops), mark.note, seed, observer.warnings)


def _crop(name: str, path: Path, detect: bool) -> Faces:
    image = read_image(path, lambda _: None)
    if not detect:
        return square_face(image, min(image.shape[:2]))
    boxes = find_faces(image, frontal_detector)
    if not boxes:
        raise DataError(
            f"{name}: no face from the front was found; choose another picture, or crop it to the face and switch off "
            f"the search for faces"
        )
    return crop_face(image, boxes[0])


def _real_jpeg(face: Faces) -> bytes:
    """Encode a picture of the user; it is not generated, and has no mark."""
    content = io.BytesIO()
    Image.fromarray(square_face(face, CROP_PIXELS)).save(content, format="JPEG", quality=85)
    return content.getvalue()


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
