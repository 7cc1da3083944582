"""Distances from drawn faces to the nearest training faces, without a judge, before a model is shared."""

from collections.abc import Callable

import torch
from torch import Tensor

from facegen.core.errors import FacegenError
from facegen.core.interfaces import Dataset
from facegen.core.nearest import nearest
from facegen.core.progress import Observer
from facegen.core.recipe.tables import Split
from facegen.data.loading.prepare import prepare_faces
from facegen.data.loading.rows import Rows
from facegen.evaluation.judging.judge import Judge
from facegen.inference.load import load_face_pipeline
from facegen.training.devices import device_of_finished
from facegen.training.face_pipeline import choose_noises, draw_each
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset

NUM_PEOPLE, NUM_NOISES, MAX_TRAINING_FACES, CHUNK_ROWS = 64, 4, 2000, 64
REAL_SPLITS: tuple[Split, ...] = ("heldout_people", "heldout_utterances")

Embed = Callable[[Tensor], Tensor]


@torch.no_grad()
def nearest_training_faces(run: Run, observer: Observer) -> list[str]:
    """Compare faces drawn for people of the training split with training faces.

    Distances are 1 - cos of the run's own face embeddings, or without a match stage on faces, of centred pixels. Those
    of real faces that the run has not seen are the scale: drawn faces much nearer than these repeat training faces.

    Returns:
        lines of text; why there are no distances, where the corpus cannot be read.
    """
    try:
        dataset = open_dataset(run.recipe)
        device = device_of_finished(run.recipe.run.device)
        embed, space = _embedding(run, device)
        pipeline = load_face_pipeline(run, device)
        settings = run.recipe.config("dataset").engine
        rows = Rows(dataset, settings, "train", pipeline.needs, device, observer, keep=False)
    except FacegenError as error:
        return [f"Distances to training faces are unknown: {error.problems[0]}"]
    batch = rows.fetch_plain(rows.choose(NUM_PEOPLE, 0, distinct_people=True))
    noises = choose_noises(pipeline.noise, NUM_NOISES, 0, device)
    drawn = draw_each(pipeline, pipeline.encode(batch), noises, 0).flatten(0, 1)
    gallery = _embedded(dataset, "train", embed)
    lines = [f"Distances to the nearest of {len(gallery)} training faces, 1 - cos of {space}:"]
    lines.append(_line("drawn faces", nearest(embed(drawn), gallery)[0]))
    for split in REAL_SPLITS:
        if len(dataset.clips(split)):
            lines.append(_line(f"real faces of {split}", nearest(_embedded(dataset, split, embed), gallery)[0]))
            break
    return lines


def _embedding(run: Run, device: torch.device) -> tuple[Embed, str]:
    """Return a function (B, H, W, 3) uint8 -> (B, d), and its name."""
    try:
        judge = Judge.of(run, "", device)
    except FacegenError:
        return _centred_pixels, "centred pixels"
    return lambda faces: _in_chunks(
        faces, lambda part: judge.embed(prepare_faces(part.to(device))).cpu()
    ), "the run's embeddings"


def _centred_pixels(faces: Tensor) -> Tensor:
    pixels = prepare_faces(faces.cpu()).flatten(1)
    return pixels - pixels.mean(dim=1, keepdim=True)


def _in_chunks(faces: Tensor, embed: Embed) -> Tensor:
    return torch.cat([embed(part) for part in faces.split(CHUNK_ROWS)])


def _embedded(dataset: Dataset, split: Split, embed: Embed) -> Tensor:
    """Embed the first face of at most MAX_TRAINING_FACES clips, evenly spread over a split."""
    clip = dataset.clips(split).clip
    chosen = clip[torch.linspace(0, len(clip) - 1, min(len(clip), MAX_TRAINING_FACES)).long()]
    return torch.cat([embed(dataset.faces(part, torch.zeros_like(part)).cpu()) for part in chosen.split(CHUNK_ROWS)])


def _line(label: str, distances: Tensor) -> str:
    quantiles = [float(distances.quantile(share)) for share in (0.0, 0.05, 0.5)]
    return f"  {label}: smallest {quantiles[0]:.3f}, 5% quantile {quantiles[1]:.3f}, median {quantiles[2]:.3f}"
