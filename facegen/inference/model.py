"""A trained run in Python: sample, encode, embed and rank."""

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facegen.core.arguments import Count, Integer, checked
from facegen.core.errors import CheckpointError, DataError
from facegen.core.interfaces import Direction
from facegen.core.progress import Observer
from facegen.data.media.face_crops import NewDetector
from facegen.data.media.generated_media import set_mark
from facegen.data.media.marking import Mark
from facegen.inference.domain import warn_outside
from facegen.inference.face_pictures import check_amount
from facegen.inference.inputs import Face, Speech, read_faces, read_speeches
from facegen.inference.load import load_face_pipeline
from facegen.inference.rank import SpeechFaceMatching
from facegen.inference.sample import Subject, encode_speeches, sample
from facegen.training.devices import device_of_finished
from facegen.training.face_pipeline import FacePipeline
from facegen.training.runs.conditions import Distributions, read_conditions
from facegen.training.runs.run import Run


class WarningsObserver(Observer):
    """Observer that turns warnings into Python warnings and ignores progress."""

    def warn(self, message: str) -> None:
        warnings.warn(message, stacklevel=3)


class Model:
    """A trained run, for sampling and matching; networks are loaded on first use.

    Speech is a file, or samples as an array or tensor with their sample_rate_hz: (samples,) or (channels, samples),
    int16, int32, or floats from -1 to 1. Faces are files, Pillow images, uint8 arrays or tensors (H, W, 3), or float
    tensors (3, H, W) from -1 to 1, cropped like the training faces.

    Args:
        run: the run.
        observer: gets warnings about damaged files that can still be read; without, they are Python warnings.
    Attributes:
        run: the run.
        device: of the networks, by the recipe's [run] device.
    """

    def __init__(self, run: Run, observer: Observer | None = None) -> None:
        self.run = run
        self._observer = observer or WarningsObserver()
        self.device = device_of_finished(run.recipe.run.device, observer)

    @property
    def name(self) -> str:
        """Name of the run's folder, or of the model file."""
        return self.run.name

    @property
    def image_pixels(self) -> int:
        """Side of the faces."""
        return self.run.data.image_pixels

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the people that the run was trained on."""
        return self.run.data.identities

    @cached_property
    def _distributions(self) -> Distributions:
        return read_conditions(self.run.path)

    @cached_property
    def pipeline(self) -> FacePipeline:
        """Encoders, transforms and generator.

        Raises:
            CheckpointError: the run has no trained generator.
        """
        return load_face_pipeline(self.run, self.device)

    @cached_property
    def matching(self) -> SpeechFaceMatching:
        """Encoders, discriminator and matcher of the match stage.

        Raises:
            CheckpointError: the run has no match stage that compares speech with faces.
        """
        return SpeechFaceMatching(self.run, self.device)

    @checked
    def sample(
        self,
        *,
        speech: Speech | None = None,
        name: str | None = None,
        text: str | None = None,
        sample_rate_hz: Integer | None = None,
        face: Face | None = None,
        detect: NewDetector | None = None,
        count: Count = 8,
        seed: Integer = 0,
    ) -> list[Image.Image]:
        """Sample faces of one person, from what the run was trained on.

        `facegen.save_picture` writes them with the mark that they are generated; Pillow's own `save` writes no mark.

        Args:
            speech: a recording.
            name: of a person that the run was trained on.
            text: a sentence.
            sample_rate_hz: of speech that is given as samples.
            face: one image of the person.
            detect: makes a detector that finds the face in the image; None for a cropped face.
            count: number of faces.
            seed: of the noise.
        Raises:
            CheckpointError: the run has no trained generator.
            DataError: something that the run was trained on is missing, or cannot be read.
        """
        subject = Subject("", speech, name, text, sample_rate_hz, face, detect)
        faces = self.sample_people([subject], count=count, seed=seed)
        return [set_mark(Image.fromarray(face), Mark(self.name, seed)) for face in faces[0]]

    @checked
    def sample_people(self, subjects: Sequence[Subject], *, count: Count = 8, seed: Integer = 0) -> NDArray[np.uint8]:
        """Sample faces of several people, all with the same noises: (people, count, H, W, 3) uint8.

        Args:
            subjects: the people.
            count: number of faces per person.
            seed: of the noise.
        Raises:
            CheckpointError, DataError: as in `sample`.
        """
        if not subjects:
            raise DataError("there are no people to draw; give at least one")
        check_amount(len(subjects) * count, self.image_pixels)
        pipeline, data = self.pipeline, self.run.data
        training = self._distributions.get("drawn")
        return sample(pipeline, data, subjects, count, seed, self.device, self._observer, training).numpy()

    @checked
    @torch.no_grad()
    def encode(self, speech: Speech | Sequence[Speech], sample_rate_hz: Integer | None = None) -> Tensor:
        """Encode recordings: (B, d) on the CPU.

        The encoders are those of the match stage, whose encodings are compared with `embed_faces`; in a run without
        one, those of the face pipeline.

        Args:
            speech: one recording, or a list.
            sample_rate_hz: of speech that is given as samples.
        Raises:
            CheckpointError: the run's encoders do not read speech alone.
            DataError: every recording that cannot be read.
        """
        is_matched = self.run.recipe.optional_config("matcher") is not None
        encoders = self.matching.encoders if is_matched else self.pipeline.encoders
        if encoders.needs != {"speech"}:
            needs = ", ".join(sorted(encoders.needs))
            raise CheckpointError(f"{self.run.path}: its encoders read {needs}, not speech alone; choose another run")
        seconds = encoders.whole_speech_seconds
        rows = read_speeches(speech, sample_rate_hz, self.run.data, self._observer, seconds)
        return encode_speeches(encoders, rows, self.device).cpu()

    @checked
    def embed_faces(self, faces: Face | Sequence[Face], *, detect: NewDetector | None = None) -> Tensor:
        """Embed faces with the match stage: (B, e) on the CPU.

        Args:
            faces: one face, or several.
            detect: makes a detector that finds the face in each image; None for cropped faces.
        Raises:
            CheckpointError: the run has no match stage that compares speech with faces.
            DataError: every face that cannot be read.
        """
        return self.matching.embed(read_faces(faces, self.run.data, self._observer, detect=detect)).cpu()

    @checked
    def rank(
        self,
        speech: Speech | Sequence[Speech],
        faces: Face | Sequence[Face],
        *,
        direction: Direction = "v2f",
        sample_rate_hz: Integer | None = None,
        detect: NewDetector | None = None,
    ) -> NDArray[np.float32]:
        """Compute the probability of every candidate for every query; rows sum to one.

        Args:
            speech: one recording, or a list.
            faces: one face, or several.
            direction: "v2f" ranks the faces for each recording, "f2v" the recordings for each face.
            sample_rate_hz: of speech that is given as samples.
            detect: makes a detector that finds the face in each image; None for cropped faces.
        Returns:
            (recordings, faces) for "v2f", (faces, recordings) for "f2v".
        Raises:
            CheckpointError: the run has no match stage that compares speech with faces.
            DataError: everything that cannot be read, or more candidates than the matcher can rank.
        """
        matching, data, problems = self.matching, self.run.data, list[str]()
        rows, images, seconds = list[Tensor](), torch.empty(0), matching.encoders.whole_speech_seconds
        try:
            rows = read_speeches(speech, sample_rate_hz, data, self._observer, seconds)
        except DataError as error:
            problems += error.problems
        try:
            images = read_faces(faces, data, self._observer, detect=detect)
        except DataError as error:
            problems += error.problems
        if problems:
            raise DataError(*problems)
        matching.require_candidates(len(images) if direction == "v2f" else len(rows))
        encoding, embedding, training = matching.encode(rows), matching.embed(images), self._distributions
        warn_outside(training.get("matched"), encoding, _labels(speech, len(rows), "voice"), "voice", self._observer)
        warn_outside(training.get("face"), embedding, _labels(faces, len(images), "face"), "face", self._observer)
        probabilities: NDArray[np.float32] = matching.probabilities(encoding, embedding, direction).numpy()
        return probabilities


def _labels(inputs: object, num: int, noun: str) -> list[str]:
    """Name the rows of inputs: by their paths, or by numbers."""
    several = inputs if isinstance(inputs, list | tuple) else [inputs]
    if len(several) == num and all(isinstance(one, str | Path) for one in several):
        return [str(one) for one in several]
    return [f"{noun} {number}" for number in range(1, num + 1)]
