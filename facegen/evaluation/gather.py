"""Evidence for metrics, gathered from a run, a corpus and a judge."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.core.evidence import Evidence, Training
from facegen.core.interfaces import Dataset, Recogniser
from facegen.core.progress import Observer
from facegen.core.randomness import derived_seed
from facegen.core.recipe.tables import DataSettings, EvaluateSettings
from facegen.data.loading.prepare import prepare_faces, restore_faces
from facegen.data.loading.rows import Rows
from facegen.evaluation.evaluation_corpus import EvaluationCorpus
from facegen.evaluation.judge import Judge
from facegen.evaluation.recognition import Seen, recognise
from facegen.evaluation.training_faces import embed_faces, training_faces
from facegen.training.face_pipeline import FacePipeline, choose_noises, draw_each
from facegen.training.sample_grid import condition_label

BATCH_ROWS = 64


@dataclass(frozen=True)
class Subjects:
    """Rows to evaluate, and the face pipeline that draws them.

    Attributes:
        rows: the split.
        chosen: (N,) positions in it.
        settings: number of noises, and the seed of every draw.
        face pipeline: what draws; None in a run that only matches.
    """

    rows: Rows
    chosen: Tensor
    settings: EvaluateSettings
    face_pipeline: FacePipeline | None


def choose_subjects(
    dataset: Dataset,
    request: DataSettings,
    settings: EvaluateSettings,
    pipeline: FacePipeline | None,
    judge_needs: frozenset[str],
    device: torch.device,
    observer: Observer,
) -> Subjects:
    """Choose rows of the split, in an order fixed by the seed.

    Args:
        dataset, request: the corpus, and how its rows are cropped.
        settings: which rows, and how many.
        face pipeline: what will draw them.
        judge_needs: the Batch columns that the judge will read.
        device: where batches go.
        observer: told what is loaded.
    Raises:
        DataError: the split is empty, lacks a column, or holds people whom run or judge cannot know.
    """
    run_needs = frozenset[str]() if pipeline is None else pipeline.needs
    rows = Rows(dataset, request, settings.split, run_needs | judge_needs, device, observer, keep=False)
    if "identity" in rows.needs and bool((rows.clips.identity < 0).any()):
        who = "the run draws" if "identity" in run_needs else "its judge tells"
        raise DataError(
            f"{who} people by name, and those of '{settings.split}' are not among the names of the training split; "
            f"evaluate known people with --split heldout_utterances, or with --split train"
        )
    return Subjects(rows, rows.choose(settings.num_clips, settings.seed), settings, pipeline)


@torch.no_grad()
def gather(
    subjects: Subjects,
    judge: Judge,
    observer: Observer,
    *,
    reads: frozenset[str] = frozenset({"training"}),
    recognisers: Mapping[str, Recogniser] | None = None,
    baselines: Mapping[str, FacePipeline] | None = None,
    corpus: EvaluationCorpus | None = None,
) -> Evidence:
    """Draw faces for every row, and embed them and the real ones with the judge.

    Args:
        subjects: the rows, and what draws.
        judge: whose features and matching rule count.
        observer: told how far it is.
        reads: what the metrics read of the parts that are dear, "training".
        recognisers: {name: outside judge} that are asked, too.
        baselines: {name: another run's face pipeline} that draws the same rows.
        corpus: how the rows relate to the run; by default they are of its own corpus.
    """
    rows, settings = subjects.rows, subjects.settings
    dataset, clips = rows.dataset, rows.clips.select(subjects.chosen)
    # A clip that was held out is often its person's only one of that split; of training there are others.
    elsewhere = dataset.clips("train") if rows.split == "heldout_utterances" else None
    other = find_other_faces(rows.clips, subjects.chosen, elsewhere)
    seen = _see_all(subjects, judge, other, observer)
    key, cache = faces_key(subjects), _cache_of(dataset)
    # The frames and crops of `Rows.fetch_plain`.
    start = (clips.track_samples - rows.settings.speech_samples).clamp(min=0) // 2
    heard = start if "speech" in rows.needs else None
    shown = Seen(
        dataset, clips.clip, seen["real_faces"], seen.get("fake_faces"), other, heard, seen.get("fresh_faces")
    )  # fmt: skip
    return Evidence(
        judge=judge.name, split=settings.split, seed=settings.seed, person=clips.person, attributes=clips.attributes,
        encodings=seen["encodings"], real=seen["real"],
        real_other=seen["real_other"] if bool((other[0] >= 0).any()) else None,
        fake=seen.get("fake"), real_faces=seen["real_faces"], fake_faces=seen.get("fake_faces"),
        fresh=seen.get("fresh"), fresh_faces=seen.get("fresh_faces"),
        logits=judge.logits, max_candidates=judge.max_candidates,
        recognised=recognise(recognisers or {}, shown, key, cache, observer),
        training=_training(subjects, corpus, judge, observer) if "training" in reads else None,
        no_training="no training faces" if corpus is None or corpus.own is not None
        else "the run's own corpus, and with it the training faces, cannot be read",
        holds_training_faces=rows.split in ("train", "all") and (corpus is None or corpus.is_own),
        factors=dict(dataset.factors(clips.clip, torch.zeros_like(clips.clip))), factor_sides=dataset.factor_sides,
        embed=lambda faces: embed_faces(judge, faces), cache=cache, observer=observer, faces_key=key,
        condition=condition_label(judge.encoders.needs),
        baselines={
            name: _drawn_by(pipeline, subjects, judge, name, observer) for name, pipeline in (baselines or {}).items()
        },
    )  # fmt: skip


def _training(subjects: Subjects, corpus: EvaluationCorpus | None, judge: Judge, observer: Observer) -> Training | None:
    """Embed faces of the run's own training split; their people are -1 if another corpus is evaluated."""
    own = subjects.rows.dataset if corpus is None else corpus.own
    if subjects.face_pipeline is None or own is None:
        return None
    training = training_faces(own, judge, subjects.settings.seed, observer)
    is_own = corpus is None or corpus.is_own
    return training if is_own else replace(training, person=torch.full_like(training.person, -1))


def faces_key(subjects: Subjects) -> str:
    """Hash corpus, split and chosen rows: equal keys mean the same real faces in the same order."""
    rows, settings = subjects.rows, subjects.settings
    said = f"{rows.dataset.fingerprint()} {rows.dataset.spec.image_pixels} {rows.split} {settings.seed}".encode()
    return hashlib.sha256(said + rows.clips.clip[subjects.chosen].numpy().tobytes()).hexdigest()[:32]


def _cache_of(dataset: Dataset) -> Path | None:
    """Make the cache folder beside the corpus; None if it cannot be made."""
    folder = dataset.cache_dir / "evidence"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def _see_all(subjects: Subjects, judge: Judge, other: Tensor, observer: Observer) -> dict[str, Tensor]:
    pipeline, settings, num = subjects.face_pipeline, subjects.settings, len(subjects.chosen)
    noises, own = None, None
    if pipeline is not None:
        noises = choose_noises(pipeline.noise, settings.num_noises, settings.seed, judge.device)
        own = choose_noises(pipeline.noise, num, derived_seed(settings.seed, "own noise"), judge.device)
    found: dict[str, list[Tensor]] = {}
    observer.start(f"draw {settings.split}" if pipeline is not None else f"encode {settings.split}", num)
    for places in torch.arange(num).split(BATCH_ROWS):
        for name, values in _look(subjects, places, other[:, places], judge, noises, own).items():
            found.setdefault(name, []).append(values.cpu())
        observer.advance(int(places[-1]) + 1)
    observer.finish()
    return {name: torch.cat(parts) for name, parts in found.items()}


def _look(
    subjects: Subjects, places: Tensor, other: Tensor, judge: Judge, noises: Tensor | None, own: Tensor | None
) -> dict[str, Tensor]:
    rows, pipeline = subjects.rows, subjects.face_pipeline
    batch = rows.fetch_plain(subjects.chosen[places])
    real = judge.embed(batch.faces)
    seen = {"encodings": judge.encode(batch), "real": real, "real_faces": restore_faces(batch.faces)}
    seen["real_other"] = torch.full_like(real, torch.nan)
    there = other[0] >= 0
    if bool(there.any()):
        clip, frame = other[:, there].to(rows.device)
        faces = rows.dataset.faces(clip, frame)
        seen["real_other"][there.to(rows.device)] = judge.embed(prepare_faces(faces.to(rows.device)))
    if pipeline is not None and noises is not None and own is not None:
        encoding = pipeline.encode(batch)
        # What a run draws at random beside the noise differs from batch to batch, and is the same at every call.
        seed = derived_seed(subjects.settings.seed, "batch", int(places[0]))
        drawn = draw_each(pipeline, encoding, noises, seed)
        fresh = draw_each(pipeline, encoding, own[places][None], derived_seed(seed, "own noise"))
        # Judged as stored, in 8 bits, like the real ones.
        judged = [judge.embed(prepare_faces(faces.to(judge.device))) for faces in (*drawn.unbind(1), fresh[:, 0])]
        seen |= {"fake": torch.stack(judged[:-1], dim=1), "fake_faces": drawn}
        seen |= {"fresh": judged[-1], "fresh_faces": fresh[:, 0]}
    return seen


def _drawn_by(pipeline: FacePipeline, subjects: Subjects, judge: Judge, name: str, observer: Observer) -> Tensor:
    """Embed faces that another pipeline draws of the same rows, each under its own noise: (N, e)."""
    num, seed = len(subjects.chosen), subjects.settings.seed
    noises = choose_noises(pipeline.noise, num, derived_seed(seed, "own noise"), judge.device)
    parts = []
    observer.start(f"draw {subjects.rows.split} by {name}", num)
    for places in torch.arange(num).split(BATCH_ROWS):
        encoding = pipeline.encode(subjects.rows.fetch_plain(subjects.chosen[places]))
        faces = draw_each(pipeline, encoding, noises[places][None], derived_seed(seed, "rival", int(places[0])))
        parts.append(judge.embed(prepare_faces(faces[:, 0].to(judge.device))).cpu())
        observer.advance(int(places[-1]) + 1)
    observer.finish()
    return torch.cat(parts)


def find_other_faces(clips: Clips, chosen: Tensor, elsewhere: Clips | None) -> Tensor:
    """Find another face of the same person: in another clip, another split, or another frame of the clip.

    Args:
        clips: of the split.
        chosen: (N,) rows of it.
        elsewhere: clips of another split.
    Returns:
        (2, N) clip of the corpus and frame; -1 where the person has one face only.
    """
    other = find_other_rows(clips, chosen)
    found = torch.stack([clips.clip[other], clips.num_frames[other] - 1])
    found[:, other < 0] = -1
    if elsewhere is None or not len(elsewhere):
        return found
    alone = torch.nonzero((other < 0) | (other == chosen))[:, 0]
    order = elsewhere.person.argsort(stable=True)
    asked = clips.person[chosen[alone]]
    place = torch.searchsorted(elsewhere.person[order], asked).clamp(max=len(order) - 1)
    row = order[place]
    known = elsewhere.person[row] == asked
    found[:, alone[known]] = torch.stack([elsewhere.clip[row], elsewhere.num_frames[row] - 1])[:, known]
    return found


def find_other_rows(clips: Clips, chosen: Tensor) -> Tensor:
    """Find rows with another face of the same person: another clip, or the clip itself if it has several frames.

    Returns:
        (N,) rows of the split; -1 where the person has one face only.
    """
    order = clips.person.argsort(stable=True)
    person = clips.person[order]
    # The next row in this order is the person's next clip; after the last one, the first.
    first = torch.searchsorted(person, person)
    following = torch.arange(1, len(order) + 1)
    end = torch.searchsorted(person, person, right=True)
    following = torch.where(following < end, following, first)
    another = torch.empty_like(order)
    another[order] = order[following]
    another = another[chosen]
    return torch.where((another != chosen) | (clips.num_frames[chosen] > 1), another, -1)
