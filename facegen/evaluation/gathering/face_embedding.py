"""Real and generated faces of the evaluated rows, and the judge's embeddings of them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.progress import Observer
from facegen.core.randomness import derived_seed
from facegen.data.loading.prepare import prepare_faces, restore_faces
from facegen.evaluation.gathering.subjects import Subjects
from facegen.evaluation.judging.judge import Judge
from facegen.training.face_pipeline import FacePipeline, choose_noises, draw_each

BATCH_ROWS = 64


@dataclass(frozen=True)
class EmbeddedRows:
    """Faces and embeddings of N rows, on the CPU; the generated ones are None for a run that only matches.

    Attributes:
        encodings: (N, d) the judge's encodings of the conditions.
        real: (N, e) embeddings of the real faces.
        real_other: (N, e) embeddings of another real face of the same person; NaN where there is none.
        real_faces: (N, H, W, 3) uint8.
        fake: (N, Z, e) embeddings of generated faces under the Z noises that all rows share.
        fake_faces: (N, Z, H, W, 3) uint8.
        fresh: (N, e) embeddings of one further generated face per row, under the row's own noise.
        fresh_faces: (N, H, W, 3) uint8.
    """

    encodings: Tensor
    real: Tensor
    real_other: Tensor
    real_faces: Tensor
    fake: Tensor | None = None
    fake_faces: Tensor | None = None
    fresh: Tensor | None = None
    fresh_faces: Tensor | None = None


def embed_rows(subjects: Subjects, judge: Judge, other: Tensor, observer: Observer) -> EmbeddedRows:
    """Draw faces for every row, and embed the generated and the real faces with the judge.

    Args:
        subjects: the rows, and the face pipeline.
        judge: the judge.
        other: (2, N) clip and frame of another face of the same person; -1 where there is none.
        observer: receives the progress.
    """
    pipeline, settings, num = subjects.face_pipeline, subjects.settings, len(subjects.chosen)
    shared_noises, own_noises = None, None
    if pipeline is not None:
        shared_noises = choose_noises(pipeline.noise, settings.num_noises, settings.seed, judge.device)
        own_noises = choose_noises(pipeline.noise, num, derived_seed(settings.seed, "own noise"), judge.device)
    batches: dict[str, list[Tensor]] = {}
    observer.start(f"draw {settings.split}" if pipeline is not None else f"encode {settings.split}", num)
    for indices in torch.arange(num).split(BATCH_ROWS):
        batch = subjects.rows.fetch_plain(subjects.chosen[indices])
        embedded = _embed_real(subjects, batch, other[:, indices], judge)
        if pipeline is not None and shared_noises is not None and own_noises is not None:
            # Random draws of the pipeline other than the noise differ between batches, and are equal in every call.
            seed = derived_seed(settings.seed, "batch", int(indices[0]))
            embedded |= _embed_generated(pipeline, batch, judge, shared_noises, own_noises[indices], seed)
        for name, values in embedded.items():
            batches.setdefault(name, []).append(values.cpu())
        observer.advance(int(indices[-1]) + 1)
    observer.finish()
    return EmbeddedRows(**{name: torch.cat(parts) for name, parts in batches.items()})


def _embed_real(subjects: Subjects, batch: Batch, other: Tensor, judge: Judge) -> dict[str, Tensor]:
    """Embed conditions, real faces and second real faces of a batch."""
    rows = subjects.rows
    real = judge.embed(batch.faces)
    real_other = torch.full_like(real, torch.nan)
    has_other = other[0] >= 0
    if bool(has_other.any()):
        clip, frame = other[:, has_other].to(rows.device)
        faces = rows.dataset.faces(clip, frame)
        real_other[has_other.to(rows.device)] = judge.embed(prepare_faces(faces.to(rows.device)))
    return {
        "encodings": judge.encode(batch),
        "real": real,
        "real_other": real_other,
        "real_faces": restore_faces(batch.faces),
    }


def _embed_generated(
    pipeline: FacePipeline, batch: Batch, judge: Judge, shared_noises: Tensor, own_noises: Tensor, seed: int
) -> dict[str, Tensor]:
    """Draw and embed the faces of a batch, under the shared noises and under the rows' own."""
    encoding = pipeline.encode(batch)
    fake_faces = draw_each(pipeline, encoding, shared_noises, seed)
    fresh_faces = draw_each(pipeline, encoding, own_noises[None], derived_seed(seed, "own noise"))[:, 0]
    # Generated faces are embedded as stored, in 8 bits, like the real ones.
    embeddings = [judge.embed(prepare_faces(faces.to(judge.device))) for faces in (*fake_faces.unbind(1), fresh_faces)]
    return {
        "fake": torch.stack(embeddings[:-1], dim=1),
        "fake_faces": fake_faces,
        "fresh": embeddings[-1],
        "fresh_faces": fresh_faces,
    }


def embed_baseline(pipeline: FacePipeline, subjects: Subjects, judge: Judge, name: str, observer: Observer) -> Tensor:
    """Draw the rows with a baseline's face pipeline, each under its own noise, and embed the faces: (N, e)."""
    num, seed = len(subjects.chosen), subjects.settings.seed
    noises = choose_noises(pipeline.noise, num, derived_seed(seed, "own noise"), judge.device)
    embeddings = []
    observer.start(f"draw {subjects.rows.split} by {name}", num)
    for indices in torch.arange(num).split(BATCH_ROWS):
        encoding = pipeline.encode(subjects.rows.fetch_plain(subjects.chosen[indices]))
        faces = draw_each(pipeline, encoding, noises[indices][None], derived_seed(seed, "rival", int(indices[0])))
        embeddings.append(judge.embed(prepare_faces(faces[:, 0].to(judge.device))).cpu())
        observer.advance(int(indices[-1]) + 1)
    observer.finish()
    return torch.cat(embeddings)
