"""Settings of a collection: the tables of a list of sources, checked like those of a recipe."""

import hashlib
import json
import os
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
    """[corpus]: layout of the packed corpus.

    Attributes:
        image_pixels: side of the stored faces, in pixels.
        faces_per_clip: largest number of faces in a clip; 0 makes one clip of each run of frames whose speech windows
            touch, 1 one clip of each accepted frame. The clips of a run share one track.
    """

    image_pixels: Annotated[int, Field(ge=16, le=1024)] = 128
    faces_per_clip: Annotated[int, Field(ge=0)] = 0


EXAMINE_TABLES: dict[str, type[Table]] = {"frames": FrameSettings, "face": FaceSettings, "speech": SpeechSettings}
TABLES: dict[str, type[Table]] = {"download": DownloadSettings, **EXAMINE_TABLES, "corpus": CorpusSettings}
"""Tables of a list of sources that do not choose a part."""


@dataclass(frozen=True)
class CollectSettings:
    """Settings of a collection.

    Attributes:
        download, examine, corpus: checked tables.
        detector, executor: chosen parts.
    """

    download: DownloadSettings
    examine: ExamineSettings
    corpus: CorpusSettings
    detector: PartConfig
    executor: PartConfig

    @property
    def examination_values(self) -> dict[str, Any]:
        """All settings that determine the clips of a video, as plain values; they are fixed for a collection."""
        return {**self.examine.model_dump(mode="json"), "detector": self.detector.values}

    @property
    def digest(self) -> str:
        """Hash of `examination_values`, 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.examination_values, sort_keys=True).encode()).hexdigest()[:16]


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
        path: the file of the list, for messages; relative paths start from its folder.
        tables: its tables other than [[person]].
        overrides: "table.key=value" settings that replace those of the tables.
        problems: receives all faults.
        faithful: select clips by the thesis's rule.
    Returns:
        The settings; None if there are faults.
    """
    before = len(problems)
    merged = dict(tables)
    for override in overrides:
        try:
            merged = apply_override(merged, override)
        except RecipeError as error:
            # The recipe's error shows a setting of a recipe as its example.
            example = "train.batch_size=32", "face.min_face_pixels=96"
            problems += [problem.replace(*example) for problem in error.problems]
    known = {"person", *TABLES, *DEFAULT_PARTS}
    for name in merged:
        if name not in known:
            problems.append(f"{path}: [{name}] is not a table of a list of sources{did_you_mean(name, known)}")
    checked = {name: _check_table(model, merged, name, path, problems) for name, model in TABLES.items()}
    configs = {kind: _check_part(kind, merged, path, problems) for kind in DEFAULT_PARTS}
    if checked["download"] is not None:
        checked["download"] = _resolve_files(checked["download"], path, problems)
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
    """Describe the differences between two `examination_values`, one text per key."""
    return [f"{key}: {_lookup(before, key)} before, {_lookup(now, key)} now" for key in differences(before, now)]


def _check_table(model: type[Table], tables: Mapping[str, Any], name: str, path: Path, problems: list[str]) -> Any:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        problems.append(f"{path}: {name} = {table!r}: must be a table, written [{name}]")
        return None
    checked, wrong = check_table(model, table)
    problems += [f"{path}: [{name}] {problem}" for problem in wrong]
    return checked


def _check_part(kind: str, tables: Mapping[str, Any], path: Path, problems: list[str]) -> PartConfig | None:
    table = tables.get(kind, {})
    if isinstance(table, list) and not table:
        problems.append(f"{path}: {kind} = []: must be a table, written [{kind}]")
        return None
    with_default = {**tables, kind: {"type": DEFAULT_PARTS[kind], **table} if isinstance(table, dict) else table}
    config = check_config(kind, with_default, str(path), problems)
    if config is not None:
        config = replace(config, settings={key: _resolve(value, path.parent) for key, value in config.settings.items()})
        try:
            config.build()
        except RecipeError as error:
            problems += error.problems
        except DataError as error:
            problems += [f"{config.where} {problem}" for problem in error.problems]
    return config


def _resolve_files(download: Any, path: Path, problems: list[str]) -> DownloadSettings:
    """Resolve file names relative to the list of sources, and check the files."""
    cookies, archive = (_resolve(file, path.parent) for file in (download.cookies, download.archive))
    if cookies is not None and not cookies.is_file():
        problems.append(
            f"{path}: [download] cookies = '{cookies}': is not a file; export one from a browser, or omit the key"
        )
    if archive is not None and (archive.is_dir() or not archive.parent.is_dir()):
        problems.append(f"{path}: [download] archive = '{archive}': must be a file in an existing folder")
    resolved: DownloadSettings = download.model_copy(update={"cookies": cookies, "archive": archive})
    return resolved


def _resolve(value: Any, folder: Path) -> Any:
    return folder / os.path.expanduser(value) if isinstance(value, Path) else value


def _lookup(values: Mapping[str, Any], key: str) -> str:
    """Return the value of a dotted key, as JSON."""
    value: Any = values
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return json.dumps(value)
