"""Rank voices for a face, or faces for a voice, with the match stage of a finished run."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.errors import CheckpointError, DataError
from facegen.core.interfaces import Direction
from facegen.core.progress import Observer
from facegen.data.loading.prepare import prepare_faces
from facegen.data.media.face_crops import NewDetector, crop_face, find_faces
from facegen.data.media.images import read_image, square_face
from facegen.inference.load import load_matching
from facegen.inference.sample import read_speech_row, speech_batch
from facegen.training.distributed import Distributed
from facegen.training.runs.run import Run


@torch.no_grad()
def rank(
    path: Path,
    speech: Sequence[Path],
    faces: Sequence[Path],
    *,
    direction: Direction,
    detect: NewDetector | None,
    observer: Observer | None = None,
) -> list[list[float]]:
    """Compute the probability of every candidate for every query (Choi et al. 2020, Eq. 1).

    Args:
        path: the run folder.
        speech, faces: files.
        direction: "v2f", voices query faces, or "f2v", faces query voices.
        detect: makes the detector that finds the face in each image; None if the images are cropped faces.
        observer: gets warnings about damaged files that can still be read.
    Returns:
        one row per query, one probability per candidate.
    Raises:
        CheckpointError: the run has no match stage that compares speech with faces.
        DataError: more candidates than the matcher can rank, or every file that cannot be read.
    """
    run = Run.open(path)
    device = Distributed.join(run.recipe.run.device).device
    networks = load_matching(run, device)
    matcher, discriminator = networks.matcher, networks.discriminator
    reads_speech = networks.encoders.needs == {"speech"}
    if matcher is None or discriminator is None or not (reads_speech and matcher.needs_faces):
        raise CheckpointError(f"{path}: its match stage does not compare speech with faces; choose another run")
    num_candidates = len(faces) if direction == "v2f" else len(speech)
    if matcher.max_candidates is not None and num_candidates > matcher.max_candidates:
        raise DataError(f"the run's matcher ranks {matcher.max_candidates} candidates at most, not {num_candidates}")
    problems: list[str] = []
    warned = observer or Observer()
    tracks = _read_all(speech, lambda file: read_speech_row(file, run.data, warned), problems)
    images = _read_all(faces, lambda file: read_face(file, run.data, warned, detect=detect), problems)
    if problems:
        raise DataError(*problems)
    encoding = networks.encoders(speech_batch(torch.stack(tracks).to(device))).float()
    embedding = discriminator.embed(discriminator.features(torch.stack(images).to(device))).float()
    query, candidates = (encoding, embedding) if direction == "v2f" else (embedding, encoding)
    logits = matcher.logits(query, candidates.expand(len(query), -1, -1), direction=direction)
    probabilities: list[list[float]] = logits.softmax(dim=1).cpu().tolist()
    return probabilities


def read_face(path: Path, data: DataSpec, observer: Observer, *, detect: NewDetector | None) -> Tensor:
    """Read an image as a face of the run's size: (3, H, W) float in [-1, 1].

    Args:
        path: the image.
        data: the corpus that the run was trained on.
        observer: gets a warning if the file is damaged and can still be read.
        detect: makes the detector that finds the face; None if the image is a cropped face.
    Raises:
        DataError: the image cannot be read, or no face is found in it.
    """
    image = read_image(path, lambda warning: observer.warn(f"{path}: {warning}"))
    if detect is not None:
        boxes = find_faces(image, detect)
        if not boxes:
            raise DataError(f"{path}: no frontal face was found; crop the face yourself and omit --detect")
        image = crop_face(image, boxes[0])
    return prepare_faces(torch.from_numpy(square_face(image, data.image_pixels))[None])[0]


def _read_all(files: Sequence[Path], read: Callable[[Path], Tensor], problems: list[str]) -> list[Tensor]:
    tensors = []
    for file in files:
        try:
            tensors.append(read(file))
        except DataError as error:
            problems.extend(error.problems)
    return tensors
