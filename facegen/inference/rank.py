"""Who belongs together, among given voices and faces, by a run's match stage."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.errors import CheckpointError, DataError
from facegen.core.interfaces import Direction
from facegen.core.progress import Observer
from facegen.data.loading.prepare import prepare_speech
from facegen.data.media.face_crops import NewDetector
from facegen.inference.load import load_matching
from facegen.inference.sample import read_face_row, read_speech_row
from facegen.training.distributed import Distributed
from facegen.training.runs.open_run import open_run_or_model


@torch.no_grad()
def tell(
    path: Path,
    speech: Sequence[Path],
    faces: Sequence[Path],
    *,
    direction: Direction,
    detect: NewDetector | None,
    observer: Observer | None = None,
) -> list[list[float]]:
    """Probabilities of candidates (Choi et al. 2020, Eq. 1).

    Args:
        path: the run folder.
        speech, faces: files.
        direction: voices query faces, or faces query voices.
        detect: makes the detector that finds the face in each picture first; None takes pictures as they are.
        observer: warned of files that have a fault and are used all the same.
    Returns:
        one row a query, one share a candidate.
    Raises:
        CheckpointError: the run has no match stage on speech.
        DataError: every file that cannot be read.
    """
    run = open_run_or_model(path)
    device = Distributed.join(run.recipe.run.device).device
    networks = load_matching(run, device)
    matcher, discriminator = networks.matcher, networks.discriminator
    hears = networks.encoders.needs == {"speech"}
    if matcher is None or discriminator is None or not (hears and matcher.needs_faces):
        raise CheckpointError(f"{path}: its match stage does not compare speech with faces")
    num_candidates = len(faces) if direction == "v2f" else len(speech)
    if matcher.max_candidates is not None and num_candidates > matcher.max_candidates:
        raise DataError(f"the run's matcher ranks {matcher.max_candidates} candidates at most, not {num_candidates}")
    problems: list[str] = []
    watch = observer or Observer()
    voices = _read_all(speech, lambda file: read_speech_row(file, run.data, watch), problems)
    pictures = _read_all(faces, lambda file: read_face_row(file, run.data, watch, detect=detect), problems)
    if problems:
        raise DataError(*problems)
    rows = torch.arange(len(speech), device=device)
    batch = Batch(
        faces=torch.empty(0), clip=rows, identity=torch.full_like(rows, -1), mismatched_rows=rows[:, None],
        speech=prepare_speech(torch.stack(voices).to(device)),
    )  # fmt: skip
    encoding = networks.encoders(batch).float()
    embedding = discriminator.embed(discriminator.features(torch.stack(pictures).to(device))).float()
    query, candidates = (encoding, embedding) if direction == "v2f" else (embedding, encoding)
    logits = matcher.logits(query, candidates.expand(len(query), -1, -1), direction=direction)
    shares: list[list[float]] = logits.softmax(dim=1).cpu().tolist()
    return shares


def _read_all(files: Sequence[Path], read: Callable[[Path], Tensor], problems: list[str]) -> list[Tensor]:
    found = []
    for file in files:
        try:
            found.append(read(file))
        except DataError as error:
            problems.extend(error.problems)
    return found
