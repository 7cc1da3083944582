"""Replacement of a corpus or an export, killed at every operation that changes the disk: one of the two is complete."""

import contextlib
import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech, write_csv, write_png
from faults import Killed, failing

from facegen.collect.forget import forget_person
from facegen.collect.review.drop import drop_marked
from facegen.collect.review.review_list import face_digest
from facegen.core.errors import DataError
from facegen.core.files import LOCK
from facegen.data.corpus import file_swap
from facegen.data.corpus import reader as corpus_module
from facegen.data.corpus.file_swap import STAGING, recover
from facegen.data.corpus.header import HEADER_FILE, Provenance
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.removal import remove_faces, remove_person
from facegen.data.corpus.shards import sha256_of
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.data.importers.export_shards import export_shards
from facegen.data.importers.import_source import read_source
from facegen.data.importers.pack import pack_pairs

pytestmark = pytest.mark.usefixtures("no_syncing")

FULL = OSError(errno.ENOSPC, "No space left on device")
MINE = {"mine.txt": "mine", "below/index.txt": "mine, too"}


def write_corpus(folder: Path, people: str, overwrite: bool = False) -> None:
    """Write a corpus with a clip and a face shard per letter, one speech shard, and a table."""
    provenance = Provenance(importer="test", source="", facegen="0", settings={})
    with CorpusWriter(
        folder,
        image_pixels=16,
        sample_rate_hz=16000,
        attribute_classes={},
        provenance=provenance,
        overwrite=overwrite,
        shard_bytes=700,
    ) as writer:
        for letter in people:
            track = writer.add_track(make_speech(ord(letter), 50))
            writer.add_clip(ClipRecord(letter, "v", letter, track), draw_face(ord(letter), 16)[None], [0])
        (writer.staging / "rejects.csv").write_text(f"line,identity,reason,detail\n1,{people[-1]},x,{people}\n")
        writer.finish()


def corpus_of(folder: Path) -> str | None:
    """Read the people of a corpus, and check their faces; None if there is no corpus."""
    if not (folder / HEADER_FILE).exists():
        return None
    corpus = Corpus.open(folder)
    corpus.verify()
    people = "".join(corpus.header.identities)
    for clip, letter in enumerate(people):
        face = corpus.faces(torch.tensor([clip]), torch.tensor([0]))[0].numpy()
        assert np.array_equal(face, draw_face(ord(letter), 16))
    return people


def export_of(folder: Path) -> str | None:
    """Read the people of an export; None if there is none, or if packing it is refused."""
    try:
        clips = read_source([folder]).requests.clips
    except DataError as error:
        assert "an export is writing here, or was interrupted" in str(error) or "holds no" in str(error), error
        return None
    return "".join(clip.identity for clip in clips) or None


@dataclass(frozen=True)
class Case:
    """A way to replace a set of files: the state before, the call, and the state that a reader sees."""

    prepare: Callable[[Path], None]
    call: Callable[[Path], object]
    read: Callable[[Path], str | None]
    again: Callable[[Path], object] | None = None
    """The next call, where it is another one."""


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """Use an in-memory file system if there is one, because thousands of small files are written and deleted."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="facegen-") as folder:
        yield Path(folder)


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


@pytest.mark.parametrize(
    ("name", "error"),
    [*itertools.product(NAMES, [Killed(), FULL]), ("pack --overwrite", KeyboardInterrupt())],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
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
        with failing(last, error) as disk, contextlib.suppress(Killed, KeyboardInterrupt, OSError, DataError):
            case.call(folder)
        with failing(0, AssertionError("a reader writes")):
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
    """Call again: the call completes the work, or is refused because the work is complete."""
    complete = case.read(folder) == new
    try:
        (case.again if complete and case.again else case.call)(folder)
    except DataError as error:
        assert complete and "already" in str(error), error


def listing(folder: Path) -> dict[str, str]:
    """Hash every file below a folder, without the locks of killed processes."""
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LOCK
    }


@pytest.fixture
def folder(packed: dict[str, Path], tmp_path: Path) -> Path:
    """A corpus of a, b and c."""
    return shutil.copytree(packed["abc"], tmp_path / "corpus")


def test_packing_twice_gives_the_same_files(folder, packed):
    write_corpus(folder, "de", overwrite=True)
    assert listing(folder) == listing(packed["de"])


def test_without_hard_links_only_the_names_differ(folder, packed, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for people in ("de", "ab", "abc"):
        write_corpus(folder, people, overwrite=True)
        assert corpus_of(folder) == people and not (folder / STAGING).exists()
        assert len(list(folder.glob("*.safetensors"))) == len(list(packed[people].glob("*.safetensors")))
    export_shards(packed["abc"], folder / "tars", shard_bytes=10_000)
    export_shards(packed["de"], folder / "tars", shard_bytes=10_000, overwrite=True)
    assert export_of(folder / "tars") == "de" and len(list((folder / "tars").glob("*.tar"))) == 2


def test_a_reader_during_a_replacement_reads_the_new_corpus(folder, monkeypatch):
    checked = corpus_module.check_file

    def slow(path, shard):
        monkeypatch.setattr(corpus_module, "check_file", checked)
        write_corpus(folder, "de", overwrite=True)
        return checked(path, shard)

    monkeypatch.setattr(corpus_module, "check_file", slow)
    assert Corpus.open(folder).header.identities == ("d", "e")


def test_a_corpus_that_was_opened_before_stays_readable(folder):
    corpus = Corpus.open(folder)
    write_corpus(folder, "de", overwrite=True)
    for clip, letter in enumerate("abc"):
        face = corpus.faces(torch.tensor([clip]), torch.tensor([0]))[0].numpy()
        assert np.array_equal(face, draw_face(ord(letter), 16))


def test_a_folder_behind_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    write_corpus(tmp_path / "link", "de", overwrite=True)
    assert (tmp_path / "link").is_symlink() and corpus_of(folder) == "de"


def test_a_corpus_and_an_export_can_share_a_folder(folder, packed):
    export_shards(packed["de"], folder, shard_bytes=10_000)
    write_corpus(folder, "ab", overwrite=True)
    assert corpus_of(folder) == "ab" and len(list(folder.glob("*.tar"))) == 2
    export_shards(packed["ab"], folder, overwrite=True)
    assert corpus_of(folder) == "ab" and len(list(folder.glob("*.tar"))) == 1


def test_a_full_disk_is_explained(folder, tmp_path):
    rows = [{"identity": "ada", "face": str(write_png(tmp_path / "a.png", draw_face(0)))}]
    table = write_csv(tmp_path / "pairs.csv", rows)
    with failing(6, FULL), pytest.raises(DataError, match=r"corpus: cannot be written: no space is left on the disk"):
        pack_pairs(table, folder, overwrite=True, image_pixels=32)
    assert corpus_of(folder) == "abc"


@pytest.mark.parametrize("name", ["../mine.txt", "/etc/passwd", ".lock", ""])
def test_a_record_never_names_files_elsewhere(folder, name):
    (folder.parent / "mine.txt").write_text("mine")
    (folder / STAGING).mkdir()
    record = {"listing": "corpus.json", "new": [], "old": [name]}
    (folder / STAGING / file_swap._RECORD).write_text(json.dumps(record))
    with pytest.raises(DataError, match="is damaged; delete"):
        recover(folder)
    assert (folder.parent / "mine.txt").exists() and corpus_of(folder) == "abc"


@pytest.mark.parametrize("error", [Killed(), FULL], ids=["killed", "full"])
@pytest.mark.parametrize("in_place", [True, False])
def test_dropping_a_marked_face_is_stopped_anywhere(folder, tmp_path, error, in_place):
    marked = tmp_path / "marked.csv"
    marked.write_text(f"drop,person,clip,face,digest\nyes,c,2,0,{face_digest(Corpus.open(folder), 2, 0)}\n")
    seen = set()
    for last in itertools.count():
        copy = shutil.copytree(folder, tmp_path / f"{last}" / "corpus")
        out = None if in_place else copy.with_name("left")
        with failing(last, error) as disk, contextlib.suppress(Killed, DataError):
            drop_marked(copy, marked, out)
        seen.add(corpus_of(out or copy))
        assert corpus_of(copy) == "abc" or in_place, disk.failed
        with contextlib.suppress(DataError):  # the list belongs to the corpus before the removal
            drop_marked(copy, marked, out)
        assert corpus_of(out or copy) == "ab", disk.failed
        hidden = {path.name for path in copy.parent.rglob(".*")}
        assert hidden <= {LOCK} and len(list((out or copy).glob("*.safetensors"))) == 4, disk.failed
        shutil.rmtree(copy.parent)
        if not disk.failed:
            break
    assert seen == {"abc" if in_place else None, "ab"} and last > 20


class TestForget:
    """Removal of the last person of a corpus, which leaves no corpus and no file of it."""

    @pytest.mark.parametrize("error", [Killed(), FULL], ids=["killed", "full"])
    def test_stopped_anywhere(self, tmp_path, error):
        write_corpus(tmp_path / "original", "a")
        (tmp_path / "original" / "derived").mkdir()
        (tmp_path / "original" / "derived" / "judge").write_text("learnt from a")
        seen = set()
        for last in itertools.count():
            folder = shutil.copytree(tmp_path / "original", tmp_path / f"{last}")
            with failing(last, error) as disk, contextlib.suppress(Killed, DataError):
                forget_person(folder, "a")
            seen.add(corpus_of(folder))
            if (folder / HEADER_FILE).exists() or (folder / STAGING).exists():
                assert forget_person(folder, "a").is_complete
            assert listing(folder) == {}, disk.failed
            if not disk.failed:
                break
        assert seen == {"a", None}


PROGRAM = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from test_file_swap import write_corpus
from facegen.core import files
name, last = sys.argv[2].split()
operation, calls = getattr(os, name), iter(range(1000))
def call(*args, **keywords):
    if next(calls) == int(last):
        os.kill(os.getpid(), signal.SIGKILL)
    return operation(*args, **keywords)
setattr(os, name, call)
write_corpus(Path(sys.argv[1]), "de", overwrite=True)
"""


@pytest.mark.parametrize(
    ("moment", "people"),
    [("replace 3", "abc"), ("replace 8", "de"), ("link 1", "de")],
)
def test_a_process_that_is_killed(folder, moment, people):
    paths = [str(path) for path in sys.path if path]
    done = subprocess.run([sys.executable, "-c", PROGRAM, folder, moment, *paths])
    assert done.returncode == -signal.SIGKILL
    assert corpus_of(folder) == people and (folder / STAGING).exists()
    write_corpus(folder, "ab", overwrite=True)
    assert corpus_of(folder) == "ab" and not (folder / STAGING).exists()
