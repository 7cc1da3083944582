"""Sample faces of people with a finished run, from speech files, names and sentences; no corpus is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.core.batch import IDENTITY_IMAGE, Batch, DataSpec
from facegen.core.distribution import Distribution
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.text.caption_codes import encode_captions
from facegen.core.text.names import known_spelling
from facegen.core.text.suggest import did_you_mean
from facegen.data.loading.prepare import prepare_speech
from facegen.data.media.face_crops import NewDetector
from facegen.inference.domain import warn_outside
from facegen.inference.inputs import Face, Speech, read_faces, read_speech_row
from facegen.training.face_pipeline import Encoders, FacePipeline, choose_noises, draw_each
from facegen.training.runs.conditions import drawn_conditions
from facegen.training.sample_grid import condition_label

SHOWN_NAMES = 20
"""Number of names that an error lists."""


@dataclass(frozen=True)
class Subject:
    """A person to sample faces of, by what the run's conditioners read.

    Attributes:
        label: name in files and pictures.
        speech: file with sound, or samples.
        name: of a person that the run was trained on.
        text: a sentence.
        sample_rate_hz: of samples.
        face: one image of the person.
        detect: makes the detector that finds the face in the image; None if the image is a cropped face.
    """

    label: str
    speech: Speech | None = None
    name: str | None = None
    text: str | None = None
    sample_rate_hz: int | None = None
    face: Face | None = None
    detect: NewDetector | None = None


OPTIONS = {
    "speech": ("speech", "--speech FILE"),
    "identity": ("name", "--name NAME"),
    "caption": ("text", "--text"),
    IDENTITY_IMAGE: ("face", "--face IMAGE"),
}
"""{column of a Batch: (field of a Subject, option of the command line)}."""


@torch.no_grad()
def sample(
    pipeline: FacePipeline,
    data: DataSpec,
    subjects: Sequence[Subject],
    num_faces: int,
    seed: int,
    device: torch.device,
    observer: Observer | None = None,
    training: Distribution | None = None,
) -> Tensor:
    """Sample faces of people.

    Args:
        pipeline: of a run, on the device.
        data: the corpus that it was trained on.
        subjects: the people.
        num_faces: faces per person; all people have the same noises.
        seed: of the noises and of everything else that is random.
        device: of the pipeline.
        observer: gets warnings about damaged files that can still be read, and about people unlike the training ones.
        training: distribution of the training conditions; None for no comparison.
    Returns:
        (subjects, num_faces, H, W, 3) uint8 on the CPU.
    Raises:
        DataError: every subject that cannot be read.
    """
    noises = choose_noises(pipeline.noise, num_faces, seed, device)
    encoding = encode_subjects(pipeline, subjects, data, device, observer)
    warn_unlike(pipeline, encoding, subjects, training, observer or Observer())
    return draw_each(pipeline, encoding, noises, seed)


def warn_unlike(
    pipeline: FacePipeline,
    encoding: Tensor,
    subjects: Sequence[Subject],
    training: Distribution | None,
    observer: Observer,
) -> None:
    """Warn about people unlike the training ones; without their distribution, do nothing."""
    if training is not None:
        labels = [subject.label or f"person {number}" for number, subject in enumerate(subjects, 1)]
        conditions = drawn_conditions(pipeline, encoding)
        warn_outside(training, conditions, labels, condition_label(pipeline.needs), observer)


def encode_subjects(
    pipeline: FacePipeline,
    subjects: Sequence[Subject],
    data: DataSpec,
    device: torch.device,
    observer: Observer | None = None,
) -> Tensor:
    """Encode subjects, with whole recordings where the encoders read speech of any length: (B, dim).

    Raises:
        DataError: every value that is missing, cannot be read, or is unknown to the run.
    """
    require_subjects(subjects, pipeline.needs, data)
    seconds = pipeline.whole_speech_seconds
    groups = [subjects] if seconds is None else [[subject] for subject in subjects]
    batches = (subjects_batch(group, pipeline.needs, data, device, observer, seconds) for group in groups)
    return torch.cat([pipeline.encode(batch) for batch in batches])


def require_subjects(subjects: Sequence[Subject], needs: frozenset[str], data: DataSpec) -> None:
    """Check that subjects have what a run reads.

    Raises:
        DataError: every value that is missing, or is unknown to the run.
    """
    problems = [problem for subject in subjects for problem in _subject_problems(subject, needs, data)]
    if problems:
        raise DataError(*dict.fromkeys(problems))


def subjects_batch(
    subjects: Sequence[Subject],
    needs: frozenset[str],
    data: DataSpec,
    device: torch.device,
    observer: Observer | None = None,
    whole_seconds: float | None = None,
) -> Batch:
    """Read and prepare subjects as in training, one row per subject; faces are blank.

    Args:
        subjects: the people.
        needs: Batch columns that the run's conditioners read.
        data: the corpus that the run was trained on.
        device: of the batch.
        observer: gets warnings about damaged files that can still be read.
        whole_seconds: as in `read_speech_row`; of several subjects, all recordings must then have one length.
    Raises:
        DataError: every value that is missing, cannot be read, or is unknown to the run.
    """
    require_subjects(subjects, needs, data)
    rows = torch.arange(len(subjects))
    observer = observer or Observer()
    speech = [
        read_speech_row(subject.speech, data, observer, subject.sample_rate_hz, whole_seconds)
        for subject in subjects
        if subject.speech is not None
    ]
    identities = [identity_index(subject.name, data.identities) for subject in subjects]
    captions = [subject.text or "" for subject in subjects]
    return Batch(
        faces=torch.zeros(len(subjects), 3, data.image_pixels, data.image_pixels, device=device),
        clip=rows.to(device),
        identity=torch.tensor(identities, device=device),
        mismatched_rows=rows[:, None].roll(1, 0).to(device),
        speech=prepare_speech(torch.stack(speech).to(device)) if "speech" in needs else None,
        caption=encode_captions(captions, data.caption_characters).to(device) if "caption" in needs else None,
        identity_image=_identity_images(subjects, data, observer).to(device) if IDENTITY_IMAGE in needs else None,
    )


def encode_speeches(encoders: Encoders, speeches: Sequence[Tensor], device: torch.device) -> Tensor:
    """Encode recordings, (samples,) int16 each, all at once where they have one length: (B, dim) float32."""
    same_length = len({len(speech) for speech in speeches}) == 1
    groups = [torch.stack(list(speeches))] if same_length else [speech[None] for speech in speeches]
    return torch.cat([encoders(speech_batch(group.to(device))).float() for group in groups])


def _identity_images(subjects: Sequence[Subject], data: DataSpec, observer: Observer) -> Tensor:
    """Read one face per subject: (B, 3, H, W)."""
    images: list[Tensor] = []
    problems: list[str] = []
    for subject in subjects:
        try:
            faces = read_faces([] if subject.face is None else subject.face, data, observer, detect=subject.detect)
        except DataError as error:
            problems += error.problems
            continue
        if len(faces) > 1:
            problems.append(f"{len(faces)} faces of one person are given; give one")
        images.append(faces[0])
    if problems:
        raise DataError(*problems)
    return torch.stack(images)


def speech_batch(speech: Tensor) -> Batch:
    """Build a batch that holds speech alone, for encoders that read nothing else.

    Args:
        speech: (B, samples) int16, at the run's rate and length.
    """
    rows = torch.arange(len(speech), device=speech.device)
    return Batch(
        faces=torch.empty(0), clip=rows, identity=torch.full_like(rows, -1), mismatched_rows=rows[:, None],
        speech=prepare_speech(speech),
    )  # fmt: skip


def identity_index(name: str | None, identities: Sequence[str]) -> int:
    """Look up the index of a person by name, in any Unicode form; -1 if the run does not know the name."""
    known = None if name is None else known_spelling(name, identities)
    return -1 if known is None else list(identities).index(known)


def unknown_name(name: str, identities: Sequence[str]) -> str:
    """Explain that a run does not know a name, with the names that it knows."""
    suggestion = did_you_mean(name, identities, SHOWN_NAMES)
    return f"'{name}' is an unknown name: the run knows {len(identities)} names{suggestion}"


def _subject_problems(subject: Subject, needs: frozenset[str], data: DataSpec) -> list[str]:
    problems = []
    for column in sorted(needs):
        if column not in OPTIONS:
            problems.append(f"the run was trained on {column} vectors, which no option of the command line can give")
            continue
        field, option = OPTIONS[column]
        if getattr(subject, field) is None:
            problems.append(f"the run was trained on {column}: give it with {option}")
    unread = {field for field, _ in OPTIONS.values()} - {OPTIONS[column][0] for column in needs & set(OPTIONS)}
    for field in sorted(unread):
        if getattr(subject, field) is not None:
            problems.append(f"the run does not read a {field}; it was trained on {', '.join(sorted(needs))}")
    if "identity" in needs and subject.name is not None and identity_index(subject.name, data.identities) < 0:
        problems.append(unknown_name(subject.name, data.identities))
    return problems
