import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech, write_png, write_wav

from facegen.core.errors import DataError
from facegen.data.corpus.reader import Corpus
from facegen.data.importers.folder import distribute_faces, read_folder
from facegen.data.importers.import_source import read_source
from facegen.data.importers.pack import pack
from facegen.data.loading.splits import utterance_number


def lay(root: Path, *names: str) -> Path:
    """Create empty files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def requested(root: Path) -> list[tuple[str, str, str | None, list[str], str]]:
    """List (identity, utterance, speech, faces, name) of every clip, with paths relative to the root."""
    return [
        (
            clip.identity,
            clip.utterance,
            clip.speech and clip.speech.relative_to(root).as_posix(),
            [face.path.relative_to(root).as_posix() for face in clip.faces],
            clip.name,
        )
        for clip in read_folder(root).clips
    ]


def test_images_without_speech_are_a_clip_each(tmp_path):
    lay(tmp_path, "Ben/2.JPG", "Ana/1.png", "Ana/.DS_Store", ".hidden/1.png")
    assert requested(tmp_path) == [
        ("Ana", "Ana/1.png", None, ["Ana/1.png"], "Ana/1.png"),
        ("Ben", "Ben/2.JPG", None, ["Ben/2.JPG"], "Ben/2.JPG"),
    ]


def test_an_image_is_paired_with_the_speech_of_its_stem(tmp_path):
    lay(tmp_path, "Ana/1.png", "Ana/1.wav", "Ana/2.jpg", "Ana/2.png", "Ana/2.flac")
    assert requested(tmp_path) == [
        ("Ana", "Ana/1.wav", "Ana/1.wav", ["Ana/1.png"], "Ana/1.wav"),
        ("Ana", "Ana/2.flac", "Ana/2.flac", ["Ana/2.jpg", "Ana/2.png"], "Ana/2.flac"),
    ]


def test_stems_are_paired_across_folders(tmp_path):
    lay(tmp_path, "Ana/faces/1.png", "Ana/faces/2.png", "Ana/speech/1.wav", "Ana/speech/2.wav")
    assert requested(tmp_path) == [
        ("Ana", f"Ana/speech/{n}.wav", f"Ana/speech/{n}.wav", [f"Ana/faces/{n}.png"], f"Ana/speech/{n}.wav")
        for n in (1, 2)
    ]


def test_several_folders_with_audio_are_recordings(tmp_path):
    names = ("v1/00001", "v1/00002", "v2/00001")
    lay(tmp_path, *(f"Ana/{name}.{kind}" for name in names for kind in ("png", "wav")))
    assert [(utterance, faces) for _, utterance, _, faces, _ in requested(tmp_path)] == [
        ("Ana/v1", ["Ana/v1/00001.png"]),
        ("Ana/v1", ["Ana/v1/00002.png"]),
        ("Ana/v2", ["Ana/v2/00001.png"]),
    ]


def test_files_without_a_common_stem_are_distributed(tmp_path):
    lay(tmp_path, "Ana/a.png", "Ana/b.png", "Ana/c.png", "Ana/x.wav", "Ana/y.wav")
    assert [(speech, faces) for _, _, speech, faces, _ in requested(tmp_path)] == [
        ("Ana/x.wav", ["Ana/a.png", "Ana/c.png"]),
        ("Ana/y.wav", ["Ana/b.png"]),
    ]


def test_files_left_after_pairing_are_distributed_among_all(tmp_path):
    lay(tmp_path / "more", "Ana/1.png", "Ana/1.wav", "Ana/a.png", "Ana/b.png")
    assert [(speech, faces) for _, _, speech, faces, _ in requested(tmp_path / "more")] == [
        ("Ana/1.wav", ["Ana/1.png"]),
        ("Ana/1.wav", ["Ana/a.png", "Ana/b.png"]),
    ]
    lay(tmp_path / "less", "Ana/1.png", "Ana/1.wav", "Ana/2.wav")
    assert [(speech, faces) for _, _, speech, faces, _ in requested(tmp_path / "less")] == [
        ("Ana/1.wav", ["Ana/1.png"]),
        ("Ana/2.wav", ["Ana/1.png"]),
    ]


@pytest.mark.parametrize(("num_faces", "num_tracks"), [(1, 5), (5, 1), (4, 4), (7, 3), (3, 7)])
def test_distribution_uses_everything_as_evenly_as_possible(num_faces, num_tracks):
    dealt = distribute_faces(list(range(num_faces)), [Path(str(track)) for track in range(num_tracks)])
    faces = [face for _, theirs in dealt for face in theirs]
    assert len(dealt) == num_tracks
    assert set(faces) == set(range(num_faces))
    assert len(faces) == max(num_faces, num_tracks)
    counts = [faces.count(face) for face in range(num_faces)]
    assert max(counts) - min(counts) <= 1


def test_distribution_of_nothing():
    assert distribute_faces([], [Path("a")]) == []
    assert distribute_faces([1], []) == []


def test_unusable_files_are_listed(tmp_path):
    lay(
        tmp_path,
        "stray.png",
        "Ana/1.png",
        "Ana/1.wav",
        "Ana/list.txt",
        "Ben/1.png",
        "Cem/1.wav",
        "Dora/notes.txt",
        "x\ty/1.png",
    )
    (tmp_path / ("x" * 201)).mkdir()
    requests = read_folder(tmp_path)
    assert [(reject.identity, reject.reason) for reject in requests.rejects] == [
        ("", "is not in a person's folder"),
        ("Ana", "has the extension of neither an image nor an audio file"),
        ("Ben", "has no speech, which other people have"),
        ("Cem", "has no face"),
        ("Dora", "has no face"),
        ("Dora", "has the extension of neither an image nor an audio file"),
        ("x\ty", "has an unusable identity"),
        ("x" * 200, "has an unusable identity"),
    ]
    lines = [reject.line for reject in requests.rejects] + [face.line for clip in requests.clips for face in clip.faces]
    assert sorted(lines) == list(range(1, 10))
    assert requests.num_rows == 9


@pytest.mark.parametrize("names", [(), ("a.png", "b.png")])
def test_a_folder_without_people(tmp_path, names):
    lay(tmp_path, *names)
    with pytest.raises(DataError, match=r"has no subfolders; give a folder with one subfolder of images per person"):
        read_folder(tmp_path)


def test_from_folder_to_corpus(tmp_path):
    for number in range(4):
        write_png(tmp_path / "in" / f"P{number % 2}" / f"{number}.png", draw_face(number))
        write_wav(tmp_path / "in" / f"P{number % 2}" / f"{number}.wav", make_speech(number, 1600 + number))
    (tmp_path / "in" / "P1" / "bad.png").write_text("no picture")
    write_wav(tmp_path / "in" / "P1" / "bad.wav", make_speech(9))
    report = pack(read_source([tmp_path / "in"]), tmp_path / "out", image_pixels=32)
    corpus = Corpus.open(tmp_path / "out")
    assert (report.num_rows, report.reasons) == (5, {"face is not an image": 1})
    assert (corpus.header.provenance.importer, corpus.header.provenance.source) == ("folder", "in")
    for clip, seed in enumerate((0, 2, 1, 3)):
        assert np.array_equal(corpus.faces(torch.tensor([clip]), torch.tensor([0]))[0].numpy(), draw_face(seed))
        speech = corpus.speech(torch.tensor([clip]), torch.tensor([0]), 1600 + seed)[0].numpy()
        assert np.array_equal(speech, make_speech(seed, 1600 + seed))
        who = f"P{seed % 2}"
        assert corpus.index.utterance[clip] == utterance_number(who, f"{who}/{seed}.wav")
    assert report.duplicates == []


def test_a_face_that_is_used_twice_is_no_duplicate(tmp_path):
    write_png(tmp_path / "in" / "Ana" / "face.png", draw_face(0))
    for number in range(3):
        write_wav(tmp_path / "in" / "Ana" / f"{number}.wav", make_speech(number))
    report = pack(read_source([tmp_path / "in"]), tmp_path / "out", image_pixels=32)
    assert (report.header.num_clips, report.num_rows, list(report.duplicates)) == (3, 3, [])


def test_file_names_that_are_not_utf8(tmp_path):
    folder = tmp_path / "in" / "Ana"
    folder.mkdir(parents=True)
    try:
        (folder / "caf\udce9.png").write_bytes(write_png(tmp_path / "a.png", draw_face(0)).read_bytes())
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    (folder / "b\udce9.png").write_text("no picture")
    report = pack(read_source([tmp_path / "in"]), tmp_path / "out", image_pixels=32)
    assert report.header.num_clips == 1
    with (tmp_path / "out" / "rejects.csv").open(newline="") as file:
        assert r"b\udce9.png: is not an image" in next(csv.DictReader(file))["detail"]
