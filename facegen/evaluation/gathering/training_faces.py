"""Sample of training faces, for metrics of memorisation."""

import hashlib

import torch
from torch import Tensor

from facegen.core.cache import load_rendered, save_rendered
from facegen.core.evidence import Training
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.randomness import generator_for
from facegen.data.loading.prepare import prepare_faces
from facegen.evaluation.judging.judge import Judge

MOST_CLIPS = 2000
_CHUNK_ROWS = 64


def training_faces(dataset: Dataset, judge: Judge, seed: int, observer: Observer) -> Training:
    """Embed the first face of at most MOST_CLIPS clips of the training split, chosen by the seed."""
    clips = dataset.clips("train")
    order = torch.randperm(len(clips), generator=generator_for(seed, "training faces"))
    clips = clips.select(order[:MOST_CLIPS])
    faces = _faces(dataset, clips.clip, observer)
    factors = dict(dataset.factors(clips.clip, torch.zeros_like(clips.clip)))
    return Training(faces, embed_faces(judge, faces), clips.person, factors)


def embed_faces(judge: Judge, faces: Tensor) -> Tensor:
    """Embed faces with the judge, in chunks: (B, H, W, 3) uint8 -> (B, e) on the CPU."""
    parts = [judge.embed(prepare_faces(part.to(judge.device))).cpu() for part in faces.split(_CHUNK_ROWS)]
    return torch.cat(parts) if parts else torch.empty(0)


def _faces(dataset: Dataset, clip: Tensor, observer: Observer) -> Tensor:
    """Return the first faces of clips, from the cache if the corpus is rendered: (M, H, W, 3) uint8."""
    content_hash = hashlib.sha256(f"{dataset.fingerprint()} training faces".encode())
    content_hash.update(clip.numpy().tobytes())
    key = content_hash.hexdigest()[:32] if dataset.is_rendered else ""
    cached = load_rendered(key) if key else None
    if cached is not None:
        return cached["faces"]
    parts = []
    observer.start("training faces", len(clip))
    for rows in torch.arange(len(clip)).split(_CHUNK_ROWS):
        parts.append(dataset.faces(clip[rows], torch.zeros_like(rows)).cpu())
        observer.advance(int(rows[-1]) + 1)
    observer.finish()
    faces = torch.cat(parts)
    if key:
        save_rendered(key, {"faces": faces})
    return faces
