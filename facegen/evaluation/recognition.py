"""Recognisers: build them from recipe and command line, and compute their embeddings of the evaluated rows."""

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

MOST_NOISES = 2
"""Number of generated faces per row that a recogniser embeds if there is none under its own noise."""
_CHUNK_ROWS = 16


def with_recognisers(recipe: Recipe, words: Iterable[str]) -> Recipe:
    """Add recognisers to a recipe.

    Args:
        recipe: what it is added to.
        words: NAME, or NAME:key=value,key=value with each value in TOML's own form.
    Raises:
        RecipeError: a word has another form, or names no recogniser or no key of it.
    """
    added = [read_word(word) for word in words]
    if not added:
        return recipe
    there = recipe.tables.get("recogniser", [])
    there = there if isinstance(there, list) else [there]
    return check_recipe({**recipe.tables, "recogniser": [*there, *added]}, f"{recipe.source}, with --recogniser")


def read_word(word: str) -> dict[str, Any]:
    """Parse NAME:key=value,key=value into a recipe table.

    Raises:
        RecipeError: it has another form.
    """
    name, _, rest = word.partition(":")
    entry: dict[str, Any] = {"type": name}
    for pair in filter(None, rest.split(",")):
        key, separator, value = pair.partition("=")
        if not (separator and key.strip()):
            raise RecipeError(f"--recogniser {word}: '{pair}' must be key=value, as in NAME:key=value,key=value")
        try:
            entry[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            entry[key.strip()] = value
    return entry


def build_recognisers(recipe: Recipe) -> dict[str, Recogniser]:
    """Build a recipe's recognisers by name; two of one name are numbered.

    Raises:
        FacegenError: one lacks the package or the weights that it works with.
    """
    return _build(recipe.configs["recogniser"])


def chosen_recognisers(words: Iterable[str]) -> dict[str, Recogniser]:
    """Build recognisers from words alone, without a recipe.

    Raises:
        FacegenError: a word names no recogniser or no key of it, or what it works with is missing.
    """
    problems: list[str] = []
    configs = [check_config("recogniser", {"recogniser": read_word(word)}, "--recogniser", problems) for word in words]
    if problems:
        raise RecipeError(*problems)
    return _build(config for config in configs if config is not None)


def _build(configs: Iterable[PartConfig]) -> dict[str, Recogniser]:
    configs, found = list(configs), {}
    for name, config in zip(unique_names(config.name for config in configs), configs, strict=True):
        found[name] = config.build()
        found[name].fingerprint()  # asked now, so that what is missing is said before any work is done
    return found


@dataclass(frozen=True)
class RecogniserInputs:
    """Faces and speech that recognisers embed, one row per clip.

    Attributes:
        dataset: where other faces and speech come from.
        clip: (N,)
        real_faces: (N, H, W, 3) uint8.
        fake_faces: (N, Z, H, W, 3) uint8; None where the run draws none.
        other: (2, N) clip and frame of another face of the same person; -1 where there is none.
        speech_start: (N,) where the speech begins that the run is given; None where it is given none.
        fresh_faces: (N, H, W, 3) uint8, generated under a noise of its own each; None where the run draws none.
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
    seen: RecogniserInputs,
    faces_key: str,
    cache: Path | None,
    observer: Observer,
) -> dict[str, Recognised]:
    """Embed the rows with each recogniser; embeddings of real faces and speech are cached."""
    found = {}
    for name, recogniser in recognisers.items():
        real = _real(name, recogniser, seen, faces_key, cache, observer)
        fake, fresh = None, None
        if "faces" in recogniser.embeds and seen.fresh_faces is not None:
            faces = seen.fresh_faces
            fresh = _in_parts(f"{name}: generated faces", len(faces), observer, faces.__getitem__, recogniser)
        elif "faces" in recogniser.embeds and seen.fake_faces is not None:
            shown = seen.fake_faces[:, :MOST_NOISES]
            faces = shown.flatten(0, 1)
            fake = _in_parts(f"{name}: generated faces", len(faces), observer, faces.__getitem__, recogniser)
            fake = fake.unflatten(0, shown.shape[:2])
        found[name] = Recognised(real.get("real"), real.get("real_other"), fake, real.get("speech"), fresh)
    return found


def _real(
    name: str, recogniser: Recogniser, seen: RecogniserInputs, faces_key: str, cache: Path | None, observer: Observer
) -> dict[str, Tensor]:
    said = f"{recogniser.fingerprint()} {faces_key} {seen.dataset.spec.speech_samples}".encode()
    for numbers in (seen.clip, seen.other, *([] if seen.speech_start is None else [seen.speech_start])):
        said += numbers.numpy().tobytes()
    path = None if cache is None else cache / f"recognised-{hashlib.sha256(said).hexdigest()[:24]}.safetensors"
    cached = load_cached(path)
    if cached is not None:
        return cached
    found = _look(name, recogniser, seen, observer) | _listen(name, recogniser, seen, observer)
    save_cached(path, found)
    return found


def _look(name: str, recogniser: Recogniser, seen: RecogniserInputs, observer: Observer) -> dict[str, Tensor]:
    if "faces" not in recogniser.embeds:
        return {}
    num = len(seen.clip)
    real = _in_parts(f"{name}: real faces", num, observer, seen.real_faces.__getitem__, recogniser)
    there = torch.nonzero(seen.other[0] >= 0)[:, 0]
    if not len(there):
        return {"real": real}

    def another(rows: Tensor) -> Tensor:
        clip, frame = seen.other[:, there[rows]]
        return seen.dataset.faces(clip, frame).cpu()

    other = torch.full_like(real, torch.nan)
    other[there] = _in_parts(f"{name}: other faces", len(there), observer, another, recogniser)
    return {"real": real, "real_other": other}


def _listen(name: str, recogniser: Recogniser, seen: RecogniserInputs, observer: Observer) -> dict[str, Tensor]:
    if "speech" not in recogniser.embeds:
        return {}
    if seen.speech_start is None:
        observer.warn(f"recogniser {name}: people are not drawn from speech here, so there is none for it to hear")
        return {}
    start, spec, parts = seen.speech_start, seen.dataset.spec, []
    observer.start(f"{name}: speech", len(start))
    for rows in torch.arange(len(start)).split(_CHUNK_ROWS):
        speech = seen.dataset.speech(seen.clip[rows], start[rows], spec.speech_samples).cpu()
        parts.append(recogniser.embed_speech(speech, spec.sample_rate_hz).float().cpu())
        observer.advance(int(rows[-1]) + 1)
    observer.finish()
    return {"speech": torch.cat(parts)}


def _in_parts(
    stage: str, num: int, observer: Observer, fetch: Callable[[Tensor], Tensor], recogniser: Recogniser
) -> Tensor:
    parts = []
    observer.start(stage, num)
    for rows in torch.arange(num).split(_CHUNK_ROWS):
        parts.append(recogniser.embed_faces(fetch(rows)).float().cpu())
        observer.advance(int(rows[-1]) + 1)
    observer.finish()
    return torch.cat(parts)
