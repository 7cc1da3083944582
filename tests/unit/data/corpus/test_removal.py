import csv
import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech, write_csv, write_png, write_wav
from faults import Killed, failing

from facegen.core.errors import DataError
from facegen.core.files import LOCK, file_lock
from facegen.core.progress import Observer
from facegen.data.corpus.file_swap import STAGING
from facegen.data.corpus.header import Provenance, stored_shards
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.removal import remove_person
from facegen.data.corpus.residue_scan import Fingerprints, find_traces, fingerprints_of
from facegen.data.corpus.shards import ShardWriter
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.data.importers.pack import pack_pairs

PEOPLE = ["Ana", "Ana Maria", "Bö", "Çem"]
FRAMES = [1, 3, 2, 1, 2, 1, 1, 2, 1, 1]


def write_corpus(folder: Path, without: str | None = None, shard_bytes: int = 3000, speech: bool = True) -> None:
    """Write ten clips of four people in several shards, optionally without one person."""
    provenance = Provenance(importer="test", source="nothing", facegen="0", settings={})
    with CorpusWriter(
        folder,
        image_pixels=16,
        sample_rate_hz=16000,
        attribute_classes={"sex": 2, "accent": 3},
        provenance=provenance,
        shard_bytes=shard_bytes,
    ) as writer:
        for clip, num_frames in enumerate(FRAMES):
            who = PEOPLE[clip % 4]
            if who == without:
                continue
            track = writer.add_track(make_speech(clip, 1000 + clip)) if speech else -1
            record = ClipRecord(
                who,
                f"v{clip}",
                f"{clip}.wav",
                track,
                {"sex": clip % 2, **({"accent": 1} if who == "Ana" else {})},
                caption=f"clip {clip} ä",
                source="from Bö's shelf" if who == "Bö" else "",
                text=np.full(3, clip, np.float32),
            )
            faces = np.stack([draw_face(10 * clip + frame, 16) for frame in range(num_frames)])
            writer.add_clip(record, faces, [100 * frame for frame in range(num_frames)])
        writer.finish()


def content(folder: Path) -> list:
    """Read the content of a corpus clip by clip, independent of the names of its shards."""
    corpus = Corpus.open(folder)
    corpus.verify(Observer())
    index, rows = corpus.index, []
    for clip in range(corpus.header.num_clips):
        num_frames = int(index.frame_offsets.diff()[clip])
        frames = torch.arange(num_frames)
        first = int(index.frame_offsets[clip])
        speech = b""
        if index.track[clip] >= 0:
            length = int(index.track_offsets.diff()[index.track[clip]])
            speech = corpus.speech(torch.tensor([clip]), torch.tensor([0]), length).numpy().tobytes()
        rows.append(
            (
                corpus.header.identities[index.identity[clip]],
                int(index.utterance[clip]),
                speech,
                corpus.faces(torch.full((num_frames,), clip), frames).numpy().tobytes(),
                index.frame_time_samples[first : first + num_frames].tolist(),
                {name: int(labels[clip]) for name, labels in index.attributes.items()},
                {name: column.at(torch.tensor([clip]))[0] for name, column in index.strings.items()},
                index.text[clip].tolist() if index.text is not None else None,
            )
        )
    return rows


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("shard_bytes", [3000, 2**20])
def test_the_remaining_corpus_equals_one_packed_without_the_person(tmp_path, who, shard_bytes):
    write_corpus(tmp_path / "all", shard_bytes=shard_bytes)
    write_corpus(tmp_path / "expected", without=who, shard_bytes=shard_bytes)
    marks = fingerprints_of(tmp_path / "all", who)
    assert find_traces(tmp_path / "all", marks)
    expected_clips = sum(PEOPLE[clip % 4] == who for clip in range(10))
    assert remove_person(tmp_path / "all", who) == expected_clips
    assert content(tmp_path / "all") == content(tmp_path / "expected")
    left, expected = Corpus.open(tmp_path / "all").header, Corpus.open(tmp_path / "expected").header
    kept = {"faces", "speech", "index"}
    assert left.model_dump(exclude=kept) == expected.model_dump(exclude=kept)
    if shard_bytes > 3000:
        hashes = [[shard.sha256 for shard in header.shards] for header in (left, expected)]
        assert hashes[0] == hashes[1]
    assert {path.name for path in (tmp_path / "all").iterdir()} == {"corpus.json", *(s.file for s in left.shards)}
    assert find_traces(tmp_path / "all", marks) == []


def test_shards_without_the_person_are_unchanged(tmp_path):
    write_corpus(tmp_path / "c")
    before = {path.name: path.stat().st_ino for path in stored_shards(tmp_path / "c")}
    remove_person(tmp_path / "c", "Çem")
    untouched = {path.name for path in stored_shards(tmp_path / "c")} & set(before)
    assert len(untouched) >= 3
    assert all((tmp_path / "c" / name).stat().st_ino == before[name] for name in untouched)
    assert any(name.startswith("faces") for name in untouched)
    assert any(name.startswith("speech") for name in untouched)


def test_people_are_removed_until_one_is_left(tmp_path):
    write_corpus(tmp_path / "c")
    for who in PEOPLE[:3]:
        remove_person(tmp_path / "c", who)
    assert Corpus.open(tmp_path / "c").header.identities == ("Çem",)
    before = content(tmp_path / "c")
    with pytest.raises(DataError, match="'Çem' is the only person in it; delete the folder instead"):
        remove_person(tmp_path / "c", "Çem")
    assert content(tmp_path / "c") == before


def test_without_speech(tmp_path):
    write_corpus(tmp_path / "c", speech=False)
    write_corpus(tmp_path / "expected", without="Bö", speech=False)
    remove_person(tmp_path / "c", "Bö")
    assert content(tmp_path / "c") == content(tmp_path / "expected")


def test_removing_an_unknown_name_changes_nothing(tmp_path):
    write_corpus(tmp_path / "c")
    before = (tmp_path / "c" / "corpus.json").read_bytes()
    assert remove_person(tmp_path / "c", "Dora") == 0
    assert (tmp_path / "c" / "corpus.json").read_bytes() == before
    with pytest.raises(DataError, match="does not exist; give a packed corpus"):
        remove_person(tmp_path / "nowhere", "Ana")


def test_rows_of_the_person_leave_the_tables(pairs, tmp_path):
    cells = {
        0: {"identity": "Ana", "face": "faces/1.png"},
        1: {"identity": "Eva"},
        2: {"identity": 'Io "x", y'},
        3: {"identity": 'Io "x", y', "face": "gone.png"},
        4: {"identity": "Eva", "face": "gone.png"},
    }
    pack_pairs(pairs(5, 5, cells), tmp_path / "c", image_pixels=32)
    assert remove_person(tmp_path / "c", 'Io "x", y') == 1
    with (tmp_path / "c" / "rejects.csv").open(newline="") as file:
        assert [row["identity"] for row in csv.DictReader(file)] == ["Eva"]
    with (tmp_path / "c" / "duplicates.csv").open(newline="") as file:
        assert [row["earlier_identity"] for row in csv.DictReader(file)] == ["Ana"]
    # Eva's face is also packed as Ana's: the trace is reported and the face stays.
    marks = fingerprints_of(tmp_path / "c", "Eva")
    remove_person(tmp_path / "c", "Eva")
    assert len((tmp_path / "c" / "duplicates.csv").read_text().splitlines()) == 1
    assert find_traces(tmp_path / "c", marks) == ["faces-00000.safetensors: the same face as clip 0 of 'Ana'"]


def test_a_person_in_the_rejects_only_is_removed(pairs, tmp_path):
    pack_pairs(pairs(4, 2, {3: {"identity": "Eva", "face": "gone.png"}}), tmp_path / "c", image_pixels=32)
    marks = fingerprints_of(tmp_path / "c", "Eva")
    assert find_traces(tmp_path / "c", marks) == ["rejects.csv: line 2"]
    assert remove_person(tmp_path / "c", "Eva") == 0
    assert find_traces(tmp_path / "c", marks) == []


def test_a_shared_track_stays_with_the_other_person(tmp_path):
    for number in range(3):
        write_png(tmp_path / f"{number}.png", draw_face(number))
        write_wav(tmp_path / f"{number}.wav", make_speech(number))
    rows = [
        {"identity": "Ana", "face": "0.png", "speech": "0.wav"},
        {"identity": "Eva", "face": "1.png", "speech": "0.wav"},
        {"identity": "Ana", "face": "2.png", "speech": "2.wav"},
    ]
    pack_pairs(write_csv(tmp_path / "pairs.csv", rows), tmp_path / "c", image_pixels=32)
    marks = fingerprints_of(tmp_path / "c", "Ana")
    remove_person(tmp_path / "c", "Ana")
    corpus = Corpus.open(tmp_path / "c")
    assert corpus.header.num_tracks == 1
    assert np.array_equal(corpus.speech(torch.tensor([0]), torch.tensor([0]), 1600)[0].numpy(), make_speech(0))
    assert find_traces(tmp_path / "c", marks) == ["the same speech as clip 0 of 'Eva'"]


def test_an_unused_track_is_removed(pairs, tmp_path):
    # The time of the face is after the end of its speech, which is already stored then.
    pack_pairs(pairs(3, 3, {1: {"time": "9.5"}, 2: {"identity": "Eva"}}), tmp_path / "c", image_pixels=32)
    assert Corpus.open(tmp_path / "c").header.num_tracks == 3
    remove_person(tmp_path / "c", "Eva")
    assert Corpus.open(tmp_path / "c").header.num_tracks == 1


def test_stopped_anywhere_it_is_the_old_corpus_or_the_new(tmp_path, no_syncing):
    """The process is killed at each call that changes the disk."""
    write_corpus(tmp_path / "original")
    (tmp_path / "original" / "rejects.csv").write_text("line,identity,reason,detail\n7,Ana,x,y\n8,Bö,x,y\n")
    (tmp_path / "original" / "derived").mkdir()
    (tmp_path / "original" / "derived" / "judge").write_text("learnt from Ana")
    write_corpus(tmp_path / "expected", without="Ana")
    old, new = content(tmp_path / "original"), content(tmp_path / "expected")
    marks = fingerprints_of(tmp_path / "original", "Ana")
    seen = set()
    for last in itertools.count():
        folder = tmp_path / f"c{last}"
        shutil.copytree(tmp_path / "original", folder)
        with failing(last, Killed()):
            try:
                remove_person(folder, "Ana")
                finished = True
            except Killed:
                finished = False
        remaining = content(folder)
        assert remaining in (old, new)
        seen.add(remaining == new)
        if finished:
            break
        remove_person(folder, "Ana")
        assert content(folder) == new
        assert find_traces(folder, marks) == []
        assert (folder / "rejects.csv").read_text().splitlines()[1:] == ["8,Bö,x,y"]
        assert not (folder / "derived").exists()
        assert not (folder / STAGING).exists()
    assert last > 20
    assert seen == {True, False}


def test_a_full_disk_leaves_the_old_corpus(tmp_path, monkeypatch):
    write_corpus(tmp_path / "c")
    before = content(tmp_path / "c")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ShardWriter, "append", full)
    with pytest.raises(DataError, match=r"cannot be rewritten \(No space left on device\); the corpus is intact"):
        remove_person(tmp_path / "c", "Ana")
    assert content(tmp_path / "c") == before
    monkeypatch.undo()
    assert remove_person(tmp_path / "c", "Ana") == 3


def test_a_concurrent_writer_and_a_killed_import(tmp_path):
    write_corpus(tmp_path / "c")
    message = "another import, export or removal is writing here; wait until it ends"
    with file_lock(tmp_path / "c" / LOCK), pytest.raises(DataError, match=message):
        remove_person(tmp_path / "c", "Ana")
    (tmp_path / "c" / STAGING).mkdir()
    (tmp_path / "c" / STAGING / "index.safetensors").write_bytes(b"Ana")
    assert remove_person(tmp_path / "c", "Ana") == 3
    assert not (tmp_path / "c" / STAGING).exists()


def test_a_removed_corpus_can_be_replaced(tmp_path):
    write_corpus(tmp_path / "c")
    remove_person(tmp_path / "c", "Ana")
    provenance = Provenance(importer="test", source="", facegen="0", settings={})
    with CorpusWriter(
        tmp_path / "c",
        image_pixels=16,
        sample_rate_hz=16000,
        attribute_classes={},
        provenance=provenance,
        overwrite=True,
    ) as writer:
        writer.add_clip(ClipRecord("a", "b", "c"), draw_face(0, 16)[None], [-1])
        writer.finish()
    names = {path.name for path in stored_shards(tmp_path / "c")}
    assert names == {"faces-00000.safetensors", "index.safetensors"}


class TestTraces:
    def test_a_name_within_a_longer_name_is_no_trace(self, tmp_path):
        write_corpus(tmp_path / "c")
        marks = fingerprints_of(tmp_path / "c", "Ana")
        assert marks.others == {"Ana Maria"}
        (tmp_path / "c" / "note.txt").write_text("Ana Maria, Banana, Anabel, Ana2")
        (tmp_path / "c" / "other.bin").write_bytes(b"\0\1Ana\0")
        (tmp_path / "c" / "Ana").mkdir()
        remove_person(tmp_path / "c", "Ana")
        assert find_traces(tmp_path / "c", marks) == ["Ana: the name of the file", "other.bin: the name"]

    def test_strings_of_others_and_the_provenance(self, tmp_path):
        write_corpus(tmp_path / "c")
        path = tmp_path / "c" / "corpus.json"
        values = json.loads(path.read_text())
        values["provenance"]["source"] = "shelf of Bö.csv"
        path.write_text(json.dumps(values))
        traces = find_traces(tmp_path / "c", Fingerprints("Bö"))
        assert traces == [
            "corpus.json: among the identities",
            "corpus.json: in the provenance",
            "index.safetensors: the source of clip 2, 'from Bö's shelf'",
            "index.safetensors: the source of clip 6, 'from Bö's shelf'",
        ]

    def test_a_number_as_a_name(self, tmp_path):
        write_corpus(tmp_path / "c")
        (tmp_path / "c" / "rejects.csv").write_text("line,identity,reason,detail\n10,Ana,x,y\n9,10,x,y\n")
        assert find_traces(tmp_path / "c", Fingerprints("10")) == ["rejects.csv: line 3"]

    def test_a_shard_that_an_interrupted_removal_left(self, tmp_path):
        write_corpus(tmp_path / "c")
        shutil.copy(tmp_path / "c" / "faces-00000.safetensors", tmp_path / "c" / "faces-00077.safetensors")
        expected = ["faces-00077.safetensors: is not part of the corpus any more, and may hold data of removed people"]
        assert find_traces(tmp_path / "c", Fingerprints("Dora")) == expected
        remove_person(tmp_path / "c", "Dora")
        assert find_traces(tmp_path / "c", Fingerprints("Dora")) == []

    def test_a_corpus_inside_a_folder(self, tmp_path):
        write_corpus(tmp_path / "c")
        assert find_traces(tmp_path, Fingerprints("Ana"))[0] == "c/corpus.json: among the identities"
