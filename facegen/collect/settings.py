"""How a collection works: the tables beside the people of a list of sources, checked like those of a recipe."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from facegen.collect.video.download_settings import DownloadSettings
from facegen.collect.video.examine_settings import ExamineSettings, FaceSettings, FrameSettings, SpeechSettings
from facegen.core.errors import DataError, RecipeError
from facegen.core.recipe.file import apply_override, differences
from facegen.core.recipe.part_config import PartConfig
from facegen.core.recipe.recipe import check_config
from facegen.core.recipe.settings import check_table
from facegen.core.recipe.tables import Table
from facegen.core.text.suggest import did_you_mean

DEFAULT_PARTS = {"detector": "haar", "executor": "processes"}


class CorpusSettings(Table):
    """[corpus]: how clips become rows of the packed corpus.

    Attributes:
        image_pixels: side of the stored faces.
        faces_per_clip: most faces of a row; 0 makes one row of each run of frames whose speech hangs together, 1 one
            row of each accepted frame. Rows of one run share one track.
    """

    image_pixels: Annotated[int, Field(ge=16, le=1024)] = 128
    faces_per_clip: Annotated[int, Field(ge=0)] = 0


EXAMINE_TABLES: dict[str, type[Table]] = {"frames": FrameSettings, "face": FaceSettings, "speech": SpeechSettings}
TABLES: dict[str, type[Table]] = {"download": DownloadSettings, **EXAMINE_TABLES, "corpus": CorpusSettings}
"""The tables of a list of sources that choose no part."""


@dataclass(frozen=True)
class CollectSettings:
    """How a collection works.

    Attributes:
        download, examine, corpus: their tables.
        detector, executor: the chosen parts.
    """

    download: DownloadSettings
    examine: ExamineSettings
    corpus: CorpusSettings
    detector: PartConfig
    executor: PartConfig

    @property
    def made_with(self) -> dict[str, Any]:
        """Every key that decides which clips a video gives, as plain values: what may not change in a collection."""
        return {**self.examine.model_dump(mode="json"), "detector": self.detector.values}

    @property
    def digest(self) -> str:
        """Of `made_with`."""
        return hashlib.sha256(json.dumps(self.made_with, sort_keys=True).encode()).hexdigest()[:16]


def check_settings(
    path: Path,
    tables: Mapping[str, Any],
    overrides: Iterable[str],
    problems: list[str],
    *,
    faithful: bool = False,
) -> CollectSettings | None:
    """Check the tables of a list of sources.

    Args:
        path: the list, for messages; its folder is where relative paths begin.
        tables: what it says beside the people.
        overrides: "table.key=value", laid over that.
        problems: what is wrong is added to these.
        faithful: the thesis's own rule decides which clips are kept.
    Returns:
        None where something is wrong.
    """
    before = len(problems)
    laid = dict(tables)
    for override in overrides:
        try:
            laid = apply_override(laid, override)
        except RecipeError as error:
            problems += [said.replace("train.batch_size=32", "face.min_face_pixels=96") for said in error.problems]
    known = {"person", *TABLES, *DEFAULT_PARTS}
    for name in laid:
        if name not in known:
            problems.append(f"{path}: [{name}] is no table of a list of sources{did_you_mean(name, known)}")
    checked = {name: _check(model, laid, name, path, problems) for name, model in TABLES.items()}
    configs = {kind: _choose(kind, laid, path, problems) for kind in DEFAULT_PARTS}
    if checked["download"] is not None:
        checked["download"] = _anchored(checked["download"], path, problems)
    if len(problems) > before:
        return None
    examine = ExamineSettings(**{name: checked[name] for name in EXAMINE_TABLES})
    parts: Any = configs
    return CollectSettings(
        download=checked["download"],
        examine=examine.faithful() if faithful else examine,
        corpus=checked["corpus"],
        **parts,
    )


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two `made_with`, a line a key."""
    return [f"{key}: {_at(before, key)} before, {_at(now, key)} now" for key in differences(before, now)]


def _check(model: type[Table], tables: Mapping[str, Any], name: str, path: Path, problems: list[str]) -> Any:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        problems.append(f"{path}: {name} = {table!r}: must be a table, written [{name}]")
        return None
    checked, wrong = check_table(model, table)
    problems += [f"{path}: [{name}] {problem}" for problem in wrong]
    return checked


def _choose(kind: str, tables: Mapping[str, Any], path: Path, problems: list[str]) -> PartConfig | None:
    table = tables.get(kind, {})
    with_default = {**tables, kind: {"type": DEFAULT_PARTS[kind], **table} if isinstance(table, dict) else table}
    config = check_config(kind, with_default, str(path), problems)
    if config is not None:
        config = replace(config, settings={key: _at_home(value, path.parent) for key, value in config.settings.items()})
        try:
            config.build()
        except RecipeError as error:
            problems += error.problems
        except DataError as error:
            problems += [f"{config.where} {problem}" for problem in error.problems]
    return config


def _anchored(download: Any, path: Path, problems: list[str]) -> DownloadSettings:
    """Files that a list of sources names stand relative to it."""
    cookies, archive = (_at_home(file, path.parent) for file in (download.cookies, download.archive))
    if cookies is not None and not cookies.is_file():
        problems.append(f"{path}: [download] cookies = '{cookies}': is no file; export one from a browser, or omit it")
    if archive is not None and (archive.is_dir() or not archive.parent.is_dir()):
        problems.append(f"{path}: [download] archive = '{archive}': must be a file, in a folder that is there")
    anchored: DownloadSettings = download.model_copy(update={"cookies": cookies, "archive": archive})
    return anchored


def _at_home(value: Any, folder: Path) -> Any:
    return folder / value.expanduser() if isinstance(value, Path) else value


def _at(values: Mapping[str, Any], key: str) -> Any:
    found: Any = values
    for step in key.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return json.dumps(found)
