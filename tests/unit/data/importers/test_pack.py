import csv
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech, write_csv, write_png, write_wav

from facegen.cli.detector import frontal_detector
from facegen.core.collection_interfaces import Detector, FaceBox
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.data.corpus.reader import Corpus
from facegen.data.importers.pack import pack_pairs
from facegen.data.loading.splits import utterance_number
from facegen.data.media.images import square_face


def face_of(corpus: Corpus, clip: int, frame: int = 0) -> np.ndarray:
    return corpus.faces(torch.tensor([clip]), torch.tensor([frame]))[0].numpy()


def speech_of(corpus: Corpus, clip: int) -> np.ndarray:
    length = int(corpus.index.track_offsets.diff()[corpus.index.track[clip]])
    return corpus.speech(torch.tensor([clip]), torch.tensor([0]), length)[0].numpy()


def rejects_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "rejects.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_packed_content_equals_the_files(pairs, tmp_path):
    report = pack_pairs(pairs(6), tmp_path / "out", image_pixels=32)
    corpus = Corpus.open(tmp_path / "out")
    corpus.verify(Observer())
    assert (report.num_rows, len(report.rejects), len(report.duplicates)) == (6, 0, 0)
    assert corpus.header.columns == ("faces", "identity", "speech")
    for row in range(6):
        assert corpus.header.identities[corpus.index.identity[row]] == f"person {row % 3}"
        assert np.array_equal(face_of(corpus, row), draw_face(row))
        assert np.array_equal(speech_of(corpus, row), make_speech(row, 1600 + row))
        assert corpus.index.utterance[row] == utterance_number(f"person {row % 3}", f"speech/{row}.wav")


def test_the_corpus_does_not_depend_on_threads(pairs, tmp_path, monkeypatch):
    table = pairs(12)
    hashes = []
    for number, cores in enumerate((1, 8)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        pack_pairs(table, tmp_path / str(number), image_pixels=32)
        hashes.append([shard.sha256 for shard in Corpus.open(tmp_path / str(number)).header.shards])
    assert hashes[0] == hashes[1]


def test_all_columns(pairs, tmp_path):
    for row in range(3):
        np.save(tmp_path / f"{row}.npy", np.arange(4, dtype=np.float64) + row)
    cells = {
        0: {"embedding": "0.npy", "caption": "a, man", "sex": "m", "video": "v1", "time": "0.05", "consent": "yes"},
        1: {"embedding": "1.npy", "caption": "wömen", "sex": "Female", "video": "v1", "source": "here"},
        2: {"embedding": "2.npy", "caption": "x", "sex": "", "note": "not for facegen"},
    }
    report = pack_pairs(pairs(3, 3, cells), tmp_path / "out", image_pixels=16)
    corpus = Corpus.open(tmp_path / "out")
    index = corpus.index
    assert report.ignored_columns == ["note"]
    assert corpus.header.columns == ("faces", "identity", "speech", "caption", "text")
    assert index.attributes["sex"].tolist() == [1, 0, -1]
    assert index.frame_time_samples.tolist() == [800, -1, -1]
    rows = torch.arange(3)
    assert {name: column.at(rows) for name, column in index.strings.items()} == {
        "name": ["speech/0.wav", "speech/1.wav", "speech/2.wav"],
        "caption": ["a, man", "wömen", "x"],
        "consent": ["yes", "", ""],
        "source": ["", "here", ""],
    }
    assert index.text is not None
    assert index.text.tolist() == [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]]
    assert index.utterance[0] == utterance_number("person 0", "v1")


def test_rows_that_share_speech_are_one_clip_with_several_faces(pairs, tmp_path):
    cells = {row: {"speech": "speech/0.wav", "identity": "Ana", "time": str(0.01 * row)} for row in (0, 2)}
    cells[1] = {"speech": "./speech/../speech/0.wav", "identity": "Eva"}
    report = pack_pairs(pairs(3, 3, cells), tmp_path / "out", image_pixels=32)
    corpus = Corpus.open(tmp_path / "out")
    assert corpus.index.frame_offsets.tolist() == [0, 2, 3]
    assert corpus.index.track.tolist() == [0, 0]
    assert corpus.index.frame_time_samples.tolist() == [0, 320, -1]
    assert np.array_equal(face_of(corpus, 0, 1), draw_face(2))
    assert report.duplicates == []


def test_the_same_content_under_two_names_is_stored_once_and_reported(pairs, tmp_path):
    table = pairs(4, 4)
    write_wav(tmp_path / "speech" / "3.wav", make_speech(1, 1601))
    write_png(tmp_path / "faces" / "2.png", draw_face(0))
    report = pack_pairs(table, tmp_path / "out", image_pixels=32)
    assert Corpus.open(tmp_path / "out").index.track.tolist() == [0, 1, 2, 1]
    duplicates = [(d.kind, d.line, d.earlier_line, d.identity, d.earlier_identity) for d in report.duplicates]
    assert duplicates == [("face", 4, 2, "person 2", "person 0"), ("speech", 5, 3, "person 3", "person 1")]
    assert len((tmp_path / "out" / "duplicates.csv").read_text().splitlines()) == 3


def test_bad_rows_are_rejected_with_their_reasons(pairs, tmp_path):
    (tmp_path / "text.wav").write_text("no sound" * 99)
    (tmp_path / "empty.png").touch()
    write_png(tmp_path / "tiny.png", draw_face(0, 8))
    write_wav(tmp_path / "silent.wav", np.zeros(99, np.int16))
    bad = [
        ({"identity": ""}, "has no identity"),
        ({"identity": "x" * 201}, "has an unusable identity"),
        ({"identity": "a\tb"}, "has an unusable identity"),
        ({"face": ""}, "has no face"),
        ({"speech": ""}, "has no speech, which other rows have"),
        ({"sex": "2"}, "has an unknown sex"),
        ({"time": "-1"}, "has an unusable time"),
        ({"time": "nan"}, "has an unusable time"),
        ({"time": "9.5"}, "has a time after the end of its speech"),
        ({"face": "missing.png"}, "face does not exist"),
        ({"face": "empty.png"}, "face is empty"),
        ({"face": "tiny.png"}, "face is smaller than 16 pixels"),
        ({"face": "text.wav"}, "face is not an image"),
        ({"speech": "text.wav"}, "speech cannot be decoded"),
        ({"speech": "silent.wav"}, "speech is silent, every sample is 0"),
        ({"speech": "missing.wav"}, "speech does not exist"),
    ]
    table = pairs(len(bad) + 2, 3, {row: cells for row, (cells, _) in enumerate(bad)})
    with table.open("a") as file:
        file.write("too,few\n\n")
    observed = []
    observer = Observer()
    observer.advance = lambda done, values=None: observed.append(done)  # type: ignore[method-assign]
    report = pack_pairs(table, tmp_path / "out", image_pixels=16, observer=observer)
    assert report.num_rows == len(bad) + 3
    assert Corpus.open(tmp_path / "out").header.num_clips == 2
    expected = [(line, reason) for line, (_, reason) in enumerate(bad, start=2)]
    expected.append((len(bad) + 4, "differs in its number of cells from the header"))
    rejects = rejects_of(tmp_path / "out")
    assert [(int(row["line"]), row["reason"]) for row in rejects] == expected
    assert report.reasons == Counter(reason for _, reason in expected)
    assert observed[-1] == report.num_rows
    assert "tiny.png" in rejects[11]["detail"]


def test_a_bad_face_does_not_affect_the_speech_of_other_faces(pairs, tmp_path):
    cells = {row: {"speech": "speech/0.wav", "identity": name} for row, name in enumerate(("Ana", "Eva", "Eva"))}
    cells[0]["face"] = cells[1]["face"] = "missing.png"
    report = pack_pairs(pairs(3, 3, cells), tmp_path / "out", image_pixels=32)
    corpus = Corpus.open(tmp_path / "out")
    assert report.reasons == {"face does not exist": 2}
    assert np.array_equal(speech_of(corpus, 0), make_speech(0, 1600))
    assert np.array_equal(face_of(corpus, 0), draw_face(2))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: np.save(path, np.zeros((2, 2))), "is not a vector of floats"),
        (lambda path: np.save(path, np.arange(4)), "is not a vector of floats"),
        (lambda path: np.save(path, np.array([1.0, np.nan, 0, 0])), "holds values that are not finite"),
        (lambda path: np.save(path, np.zeros(5)), "differs in length from the first embedding"),
        (lambda path: np.save(path, np.array([{}], dtype=object), allow_pickle=True), "is not a .npy file"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00" + b"\xff" * 20), "is not a .npy file"),
        (lambda path: path.write_text("x"), "is not a .npy file"),
        (lambda path: None, "does not exist"),
    ],
)
def test_unusable_embeddings(pairs, tmp_path, make, reason):
    for row in range(2):
        np.save(tmp_path / f"{row}.npy", np.zeros(4))
    make(tmp_path / "2.npy")
    report = pack_pairs(pairs(3, 3, {row: {"embedding": f"{row}.npy"} for row in range(3)}), tmp_path / "out")
    assert report.reasons == {f"embedding {reason}": 1}


def test_an_embedding_with_a_huge_header_is_refused_without_allocation(pairs, tmp_path):
    np.save(tmp_path / "0.npy", np.zeros(4))
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    (tmp_path / "1.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    report = pack_pairs(pairs(2, 2, {row: {"embedding": f"{row}.npy"} for row in range(2)}), tmp_path / "out")
    assert report.reasons == {"embedding is not a .npy file": 1}


def test_without_speech_every_row_is_a_clip(tmp_path):
    rows = []
    for row in range(4):
        write_png(tmp_path / f"{row}.png", draw_face(row))
        rows.append({"identity": "Ana", "face": f"{row}.png", "speech": ""})
    pack_pairs(write_csv(tmp_path / "pairs.csv", rows), tmp_path / "out", image_pixels=32)
    header = Corpus.open(tmp_path / "out").header
    assert header.columns == ("faces", "identity")
    assert (header.num_clips, header.num_tracks, header.speech) == (4, 0, ())


class CentreDetector(Detector):
    """Detector that reports the square from (4, 8) with a side of 16 pixels in every image."""

    smallest_pixels = 10**6

    def find(self, image):
        return [FaceBox(4, 8, 16, 1.0)]


def test_detected_faces_are_cropped_and_the_header_says_so(pairs, tmp_path):
    pack_pairs(pairs(3), tmp_path / "out", image_pixels=16, detect=CentreDetector, margin=0.0)
    corpus = Corpus.open(tmp_path / "out")
    assert corpus.header.provenance.settings["detect"] is True
    for row in range(3):
        assert np.array_equal(face_of(corpus, row), square_face(draw_face(row)[8:24, 4:20], 16))


def test_detection_rejects_images_without_a_face(pairs, tmp_path):
    with pytest.raises(DataError, match="none of 3 rows can be used: 3 face shows no frontal face") as caught:
        pack_pairs(pairs(3), tmp_path / "out", detect=frontal_detector)
    assert "0.png" in caught.value.problems[1]
    assert not (tmp_path / "out").exists()


def test_faces_are_squared_and_resized(pairs, tmp_path):
    table = pairs(1)
    wide = np.repeat(draw_face(0, 64), 2, axis=1)
    write_png(tmp_path / "faces" / "0.png", wide)
    pack_pairs(table, tmp_path / "out", image_pixels=16)
    expected = cv2.resize(wide[:, 32:96], (16, 16), interpolation=cv2.INTER_AREA)
    assert np.array_equal(face_of(Corpus.open(tmp_path / "out"), 0), expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; its first line must name the columns: identity, face"),
        (b"name,picture\n", "column 'identity' is missing"),
        (b"identiy,face\na,b\n", "did you mean 'identiy'?"),
        (b"identity,face,face\n", "column 'face' occurs 2 times"),
        (b"identity;face\n", "not separated by commas"),
        (b"identity,face\n", "has no rows; add a row for each face"),
        ("identity,face\nJosé,a.png\n".encode("latin-1"), "is not UTF-8 text"),
        (b'identity,face\n"' + b"x" * 200000, "line "),
    ],
)
def test_unusable_tables(tmp_path, content, message):
    (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        pack_pairs(tmp_path / "pairs.csv", tmp_path / "out")
    assert message in str(caught.value)
    assert str(tmp_path / "pairs.csv") in str(caught.value)


def test_all_header_problems_are_reported_at_once(tmp_path):
    (tmp_path / "pairs.csv").write_text("speech,speech,faces\n")
    with pytest.raises(DataError) as caught:
        pack_pairs(tmp_path / "pairs.csv", tmp_path / "out")
    assert len(caught.value.problems) == 3


def test_missing_table(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        pack_pairs(tmp_path / "pairs.csv", tmp_path / "out")


def test_a_table_from_a_spreadsheet_may_begin_with_a_mark(tmp_path):
    write_png(tmp_path / "a.png", draw_face(0))
    (tmp_path / "pairs.csv").write_bytes("\ufeffidentity,face\r\nJosé,a.png\r\n".encode())
    pack_pairs(tmp_path / "pairs.csv", tmp_path / "out")
    assert Corpus.open(tmp_path / "out").header.identities == ("José",)


def test_a_table_in_utf_16_is_refused_by_name(tmp_path):
    (tmp_path / "pairs.csv").write_bytes("identity,face\r\nJosé,a.png\r\n".encode("utf-16"))
    with pytest.raises(DataError) as raised:
        pack_pairs(tmp_path / "pairs.csv", tmp_path / "out")
    assert str(raised.value) == f"{tmp_path / 'pairs.csv'}: is encoded in UTF-16; save it in UTF-8"
