"""Scores of pairs of a voice and a face, for benchmarks."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.errors import DataError
from facegen.core.files import write_file
from facegen.core.progress import Observer
from facegen.data.media.face_crops import NewDetector
from facegen.inference.inputs import read_faces, read_speech_row
from facegen.inference.pair_list import Pair, RejectedPair
from facegen.inference.rank import SpeechFaceMatching

_BATCH_FILES = 64


def score_pairs(
    matching: SpeechFaceMatching,
    data: DataSpec,
    pairs: Sequence[Pair],
    observer: Observer,
    *,
    detect: NewDetector | None = None,
) -> tuple[list[tuple[Pair, float]], list[RejectedPair]]:
    """Score pairs; a lower score is a better fit, as of a distance. Each file is read once.

    Args:
        matching: match stage of a run.
        data: corpus that the run was trained on.
        pairs: the pairs.
        observer: receives progress, and warnings about damaged files that can still be read.
        detect: makes a detector that finds the face in each image; None for cropped faces.
    Returns:
        pairs with their scores, in order, and the pairs whose files cannot be read.
    Raises:
        DataError: the run's matcher does not score single pairs.
    """
    matching.require_pair_scores()

    def read_speech(path: Path) -> Tensor:
        return read_speech_row(path, data, observer, whole_seconds=matching.encoders.whole_speech_seconds)

    def read_face(path: Path) -> Tensor:
        return read_faces(path, data, observer, detect=detect)[0]

    voices = _encode_files([pair.speech for pair in pairs], read_speech, matching.encode, "voices", observer)

    def embed(faces: Sequence[Tensor]) -> Tensor:
        return matching.embed(torch.stack(list(faces)))

    faces = _encode_files([pair.face for pair in pairs], read_face, embed, "faces", observer)
    scored, rejected = [], []
    for pair in pairs:
        voice, face = voices[pair.speech], faces[pair.face]
        if isinstance(voice, Tensor) and isinstance(face, Tensor):
            scored.append((pair, matching.distance(voice, face)))
        else:
            reasons = [reason for reason in (voice, face) if isinstance(reason, str)]
            rejected.append(RejectedPair(pair.line, pair.id, "; ".join(reasons)))
    return scored, rejected


def _encode_files(
    paths: Iterable[Path],
    read: Callable[[Path], Tensor],
    encode: Callable[[Sequence[Tensor]], Tensor],
    name: str,
    observer: Observer,
) -> dict[Path, Tensor | str]:
    """Encode every file once: {path: its encoding, or the reason why it cannot be read}."""
    unique = list(dict.fromkeys(paths))
    results: dict[Path, Tensor | str] = {}
    observer.start(f"encode {name}", len(unique))
    for start in range(0, len(unique), _BATCH_FILES):
        rows: dict[Path, Tensor] = {}
        for path in unique[start : start + _BATCH_FILES]:
            try:
                rows[path] = read(path)
            except DataError as error:
                results[path] = "; ".join(error.problems)
        if rows:
            results |= dict(zip(rows, encode(list(rows.values())).cpu().unbind(), strict=True))
        observer.advance(min(start + _BATCH_FILES, len(unique)))
    observer.finish()
    return results


def write_scores(path: Path, scored: Sequence[tuple[Pair, float]]) -> None:
    """Write one line `id score` per pair."""
    write_file(path, "".join(f"{pair.id} {score:.6f}\n" for pair, score in scored))


def rejects_path(path: Path) -> Path:
    """Return the path of the table of rejected lines, beside the scores."""
    return path.with_name(f"{path.stem}.rejected.csv")


def write_rejects(path: Path, rejected: Sequence[RejectedPair]) -> None:
    """Write the table of rejected lines."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["line", "id", "reason"])
    writer.writerows((reject.line, reject.id, reject.reason) for reject in sorted(rejected, key=lambda row: row.line))
    write_file(path, text.getvalue())
