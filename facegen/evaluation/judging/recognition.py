"""Recognisers of an evaluation: construction from recipe and command line, and embeddings of the evaluated rows."""

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facegen.core.cache import load_cached, save_cached
from facegen.core.errors import RecipeError
from facegen.core.evidence import Recognised
from facegen.core.interfaces import Dataset, Recogniser
from facegen.core.progress import Observer
from facegen.core.recipe.part_config import PartConfig
from facegen.core.recipe.recipe import Recipe, check_config, check_recipe
from facegen.core.recipe.unique_names import unique_names
from facegen.core.text.toml_text import parse_toml

MOST_NOISES = 2
"""Maximum number of faces per row, under shared noises, that a recogniser embeds."""
_CHUNK_ROWS = 16


def with_recognisers(recipe: Recipe, words: Iterable[str]) -> Recipe:
    """Add recognisers to a recipe.

    Args:
        recipe: the recipe.
        words: NAME, or NAME:key=value,key=value with values in TOML syntax.
    Raises:
        RecipeError: a word has another form, or names an unknown recogniser or key.
    """
    added = [read_word(word) for word in words]
    if not added:
        return recipe
    own = recipe.tables.get("recogniser", [])
    own = own if isinstance(own, list) else [own]
    return check_recipe({**recipe.tables, "recogniser": [*own, *added]}, f"{recipe.source}, with --recogniser")


def read_word(word: str) -> dict[str, Any]:
    """Parse NAME:key=value,key=value into a recipe table.

    Raises:
        RecipeError: the word has another form.
    """
    name, _, rest = word.partition(":")
    entry: dict[str, Any] = {"type": name}
    for pair in filter(None, rest.split(",")):
        key, separator, value = pair.partition("=")
        if not (separator and key.strip()):
            raise RecipeError(f"--recogniser {word}: '{pair}' must be key=value, as in NAME:key=value,key=value")
        try:
            entry[key.strip()] = parse_toml(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            entry[key.strip()] = value
    return entry


def build_recognisers(recipe: Recipe) -> dict[str, Recogniser]:
    """Build a recipe's recognisers by name; further ones of one name are numbered.

    Raises:
        FacegenError: the package or the weights of a recogniser are missing.
    """
    return _build(recipe.configs["recogniser"])


def chosen_recognisers(words: Iterable[str]) -> dict[str, Recogniser]:
    """Build recognisers from words alone, without a recipe.

    Raises:
        FacegenError: a word names an unknown recogniser or key, or the recogniser's package or weights are missing.
    """
    problems: list[str] = []
    configs = [check_config("recogniser", {"recogniser": read_word(word)}, "--recogniser", problems) for word in words]
    if problems:
        raise RecipeError(*problems)
    return _build(config for config in configs if config is not None)


def _build(configs: Iterable[PartConfig]) -> dict[str, Recogniser]:
    configs, recognisers = list(configs), {}
    for name, config in zip(unique_names(config.name for config in configs), configs, strict=True):
        recognisers[name] = config.build()
        recognisers[name].fingerprint()  # fails early if a package or weights are missing
    return recognisers


@dataclass(frozen=True)
class RecogniserInputs:
    """Faces and speech that recognisers embed, one row per clip.

    Attributes:
        dataset: corpus of the second faces and of the speech.
        clip: (N,) clips of the corpus.
        real_faces: (N, H, W, 3) uint8.
        fake_faces: (N, Z, H, W, 3) uint8; None for a run that only matches.
        other: (2, N) clip and frame of another face of the same person; -1 if there is none.
        speech_start: (N,) first sample of the speech that the run reads; None if it reads none.
        fresh_faces: (N, H, W, 3) uint8, generated under the rows' own noises; None for a run that only matches.
    """

    dataset: Dataset
    clip: Tensor
    real_faces: Tensor
    fake_faces: Tensor | None
    other: Tensor
    speech_start: Tensor | None
    fresh_faces: Tensor | None = None


def recognise(
    recognisers: Mapping[str, Recogniser],
    inputs: RecogniserInputs,
    faces_key: str,
    cache: Path | None,
    observer: Observer,
) -> dict[str, Recognised]:
    """Embed the rows with each recogniser; embeddings of real faces and speech are cached."""
    embeddings = {}
    for name, recogniser in recognisers.items():
        real = _embed_real(name, recogniser, inputs, faces_key, cache, observer)
        fake, fresh = _embed_generated(name, recogniser, inputs, observer)
        embeddings[name] = Recognised(
            real.get("real"), real.get("real_other"), fake, real.get("speech"), fresh, recogniser.readings
        )  # fmt: skip
    return embeddings


def _embed_generated(
    name: str, recogniser: Recogniser, inputs: RecogniserInputs, observer: Observer
) -> tuple[Tensor | None, Tensor | None]:
    """Embed generated faces: under shared noises, and under the rows' own.

    One face per row, under its own noise, is enough for features; readings are also compared between faces of a row.
    """
    fake, fresh = None, None
    if "faces" not in recogniser.embeds:
        return fake, fresh
    if inputs.fresh_faces is not None:
        faces = inputs.fresh_faces
        fresh = _embed_in_chunks(f"{name}: generated faces", len(faces), observer, faces.__getitem__, recogniser)
    if inputs.fake_faces is not None and (fresh is None or recogniser.readings):
        shown = inputs.fake_faces[:, :MOST_NOISES]
        faces = shown.flatten(0, 1)
        stage = f"{name}: {'further ' if fresh is not None else ''}generated faces"
        fake = _embed_in_chunks(stage, len(faces), observer, faces.__getitem__, recogniser)
        fake = fake.unflatten(0, shown.shape[:2])
    return fake, fresh


def _embed_real(
    name: str, recogniser: Recogniser, inputs: RecogniserInputs, faces_key: str, cache: Path | None, observer: Observer
) -> dict[str, Tensor]:
    source = f"{recogniser.fingerprint()} {faces_key} {inputs.dataset.spec.speech_samples}".encode()
    for numbers in (inputs.clip, inputs.other, *([] if inputs.speech_start is None else [inputs.speech_start])):
        source += numbers.numpy().tobytes()
    path = None if cache is None else cache / f"recognised-{hashlib.sha256(source).hexdigest()[:24]}.safetensors"
    cached = load_cached(path)
    if cached is not None:
        return cached
    embeddings = _embed_faces(name, recogniser, inputs, observer) | _embed_speech(name, recogniser, inputs, observer)
    save_cached(path, embeddings)
    return embeddings


def _embed_faces(name: str, recogniser: Recogniser, inputs: RecogniserInputs, observer: Observer) -> dict[str, Tensor]:
    if "faces" not in recogniser.embeds:
        return {}
    num = len(inputs.clip)
    real = _embed_in_chunks(f"{name}: real faces", num, observer, inputs.real_faces.__getitem__, recogniser)
    rows_with_other = torch.nonzero(inputs.other[0] >= 0)[:, 0]
    if not len(rows_with_other):
        return {"real": real}

    def another(rows: Tensor) -> Tensor:
        clip, frame = inputs.other[:, rows_with_other[rows]]
        return inputs.dataset.faces(clip, frame).cpu()

    other = torch.full_like(real, torch.nan)
    other[rows_with_other] = _embed_in_chunks(
        f"{name}: other faces", len(rows_with_other), observer, another, recogniser
    )
    return {"real": real, "real_other": other}


def _embed_speech(name: str, recogniser: Recogniser, inputs: RecogniserInputs, observer: Observer) -> dict[str, Tensor]:
    if "speech" not in recogniser.embeds:
        return {}
    if inputs.speech_start is None:
        observer.warn(f"recogniser {name}: the run reads no speech, so that its speech embeddings are not computed")
        return {}
    start, spec, parts = inputs.speech_start, inputs.dataset.spec, []
    observer.start(f"{name}: speech", len(start))
    for rows in torch.arange(len(start)).split(_CHUNK_ROWS):
        speech = inputs.dataset.speech(inputs.clip[rows], start[rows], spec.speech_samples).cpu()
        parts.append(recogniser.embed_speech(speech, spec.sample_rate_hz).float().cpu())
        observer.advance(int(rows[-1]) + 1)
    observer.finish()
    return {"speech": torch.cat(parts)}


def _embed_in_chunks(
    stage: str, num: int, observer: Observer, fetch: Callable[[Tensor], Tensor], recogniser: Recogniser
) -> Tensor:
    parts = []
    observer.start(stage, num)
    for rows in torch.arange(num).split(_CHUNK_ROWS):
        parts.append(recogniser.embed_faces(fetch(rows)).float().cpu())
        observer.advance(int(rows[-1]) + 1)
    observer.finish()
    return torch.cat(parts)
