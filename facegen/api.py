"""Python interface: load a trained run or a model, sample and match; train and evaluate recipes; read corpora.

import facegen

model = facegen.load("runs/speech_relid")
faces = model.sample(speech="my.wav", count=4)
probabilities = model.rank("my.wav", ["a.png", "b.png"])
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facegen.core.arguments import Count, Integer, PathOrName, checked
from facegen.core.describe.docstrings import toml_value
from facegen.core.errors import DataError, RecipeError
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import read_recipe
from facegen.core.recipe.run_files import is_run
from facegen.core.recipe.settings import check_table
from facegen.core.recipe.tables import DataSettings, EvaluationSplit, JudgeKind
from facegen.data.corpus.dataset import Packed
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.torch_dataset import CorpusDataset
from facegen.data.media import generated_media
from facegen.inference.model import Model, WarningsObserver
from facegen.training.runs.open_run import open_run_or_model, run_folder
from facegen.training.train import train as train_recipe

if TYPE_CHECKING:
    from PIL import Image

    from facegen.evaluation.report import Report

__all__ = ["Model", "evaluate", "load", "open_corpus", "save_picture", "train"]

Overrides = Mapping[str, object] | Sequence[str]


@checked
def load(path_or_name: PathOrName, observer: Observer | None = None) -> Model:
    """Load a run folder, a model file, or a model that ships with facegen by its name.

    Args:
        path_or_name: of the run or model.
        observer: gets warnings about damaged files that can still be read; without, they are Python warnings.
    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    return Model(open_run_or_model(path_or_name), observer)


@checked
def save_picture(picture: "Image.Image", path: PathOrName) -> None:
    """Write a face of `Model.sample`, or a resized or cropped one, marked as generated; the suffix gives the format.

    Args:
        picture: the face.
        path: .png, .jpg or .webp.
    Raises:
        DataError: the picture has no mark, because it was not drawn by facegen, or the suffix is another.
    """
    generated_media.save_picture(picture, Path(path), generated_media.mark_of(picture))


@checked
def open_corpus(
    path: PathOrName,
    *,
    split: EvaluationSplit = "all",
    image_pixels: int | None = None,
    speech_seconds: float = 6.0,
) -> CorpusDataset:
    """Open a packed corpus as a PyTorch dataset.

    Args:
        path: folder that `facegen pack` or `facegen collect` wrote.
        split: which clips; "all" are those of every split.
        image_pixels: side of the faces; None for that of the corpus.
        speech_seconds: length of the speech of a clip.
    Raises:
        DataError: the corpus is missing or damaged.
    """
    header = Corpus.open(Path(path)).header
    pixels = header.image_pixels if image_pixels is None else image_pixels
    table = {"image_pixels": pixels, "sample_rate_hz": header.sample_rate_hz, "speech_seconds": speech_seconds}
    request, problems = check_table(DataSettings, table)
    if not isinstance(request, DataSettings):
        raise DataError(*(f"open_corpus: {problem}" for problem in problems))
    return CorpusDataset(Packed(request, path=Path(path)), split)


@checked
def train(
    recipe: PathOrName,
    overrides: Overrides = (),
    data: PathOrName | None = None,
    *,
    preset: str | None = None,
    out: PathOrName | None = None,
    resume: bool = False,
    observer: Observer | None = None,
) -> Path:
    """Train a recipe; return its run folder, which `load` and `evaluate` take.

    Args:
        recipe: the recipe file, the name of a shipped recipe, or a run folder to resume.
        overrides: {"table.key": value}, or "table.key=value" strings as of `--set`.
        data: packed corpus that replaces the recipe's.
        preset: of the recipe, such as "small".
        out: run folder; by default runs/NAME, or the run itself.
        resume: resume the run in that folder; start it if there is none.
        observer: gets progress and warnings.
    Raises:
        FacegenError: everything that is wrong with recipe, corpus or run folder.
    """
    corpus = None if data is None else Path(data)
    checked = read_recipe(Path(recipe), preset=preset, overrides=_override_texts(overrides), data=corpus)
    own = Path(recipe) if is_run(Path(recipe)) else Path("runs") / checked.run.name
    folder = own if out is None else Path(out)
    watch = observer or WarningsObserver()
    return train_recipe(checked, folder, resume=resume, observer=watch).path


@checked
def evaluate(
    run: PathOrName,
    data: PathOrName | None = None,
    *,
    split: EvaluationSplit | None = None,
    num_clips: Count | None = None,
    judge: JudgeKind | None = None,
    judge_seed: Integer | None = None,
    recognisers: Sequence[str] = (),
    against: Sequence[PathOrName] = (),
    out: PathOrName | None = None,
    observer: Observer | None = None,
) -> "Report":
    """Measure a run or a model, and write tables and pictures.

    Args:
        run: run folder, model file, or name of a shipped model.
        data: packed corpus to evaluate on; the run's own by default.
        split: where the rows come from; the recipe's by default.
        num_clips: largest number of rows; the recipe's by default.
        judge_seed: random seed of the judge; the recipe's by default.
        judge: "independent", or "own" for the run's own match stage; the recipe's by default.
        recognisers: outside judges, NAME or NAME:key=value,key=value each.
        against: other runs whose faces of the same rows are compared.
        out: folder of the tables and pictures; by default the run's `evaluation`, or NAME-evaluation beside a model
            file, and in the working directory for a shipped model.
        observer: gets progress and warnings.
    Raises:
        FacegenError: the run cannot be evaluated, or the corpus does not fit.
    """
    # Only here: it imports what draws plots and pages, which sampling does not need.
    from facegen.evaluation.evaluate import evaluate as evaluate_run

    given: dict[str, object] = {"split": split, "num_clips": num_clips, "judge": judge, "judge_seed": judge_seed}
    return evaluate_run(
        Path(run),
        data=None if data is None else Path(data),
        overrides={key: value for key, value in given.items() if value is not None},
        recognisers=recognisers,
        against=[run_folder(other) for other in against],
        out=None if out is None else Path(out),
        observer=observer or WarningsObserver(),
    )


def _override_texts(overrides: Overrides) -> list[str]:
    """Bring overrides to the form of `--set`: JSON's strings, numbers, booleans and lists are TOML's, too."""
    if not isinstance(overrides, Mapping):
        return list(overrides)
    return [f"{key}={_toml_value(key, value)}" for key, value in overrides.items()]


def _toml_value(key: str, value: object) -> str:
    plain = str(value) if isinstance(value, Path) else value
    if isinstance(plain, str | bool | int | float | list | tuple | dict):
        with suppress(TypeError, ValueError):
            json.dumps(plain, allow_nan=False)  # refuses what a recipe cannot hold
            return toml_value(plain)
    raise RecipeError(
        f"override {key} = {value!r}: must be a string, a finite number, a boolean, or a list or dict of these"
    )
