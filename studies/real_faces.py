"""Retrieval of real people's photographs by the faces that runs draw for their voices.

    python -m studies real_faces runs/fold-0 runs/fold-1 runs/fold-2 runs/fold-3 runs/fold-4 --out runs/real_faces

Each run draws faces for the voices of its held-out people. A recogniser that its training did not use ranks the
photographs of these people, one each, by their distance to a drawn face. Voices are then exchanged between people: a
run whose faces say something about their speakers is above the exchanged voices, and one whose faces say more than the
sex is above them within each sex. Features are kept beside the corpus, so that an interrupted call goes on. The table
is written into OUT, too. The study returns 1 where R@10 among all people is not above the exchanged voices.
"""

import argparse
import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

import facegen
from facegen.core.cache import load_cached, save_cached
from facegen.core.errors import FacegenError
from facegen.core.interfaces import Recogniser
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import face_recogniser
from facegen.core.text.json_text import json_text
from facegen.data.loading.prepare import restore_faces
from facegen.data.loading.rows import Rows
from facegen.evaluation.evaluation_corpus import EvaluationCorpus
from facegen.evaluation.judging.recognition import chosen_recognisers, read_word
from studies.drawing import draw_faces
from studies.shuffled_voices import Fold, Retrieved, Shuffled, retrieve

SEX_RECOGNISER = "age_gender"
_BATCH_ROWS, _EMBED_ROWS = 64, 16


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("models", nargs="+", metavar="RUN", help="run folders, one per fold of a corpus")
    parser.add_argument("--data", type=Path, help="packed corpus; that of the runs by default")
    parser.add_argument("--recogniser", default="dlib_faces:find=search_or_centre", help="NAME or NAME:key=value")
    parser.add_argument("--distance", choices=["L1", "L2", "cosine"], default="L2", help="between features")
    parser.add_argument("--faces", type=int, default=4, help="faces per voice")
    parser.add_argument("--shuffles", type=int, default=1000, help="number of times that voices are exchanged")
    parser.add_argument("--seed", type=int, default=0, help="random seed of noise, shuffles and intervals")
    parser.add_argument("--out", type=Path, default=Path("runs/real_faces"), help="folder of the table and the JSON")


def run(options: argparse.Namespace) -> int:
    """Print and write the table; return 0 where R@10 among all people is above exchanged voices."""
    models = [facegen.load(path) for path in options.models]
    refuse_recogniser_of_training(models, options.recogniser)
    corpora = [EvaluationCorpus.of(model.run, options.data) for model in models]
    if len({corpus.dataset.fingerprint() for corpus in corpora}) > 1:
        raise FacegenError("the runs have different corpora; give the folds of one corpus, or name it by --data")
    (recogniser,) = chosen_recognisers([options.recogniser]).values()
    folds = []
    for model, corpus in zip(models, corpora, strict=True):
        folds.append(measure_fold(model, corpus, recogniser, options.faces, options.seed))
        print(f"{model.run.path}: {len(folds[-1].person)} people, {options.faces} faces each", flush=True)
    results = retrieve(folds, options.shuffles, options.seed, options.distance)
    sizes = ", ".join(str(len(fold.person)) for fold in folds)
    text = (
        f"{to_markdown(results)}\nGalleries of {sizes} people; recogniser {options.recogniser}, distance "
        f"{options.distance}; {options.faces} faces per voice; {options.shuffles} exchanges of voices.\n"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "real_faces.md").write_text(text, encoding="utf-8")
    rows = json_text([dataclasses.asdict(result) for result in results], indent=1)
    (options.out / "real_faces.json").write_text(rows, encoding="utf-8")
    print(f"\n{text}\nTable: {options.out / 'real_faces.md'}")
    wanted = [result for result in results if result.group == "all" and result.measure == "R@10"]
    return int(not (wanted and all(result.is_above for result in wanted)))


def refuse_recogniser_of_training(models: Sequence[facegen.Model], word: str) -> None:
    """Refuse a recogniser whose features the match stage of a run was trained with.

    Raises:
        FacegenError: a run was trained with it.
    """
    name = read_word(word)["type"]
    for model in models:
        config = face_recogniser(model.run.recipe)
        if config is not None and config.name == name:
            raise FacegenError(
                f"{model.run.path}: was trained with the features of '{name}', which can therefore not judge it; "
                f"choose another --recogniser"
            )


def measure_fold(
    model: facegen.Model, corpus: EvaluationCorpus, recogniser: Recogniser, num_faces: int, seed: int
) -> Fold:
    """Draw faces for the held-out people of a run, and embed them and the photographs."""
    split = "heldout_people" if corpus.is_own else "all"
    settings = corpus.recipe.config("dataset").engine
    rows = Rows(corpus.dataset, settings, split, model.pipeline.needs, model.device, Observer(), keep=False)
    chosen = rows.choose(len(rows.clips), seed, distinct_people=True)
    clips = rows.clips.select(chosen)
    encodings, faces = [], []
    with torch.no_grad():
        for part in chosen.split(_BATCH_ROWS):
            batch = rows.fetch_plain(part)
            encodings.append(model.pipeline.encode(batch).cpu())
            faces.append(restore_faces(batch.faces).cpu())
    photographs = torch.cat(faces)
    drawn = draw_faces(model, torch.cat(encodings), num_faces, seed)
    cache = corpus.dataset.cache_dir / "evidence"
    sex = clips.attributes.get("sex")
    sex = read_sexes(photographs, cache) if sex is None else sex
    real = embed(recogniser, photographs, cache)
    features = embed(recogniser, drawn.flatten(0, 1), cache).unflatten(0, drawn.shape[:2])
    is_detected = real.isfinite().all(1)
    return Fold(clips.person[is_detected], sex[is_detected], real[is_detected], features[is_detected])


def read_sexes(photographs: Tensor, cache: Path) -> Tensor:
    """Read the sex of photographs: (N,) 0 female, 1 male, -1 unknown; all unknown without the recogniser."""
    try:
        (recogniser,) = chosen_recognisers([SEX_RECOGNISER]).values()
    except FacegenError as error:
        print(f"Sexes are unknown: the corpus has no column 'sex', and {error}", flush=True)
        return torch.full((len(photographs),), -1)
    male = embed(recogniser, photographs, cache)[:, recogniser.readings.index("male")]
    return torch.where(male.isfinite(), (male > 0.5).long(), -1)


def embed(recogniser: Recogniser, faces: Tensor, cache: Path) -> Tensor:
    """Embed (N, H, W, 3) faces, from the cache where it holds them: (N, d)."""
    key = hashlib.sha256(f"{recogniser.fingerprint()} {tuple(faces.shape)}".encode() + faces.numpy().tobytes())
    path = cache / f"embedded-{key.hexdigest()[:24]}.safetensors"
    cached = load_cached(path)
    if cached is None:
        parts = [recogniser.embed_faces(part).float().cpu() for part in faces.split(_EMBED_ROWS)]
        cached = {"features": torch.cat(parts)}
        path.parent.mkdir(parents=True, exist_ok=True)
        save_cached(path, cached)
    return cached["features"]


def to_markdown(results: Sequence[Retrieved]) -> str:
    """Return a Markdown table, one row per group, kind of query and measure."""
    lines = [
        "| people | queries | measure | value | 95% interval | chance | voices exchanged, 95% of exchanges | p "
        "| exchanged within a sex | p | above exchanged |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in results:
        low, high = one.estimate.low, one.estimate.high
        interval = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
        lines.append(
            f"| {one.group} ({one.num_people}) | {one.queries} | {one.measure} | {one.estimate.value:.3f} | {interval} "
            f"| {one.chance:.3f} | {_exchanged(one.shuffled)} | {_exchanged(one.shuffled_within_sex)} "
            f"| {'yes' if one.is_above else 'no'} |"
        )
    return "\n".join(lines) + "\n"


def _exchanged(shuffled: Shuffled | None) -> str:
    """Write two cells: the mean with the range, and the p-value."""
    if shuffled is None:
        return " | "
    return f"{shuffled.mean:.3f} ({shuffled.low:.3f} to {shuffled.high:.3f}) | {shuffled.p_value:.3f}"
