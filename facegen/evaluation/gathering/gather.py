"""Evidence for metrics, gathered from a run, a corpus and a judge."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Training
from facegen.core.interfaces import Dataset, Recogniser
from facegen.core.progress import Observer
from facegen.evaluation.evaluation_corpus import EvaluationCorpus
from facegen.evaluation.gathering.face_embedding import EmbeddedRows, embed_baseline, embed_rows
from facegen.evaluation.gathering.other_faces import find_other_faces
from facegen.evaluation.gathering.subjects import Subjects, faces_key
from facegen.evaluation.gathering.training_faces import embed_faces, training_faces
from facegen.evaluation.judging.judge import Judge
from facegen.evaluation.judging.recognition import RecogniserInputs, recognise
from facegen.training.face_pipeline import FacePipeline
from facegen.training.sample_grid import condition_label

_CHUNK_ROWS = 256
_UNREADABLE = "the run's own corpus, and with it the training faces, cannot be read"


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
        subjects: the rows, and the face pipeline.
        judge: supplies the embeddings and the matching rule.
        observer: receives the progress.
        reads: the expensive parts of the evidence that the metrics read; "training" is the only one.
        recognisers: {name: recogniser} whose embeddings are added.
        baselines: {name: another run's face pipeline} that draws the same rows.
        corpus: the evaluated corpus and its relation to the run; by default the run's own corpus.
    """
    rows = subjects.rows
    dataset, clips = rows.dataset, rows.clips.select(subjects.chosen)
    # Most people of heldout_utterances have one clip there, and others in the training split.
    elsewhere = dataset.clips("train") if rows.split == "heldout_utterances" else None
    other = find_other_faces(rows.clips, subjects.chosen, elsewhere)
    embedded = embed_rows(subjects, judge, other, observer)
    key, cache = faces_key(subjects), _cache_folder(dataset)
    inputs = _recogniser_inputs(subjects, embedded, other)
    condition = condition_label(judge.encoders.needs)
    corpus_is_readable = corpus is None or corpus.own is not None
    return Evidence(
        judge=judge.name, split=rows.split, seed=subjects.settings.seed, person=clips.person,
        attributes=clips.attributes, encodings=embedded.encodings, real=embedded.real,
        real_other=embedded.real_other if bool((other[0] >= 0).any()) else None, real_faces=embedded.real_faces,
        fake=embedded.fake, fake_faces=embedded.fake_faces, fresh=embedded.fresh, fresh_faces=embedded.fresh_faces,
        logits=judge.logits, max_candidates=judge.max_candidates,
        recognised=recognise(recognisers or {}, inputs, key, cache, observer),
        training=_training(subjects, corpus, judge, observer) if "training" in reads else None,
        no_training="no training faces" if corpus_is_readable else _UNREADABLE,
        holds_training_faces=rows.split in ("train", "all") and (corpus is None or corpus.is_own),
        factors=dict(dataset.factors(clips.clip, torch.zeros_like(clips.clip))), factor_sides=dataset.factor_sides,
        same_voice_faces=partial(_same_voice_faces, dataset, clips.clip) if condition == "voice" else None,
        embed=lambda faces: embed_faces(judge, faces), cache=cache, observer=observer, faces_key=key,
        condition=condition, languages=dataset.languages(clips.clip),
        clip_names=dataset.clip_names(clips.clip),
        baselines={
            name: embed_baseline(pipeline, subjects, judge, name, observer)
            for name, pipeline in (baselines or {}).items()
        },
    )  # fmt: skip


def _recogniser_inputs(subjects: Subjects, embedded: EmbeddedRows, other: Tensor) -> RecogniserInputs:
    """Return the faces, and the same crop of speech that the run reads."""
    rows = subjects.rows
    clips = rows.clips.select(subjects.chosen)
    # The crop of `Rows.fetch_plain`.
    start = (clips.track_samples - rows.settings.speech_samples).clamp(min=0) // 2
    speech_start = start if "speech" in rows.needs else None
    return RecogniserInputs(
        rows.dataset, clips.clip, embedded.real_faces, embedded.fake_faces, other, speech_start, embedded.fresh_faces
    )


def _training(subjects: Subjects, corpus: EvaluationCorpus | None, judge: Judge, observer: Observer) -> Training | None:
    """Embed faces of the run's own training split; their people are -1 if another corpus is evaluated."""
    own = subjects.rows.dataset if corpus is None else corpus.own
    if subjects.face_pipeline is None or own is None:
        return None
    training = training_faces(own, judge, subjects.settings.seed, observer)
    is_own = corpus is None or corpus.is_own
    return training if is_own else replace(training, person=torch.full_like(training.person, -1))


def _same_voice_faces(dataset: Dataset, clip: Tensor) -> Tensor | None:
    """Render faces of other people with the voices of some clips, a part at a time; None where nothing is hidden."""
    parts = [faces for rows in clip.split(_CHUNK_ROWS) if (faces := dataset.same_voice_faces(rows)) is not None]
    return torch.cat(parts) if parts else None


def _cache_folder(dataset: Dataset) -> Path | None:
    """Make the cache folder beside the corpus; None if it cannot be made."""
    folder = dataset.cache_dir / "evidence"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder
