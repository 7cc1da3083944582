import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from facegen.core.errors import DataError
from facegen.core.files import LOCK, file_lock
from facegen.core.progress import Observer
from facegen.data.corpus.file_swap import STAGING
from facegen.data.corpus.header import Provenance
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.data.loading.splits import utterance_number

NUM_CLIPS = 7
FRAMES = [1, 3, 2, 1, 1, 2, 1]


def write_corpus(folder: Path, shard_bytes: int = 4000, overwrite: bool = False) -> None:
    """Seven clips of two people with 11 faces of 16 pixels and seven tracks, in several shards of each kind."""
    provenance = Provenance(importer="test", source="nothing", facegen="0", settings={})
    with CorpusWriter(
        folder,
        image_pixels=16,
        sample_rate_hz=16000,
        attribute_classes={"sex": 2},
        provenance=provenance,
        overwrite=overwrite,
        shard_bytes=shard_bytes,
    ) as writer:
        for clip in range(NUM_CLIPS):
            record = ClipRecord(
                identity="Bö" if clip % 2 else "Al",
                utterance=f"v{clip}",
                name=f"{clip}.wav",
                track=writer.add_track(make_speech(clip, 1000 + clip)),
                attributes={"sex": 1} if clip == 3 else {},
                caption=f"clip {clip} ä",
                text=np.full(3, clip, np.float32),
            )
            faces = np.stack([draw_face(10 * clip + frame, 16) for frame in range(FRAMES[clip])])
            writer.add_clip(record, faces, [100 * frame for frame in range(FRAMES[clip])])
        writer.finish()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "corpus")
    return tmp_path / "corpus"


def test_round_trip_is_bit_exact_across_shards(folder):
    corpus = Corpus.open(folder)
    assert len(corpus.header.faces) > 2
    assert len(corpus.header.speech) > 2
    clip = torch.tensor([clip for clip in range(NUM_CLIPS) for _ in range(FRAMES[clip])]).flip(0)
    frame = torch.tensor([frame for clip in range(NUM_CLIPS) for frame in range(FRAMES[clip])]).flip(0)
    expected = np.stack([draw_face(10 * c + f, 16) for c, f in zip(clip.tolist(), frame.tolist(), strict=True)])
    assert np.array_equal(corpus.faces(clip, frame).numpy(), expected)
    for clip in range(NUM_CLIPS):
        speech = corpus.speech(torch.tensor([clip]), torch.tensor([0]), 1000 + clip)[0].numpy()
        assert np.array_equal(speech, make_speech(clip, 1000 + clip))


@pytest.mark.parametrize(("start", "num"), [(0, 10), (990, 10), (990, 11), (999, 2500), (1003, 5), (500, 3000)])
def test_a_short_track_is_repeated(folder, start, num):
    track = make_speech(0, 1000)
    expected = np.concatenate([track] * 5)[start : start + num]
    speech = Corpus.open(folder).speech(torch.tensor([4, 0]), torch.tensor([7, start]), num)
    assert np.array_equal(speech[1].numpy(), expected)
    assert np.array_equal(speech[0].numpy(), np.concatenate([make_speech(4, 1004)] * 4)[7 : 7 + num])


def test_columns(folder):
    corpus = Corpus.open(folder)
    index = corpus.index
    assert corpus.header.identities == ("Al", "Bö")
    assert index.identity.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert index.utterance.tolist() == [utterance_number(["Al", "Bö"][clip % 2], f"v{clip}") for clip in range(7)]
    assert index.attributes["sex"].tolist() == [-1, -1, -1, 1, -1, -1, -1]
    assert index.frame_time_samples.tolist() == [100 * frame for num in FRAMES for frame in range(num)]
    assert index.strings["caption"].at(torch.tensor([5, 0])) == ["clip 5 ä", "clip 0 ä"]
    assert index.text is not None
    assert index.text[:, 0].tolist() == list(range(7))
    assert set(index.strings) == {"name", "caption"}


def test_shards_are_ordinary_safetensors_files(folder):
    shard = Corpus.open(folder).header.faces[0]
    with safe_open(folder / shard.file, "numpy") as opened:
        assert np.array_equal(opened.get_slice("faces")[0], draw_face(0, 16))


def test_a_frame_number_outside_its_clip_is_refused(folder):
    corpus = Corpus.open(folder)
    for frame in (1, -1):
        with pytest.raises(IndexError):
            corpus.faces(torch.tensor([0]), torch.tensor([frame]))


def test_verify_finds_one_changed_byte(folder):
    corpus = Corpus.open(folder)
    corpus.verify(Observer())
    path = folder / corpus.header.speech[1].file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"speech-00001.safetensors: has changed since packing"):
        Corpus.open(folder).verify(Observer())


class TestWriting:
    def test_an_interrupted_import_leaves_nothing(self, tmp_path):
        provenance = Provenance(importer="test", source="", facegen="0", settings={})
        with (
            pytest.raises(KeyboardInterrupt),
            CorpusWriter(
                tmp_path / "new", image_pixels=16, sample_rate_hz=16000, attribute_classes={}, provenance=provenance
            ) as writer,
        ):
            writer.add_clip(ClipRecord("a", "b", "c"), draw_face(0, 16)[None], [-1])
            raise KeyboardInterrupt
        assert not (tmp_path / "new").exists()

    def test_an_interrupted_replacement_leaves_the_old_one(self, folder):
        provenance = Provenance(importer="test", source="", facegen="0", settings={})
        with (
            pytest.raises(KeyboardInterrupt),
            CorpusWriter(
                folder,
                image_pixels=32,
                sample_rate_hz=8000,
                attribute_classes={},
                provenance=provenance,
                overwrite=True,
            ) as writer,
        ):
            writer.add_clip(ClipRecord("a", "b", "c"), draw_face(0, 32)[None], [-1])
            raise KeyboardInterrupt
        Corpus.open(folder).verify(Observer())

    def test_replacing_leaves_no_old_file(self, folder):
        (folder / "mine.txt").write_text("kept")
        assert (folder / "faces-00001.safetensors").exists()
        write_corpus(folder, shard_bytes=2**20, overwrite=True)
        assert {path.name for path in folder.iterdir()} == {
            "corpus.json",
            "faces-00000.safetensors",
            "speech-00000.safetensors",
            "index.safetensors",
            "mine.txt",
        }

    def test_a_corpus_is_not_replaced_without_overwrite(self, folder):
        with pytest.raises(DataError, match="holds a corpus already"):
            write_corpus(folder)

    def test_a_concurrent_import_is_refused(self, tmp_path):
        with file_lock(tmp_path / LOCK):
            for overwrite in (False, True):
                with pytest.raises(
                    DataError, match="another import, export or removal is writing here; wait until it ends"
                ):
                    write_corpus(tmp_path, overwrite=overwrite)

    def test_leftovers_of_a_killed_import_are_replaced(self, tmp_path):
        (tmp_path / STAGING).mkdir()
        (tmp_path / STAGING / "faces-00000.safetensors").write_bytes(b"cut short")
        (tmp_path / LOCK).touch()
        write_corpus(tmp_path)
        assert not (tmp_path / STAGING).exists()
        Corpus.open(tmp_path).verify()

    def test_shards_without_a_header_are_not_replaced_without_overwrite(self, folder):
        (folder / "corpus.json").unlink()
        with pytest.raises(DataError, match=r"holds faces-00000\.safetensors of a corpus without corpus\.json"):
            write_corpus(folder)
        assert (folder / "faces-00000.safetensors").exists()
        write_corpus(folder, overwrite=True)
        Corpus.open(folder).verify()

    def test_a_file_in_the_way(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(DataError, match="is a file; give a folder"):
            write_corpus(tmp_path / "file")

    def test_clips_must_have_the_same_columns(self, tmp_path):
        provenance = Provenance(importer="test", source="", facegen="0", settings={})
        with CorpusWriter(
            tmp_path / "new", image_pixels=16, sample_rate_hz=16000, attribute_classes={}, provenance=provenance
        ) as writer:
            writer.add_clip(ClipRecord("a", "b", "c"), draw_face(0, 16)[None], [-1])
            with pytest.raises(ValueError, match="either all clips of a corpus have speech, or none"):
                writer.add_clip(ClipRecord("a", "b", "d", caption="x"), draw_face(0, 16)[None], [-1])


def change_json(**changes):
    def change(folder: Path) -> None:
        path = folder / "corpus.json"
        values = json.loads(path.read_text())
        for key, value in changes.items():
            *above, last = key.split("__")
            place = values
            for step in above:
                place = place[int(step) if step.isdigit() else step]
            place[last] = value
        path.write_text(json.dumps(values))

    return change


def change_column(name: str, change):
    """Rewrite the index with a changed column, and corpus.json to match."""

    def apply(folder: Path) -> None:
        path = folder / "index.safetensors"
        columns = load_file(path)
        columns[name] = change(columns[name])
        save_file(columns, path)
        change_json(index__num_bytes=path.stat().st_size)(folder)

    return apply


def put(place: int, value: int):
    def change(column: np.ndarray) -> np.ndarray:
        column = column.copy()
        column[place] = value
        return column

    return change


def cut(name: str, num: int):
    def change(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:num])

    return change


def same_size_garbage(folder: Path) -> None:
    path = folder / "faces-00000.safetensors"
    path.write_bytes(b"\xff" * path.stat().st_size)


def swap_shards(folder: Path) -> None:
    first, second = folder / "faces-00000.safetensors", folder / "index.safetensors"
    shutil.copy(second, first)
    change_json(faces__0__num_bytes=first.stat().st_size)(folder)


def folder_for_file(folder: Path) -> None:
    (folder / "speech-00001.safetensors").unlink()
    (folder / "speech-00001.safetensors").mkdir()


HOSTILE = {
    "no corpus.json": (lambda folder: (folder / "corpus.json").unlink(), "has no corpus.json"),
    "no json": (lambda folder: (folder / "corpus.json").write_text("{"), "corpus.json: is not valid JSON"),
    "no object": (lambda folder: (folder / "corpus.json").write_text("[1]"), "is not a JSON object"),
    "not utf-8": (lambda folder: (folder / "corpus.json").write_bytes(b"\xff\xfe{}"), "is not valid JSON"),
    "deep json": (lambda folder: (folder / "corpus.json").write_text("[" * 10**5), "is not valid JSON"),
    "another version": (change_json(format_version=2), "format_version = 2; this facegen reads 1"),
    "version as a text": (change_json(format_version="1"), 'format_version = "1"'),
    "path escapes": (change_json(faces__0__file="../../secret.safetensors"), r"faces.0.file = \"../../secret"),
    "absolute path": (change_json(index__file="/etc/passwd"), r"index.file = \"/etc/passwd\""),
    "shard of another kind": (
        change_json(faces__0__file="speech-00000.safetensors"),
        "named once, in the list of its kind",
    ),
    "negative count": (change_json(num_clips=-7), "num_clips = -7"),
    "absurd count": (change_json(num_clips=2**70), "num_clips = "),
    "absurd rows": (change_json(faces__0__num_rows=2**50), "num_frames must be the sum"),
    "absurd rows everywhere": (change_json(faces__0__num_rows=2**50, num_frames=2**50 + 7), "'frame_time_samples' is"),
    "absurd size of a face": (change_json(image_pixels=10**6), "image_pixels = 1000000"),
    "another size of a face": (change_json(image_pixels=32), "but must hold faces uint8"),
    "unknown key": (change_json(code="import os"), "code is not a key here"),
    "people twice": (change_json(identities=["Al", "Al"]), "identities must be sorted and unique"),
    "control characters": (change_json(identities=["Al", "B\x1b[2J"]), "identities.1"),
    "people missing": (change_json(identities=["Al"]), "'identity' refers to a person who is not in the header"),
    "unknown attribute": (change_json(attributes={"sex": 2, "age": 3}), "column 'attribute.age' is missing"),
    "speech denied": (change_json(columns=["faces", "identity", "caption", "text"]), "columns must include speech"),
    "wrong length of text": (change_json(text_dim=4), r"column 'text' is torch.float32 \(7, 3\)"),
    "missing shard": (lambda folder: (folder / "faces-00001.safetensors").unlink(), "00001.safetensors: is missing"),
    "truncated shard": (cut("speech-00000.safetensors", 999), "is truncated: 999 bytes instead of"),
    "truncated index": (cut("index.safetensors", 5), "is truncated: 5 bytes"),
    "folder for a file": (folder_for_file, "is not a regular file"),
    "garbage of the right size": (same_size_garbage, "faces-00000.safetensors: is damaged"),
    "shard with other tensors": (swap_shards, "but must hold faces uint8"),
    "negative identity": (change_column("identity", put(0, -1)), "'identity' refers to a person"),
    "track outside": (change_column("track", put(2, 7)), "'track' refers to a track that does not exist"),
    "negative offset": (change_column("track_offsets", put(0, -5)), "'track_offsets' must increase from 0"),
    "falling offsets": (change_column("frame_offsets", put(3, 1)), "'frame_offsets' must increase from 0"),
    "overflowing offsets": (change_column("track_offsets", put(3, -(2**63))), "'track_offsets' must increase"),
    "offset past the end": (change_column("frame_offsets", put(-1, 12)), "'frame_offsets' must increase"),
    "track across shards": (change_column("track_offsets", put(2, 2002)), "splits a track between two shards"),
    "caption outside": (change_column("caption.offsets", put(-1, 9999)), "'caption.offsets' must increase"),
    "time": (change_column("frame_time_samples", put(0, -2)), "'frame_time_samples' is below -1"),
    "unknown class": (change_column("attribute.sex", put(0, 2)), "'sex' holds an unknown class"),
    "other numbers": (change_column("identity", lambda column: column.astype(np.float64)), "is torch.float64"),
    "shorter column": (change_column("utterance", lambda column: column[:-1].copy()), r"is torch.int64 \(6,\)"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_damaged_corpus_is_refused_with_a_message(folder, case):
    change, message = HOSTILE[case]
    change(folder)
    with pytest.raises(DataError, match=message) as caught:
        Corpus.open(folder)
    assert all(str(folder) in problem for problem in caught.value.problems)
    assert all(len(problem) < 1000 for problem in caught.value.problems)


def test_all_missing_files_are_named_at_once(folder):
    (folder / "faces-00000.safetensors").unlink()
    (folder / "index.safetensors").unlink()
    with pytest.raises(DataError) as caught:
        Corpus.open(folder)
    assert len(caught.value.problems) == 2


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist; give a packed corpus"):
        Corpus.open(tmp_path / "nowhere")


def test_the_source_of_a_corpus_may_have_a_name_that_is_not_utf8(tmp_path):
    write_corpus(tmp_path)
    header = Corpus.open(tmp_path).header
    provenance = Provenance(importer="test", source=os.fsdecode(b"t\xff.csv"), facegen="0", settings={})
    stored = json.loads(header.model_copy(update={"provenance": provenance}).to_json())
    assert stored["provenance"]["source"] == "t\\udcff.csv"
