"""Replacing a corpus or an export, stopped at every operation that changes the disk: the old one or the new is whole."""

import errno
import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech
from faults import Killed, failing

from facegen.core.errors import DataError
from facegen.core.files import LOCK
from facegen.data.corpus import Corpus
from facegen.data.corpus_writer import ClipRecord, CorpusWriter
from facegen.data.export_shards import export_shards
from facegen.data.file_swap import recover
from facegen.data.manifest import FILE_NAME, Provenance
from facegen.data.removal import remove_faces, remove_person
from facegen.data.shard import sha256_of
from facegen.data.sources import read_source

FULL = OSError(errno.ENOSPC, "No space left on device")
MINE = {"mine.txt": "mine", "below/index.txt": "mine, too"}


def write_corpus(folder: Path, people: str, overwrite: bool = False) -> None:
    """A clip for each letter, in as many shards of faces, with one of speech, and a table beside."""
    provenance = Provenance(importer="test", source="", facegen="0", settings={})
    with CorpusWriter(
        folder, image_pixels=16, sample_rate_hz=16000, attribute_classes={}, provenance=provenance,
        overwrite=overwrite, shard_bytes=700,
    ) as writer:
        for letter in people:
            track = writer.add_track(make_speech(ord(letter), 50))
            writer.add_clip(ClipRecord(letter, "v", letter, track), draw_face(ord(letter), 16)[None], [0])
        (writer.staging / "rejects.csv").write_text(f"line,identity,reason,detail\n1,{people[-1]},x,{people}\n")
        writer.finish()


def corpus_of(folder: Path) -> str | None:
    """The people of a corpus, each with the right face; None where there is no corpus."""
    if not (folder / FILE_NAME).exists():
        return None
    corpus = Corpus.open(folder)
    corpus.verify()
    people = "".join(corpus.manifest.identities)
    for clip, letter in enumerate(people):
        face = corpus.faces(torch.tensor([clip]), torch.tensor([0]))[0].numpy()
        assert np.array_equal(face, draw_face(ord(letter), 16))
    return people


def export_of(folder: Path) -> str | None:
    """The people of an export; None where there is none, or where packing it is refused."""
    try:
        clips = read_source([folder]).requests.clips
    except DataError as error:
        assert "an export is at work here, or was killed" in str(error) or "holds no" in str(error), error
        return None
    return "".join(clip.identity for clip in clips) or None


@dataclass(frozen=True)
class Case:
    """One way to replace a set of files: what there is before, the call, and what a reader sees."""

    prepare: Callable[[Path], None]
    call: Callable[[Path], object]
    read: Callable[[Path], str | None]
    again: Callable[[Path], object] | None = None
    """The next call, where it is another one."""


@pytest.fixture(autouse=True)
def no_syncing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power fails here: syncing is counted as an operation, and takes no time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {people: tmp_path_factory.mktemp("packed") / people for people in ("abc", "ab", "de")}
    for people, folder in folders.items():
        write_corpus(folder, people)
    return folders


@pytest.fixture
def cases(packed: dict[str, Path], tmp_path: Path) -> dict[str, Case]:
    def corpus(people: str) -> Callable[[Path], None]:
        return lambda folder: shutil.copytree(packed[people], folder, dirs_exist_ok=True)

    def exported(folder: Path) -> None:
        export_shards(packed["abc"], folder, shard_bytes=10_000, speech="wav")

    def export(folder: Path, overwrite: bool) -> None:
        export_shards(packed["de"], folder, shard_bytes=10_000, speech="wav", overwrite=overwrite)

    def nothing(folder: Path) -> None:
        pass

    last = torch.tensor([False, False, True])
    return {
        "pack": Case(nothing, lambda folder: write_corpus(folder, "de"), corpus_of),
        "pack --overwrite": Case(corpus("abc"), lambda folder: write_corpus(folder, "de", True), corpus_of),
        "export": Case(nothing, lambda folder: export(folder, False), export_of),
        "export --overwrite": Case(exported, lambda folder: export(folder, True), export_of),
        "remove_person": Case(corpus("abc"), lambda folder: remove_person(folder, "c"), corpus_of),
        "remove_faces": Case(corpus("abc"), lambda folder: remove_faces(folder, last), corpus_of, recover),
    }


NAMES = ("pack", "pack --overwrite", "export", "export --overwrite", "remove_person", "remove_faces")


@pytest.mark.parametrize("error", [Killed(), KeyboardInterrupt(), FULL], ids=["killed", "interrupted", "full"])
@pytest.mark.parametrize("name", NAMES)
def test_stopped_anywhere(cases, tmp_path, name, error):
    case = cases[name]
    original, whole = tmp_path / "original", tmp_path / "whole"
    for folder in (original, whole):
        case.prepare(folder)
        for path, text in MINE.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    old = case.read(original)
    case.call(whole)
    new, files = case.read(whole), listing(whole)
    assert old != new and new is not None
    seen = set()
    for last in itertools.count():
        folder = tmp_path / f"{last}"
        shutil.copytree(original, folder)
        with failing(last, error) as disk:
            try:
                case.call(folder)
            except (Killed, KeyboardInterrupt, OSError, DataError):
                pass
        seen.add(case.read(folder))
        assert seen <= {old, new}, disk.failed
        repeat(case, folder, new)
        assert case.read(folder) == new, disk.failed
        assert listing(folder) == files, disk.failed
        shutil.rmtree(folder)
        if not disk.failed:
            break
    assert seen == {old, new} and last > 20


def repeat(case: Case, folder: Path, new: str) -> None:
    """The next call completes the work; one that has been completed may be refused, but only for that."""
    complete = case.read(folder) == new
    try:
        (case.again if complete and case.again else case.call)(folder)
    except DataError as error:
        assert complete and "already" in str(error), error


def listing(folder: Path) -> dict[str, str]:
    """Every file below a folder with its hash; locks of killed processes left aside."""
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LOCK
    }
