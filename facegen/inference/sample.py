"""From somebody's own files and words to the rows that a run's parts read; no corpus needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.text.names import known_spelling
from facegen.core.text.suggest import did_you_mean
from facegen.data.loading.caption_codes import encode_captions
from facegen.data.loading.prepare import fit_speech, prepare_faces, prepare_speech
from facegen.data.media.audio_decoding import read_speech
from facegen.data.media.face_crops import NewDetector, crop_face, find_faces
from facegen.data.media.images import read_image, square_face
from facegen.data.media.media_files import OnWarning

SHOWN_NAMES = 20


@dataclass(frozen=True)
class Subject:
    """Who is to be drawn: whatever the run's conditioners read.

    Attributes:
        label: for file names and pictures.
        speech: a file with sound.
        name: of a person that the run was trained on.
        text: a sentence.
    """

    label: str
    speech: Path | None = None
    name: str | None = None
    text: str | None = None


_GIVEN_BY = {"speech": ("speech", "--speech FILE"), "identity": ("name", "--name NAME"), "caption": ("text", "--text")}


def subjects_batch(
    subjects: Sequence[Subject],
    needs: frozenset[str],
    data: DataSpec,
    device: torch.device,
    observer: Observer | None = None,
) -> Batch:
    """Rows for subjects, prepared as in training.

    Args:
        subjects: one a row.
        needs: the Batch columns that the run's conditioners read.
        data: what the run was trained on.
        device: where the rows go.
        observer: warned of files that have a fault and are used all the same.
    Raises:
        DataError: everything that is missing, cannot be read, or was not trained on.
    """
    problems = [problem for subject in subjects for problem in _problems(subject, needs, data)]
    if problems:
        raise DataError(*dict.fromkeys(problems))
    rows = torch.arange(len(subjects))
    observer = observer or Observer()
    speech = [read_speech_row(subject.speech, data, observer) for subject in subjects if subject.speech is not None]
    names = [number_of(subject.name, data.identities) for subject in subjects]
    captions = [subject.text or "" for subject in subjects]
    return Batch(
        faces=torch.zeros(len(subjects), 3, data.image_pixels, data.image_pixels, device=device),
        clip=rows.to(device),
        identity=torch.tensor(names, device=device),
        mismatched_rows=rows[:, None].roll(1, 0).to(device),
        speech=prepare_speech(torch.stack(speech).to(device)) if "speech" in needs else None,
        caption=encode_captions(captions, data.caption_characters).to(device) if "caption" in needs else None,
    )


def number_of(name: str | None, identities: Sequence[str]) -> int:
    """The number of a person by their name, in whatever Unicode form; -1 where nobody has it."""
    known = None if name is None else known_spelling(name, identities)
    return -1 if known is None else list(identities).index(known)


def _problems(subject: Subject, needs: frozenset[str], data: DataSpec) -> list[str]:
    found = []
    for column in sorted(needs):
        if column not in _GIVEN_BY:
            found.append(f"the run was trained on given {column} vectors, which cannot be given on the command line")
            continue
        field, option = _GIVEN_BY[column]
        if getattr(subject, field) is None:
            found.append(f"the run was trained on {column}: give it with {option}")
    unread = {field for field, _ in _GIVEN_BY.values()} - {_GIVEN_BY[column][0] for column in needs & set(_GIVEN_BY)}
    for field in sorted(unread):
        if getattr(subject, field) is not None:
            found.append(f"the run does not read a {field}; it was trained on {', '.join(sorted(needs))}")
    if "identity" in needs and subject.name is not None and number_of(subject.name, data.identities) < 0:
        known = data.identities if len(data.identities) <= SHOWN_NAMES else (*data.identities[:SHOWN_NAMES], "...")
        found.append(f"'{subject.name}' is nobody that the run was trained on{did_you_mean(subject.name, known)}")
    return found


def read_speech_row(path: Path, data: DataSpec, observer: Observer) -> Tensor:
    """A sound file at the run's rate and length: (samples,) int16; cropped or repeated.

    Args:
        path: the file.
        data: what the run was trained on.
        observer: warned where the file has a fault and is used all the same.
    Raises:
        DataError: it cannot be read, or holds no sound.
    """
    track = torch.from_numpy(read_speech(path, data.sample_rate_hz, _warner(path, observer)))
    return fit_speech(track, data.speech_samples)


def read_face_row(path: Path, data: DataSpec, observer: Observer, *, detect: NewDetector | None) -> Tensor:
    """A picture as training saw faces: (3, H, W) float in [-1, 1].

    Args:
        path, data, observer: as of `read_speech_row`.
        detect: makes the detector that finds the face first; None takes the picture for a cropped one.
    Raises:
        DataError: it cannot be read, or no face is found.
    """
    image = read_image(path, _warner(path, observer))
    if detect is not None:
        boxes = find_faces(image, detect)
        if not boxes:
            raise DataError(f"{path}: no frontal face was found; crop it yourself and leave --detect out")
        image = crop_face(image, boxes[0])
    return prepare_faces(torch.from_numpy(square_face(image, data.image_pixels))[None])[0]


def _warner(path: Path, observer: Observer) -> OnWarning:
    return lambda warning: observer.warn(f"{path}: {warning}")
