import json

import pytest
from corpus_files import draw_face, make_speech, write_png, write_wav

from facegen.cli.main import main


def test_pack_and_inspect(pairs, tmp_path, capsys):
    table = pairs(6, 3, {0: {"face": "missing.png"}, 1: {"note": "x"}, 2: {"face": "faces/3.png"}})
    out = tmp_path / "[corpus]"
    assert main(["pack", str(table), "--out", str(out), "--image-pixels", "32"]) == 0
    streams = capsys.readouterr()
    assert "3 people, 5 clips, 5 faces" in streams.out
    assert "face does not exist" in streams.out
    assert "Ignored columns: note" in streams.err
    assert "1 rows repeat an earlier face or speech, 1 of them for another person" in streams.err
    assert main(["inspect", str(out), "--verify", "--out", str(tmp_path / "sheet.png")]) == 0
    streams = capsys.readouterr()
    assert f"{out}: packed from pairs.csv" in streams.out
    assert "all files match their hashes" in streams.out
    assert "heldout_people" in streams.out
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_pack_and_inspect_print_json(pairs, tmp_path, capsys):
    assert main(["pack", str(pairs(4, 2)), "--out", str(tmp_path / "out"), "--json"]) == 0
    packed = json.loads(capsys.readouterr().out)
    assert (packed["people"], packed["clips"], packed["rejected"]) == (2, 4, {})
    assert main(["inspect", str(tmp_path / "out"), "--json", "--split", "train"]) == 0
    inspected = json.loads(capsys.readouterr().out)
    assert inspected["columns"] == ["faces", "identity", "speech"]
    assert inspected["clips"] == inspected["splits"]["train"]["clips"]
    assert inspected["provenance"]["importer"] == "pairs"


def test_pack_overwrites_on_request_only(pairs, tmp_path, capsys):
    call = ["pack", str(pairs(2, 2)), "--out", str(tmp_path / "out")]
    assert main(call) == 0
    assert main(call) == 1
    assert "Error: " in capsys.readouterr().err
    assert main([*call, "--overwrite"]) == 0


@pytest.mark.parametrize("command", [["inspect"], ["pack", "--out", "out"]])
def test_missing_path_is_refused(tmp_path, capsys, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([command[0], "nowhere", *command[1:]]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: nowhere: ")
    assert "Traceback" not in error


def test_inspect_of_an_empty_split_is_refused(tmp_path, capsys):
    write_png(tmp_path / "a.png", draw_face(0))
    (tmp_path / "pairs.csv").write_text("identity,face\nAna,a.png\n")
    assert main(["pack", str(tmp_path / "pairs.csv"), "--out", str(tmp_path / "out")]) == 0
    codes = [
        main(["inspect", str(tmp_path / "out"), "--split", split, "--out", str(tmp_path / f"{split}.png")])
        for split in ("train", "heldout_utterances", "heldout_people")
    ]
    assert sorted(codes) == [0, 1, 1]
    assert capsys.readouterr().err.count("has no clips to draw; give another --split or --fold") == 2
    assert len(list(tmp_path.glob("*.png"))) == 2


def test_pack_reads_a_folder_of_people(tmp_path, capsys):
    for number in range(4):
        write_png(tmp_path / "in" / f"P{number % 2}" / f"{number}.png", draw_face(number))
    (tmp_path / "in" / "stray.txt").touch()
    assert main(["pack", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    streams = capsys.readouterr()
    assert "2 people, 4 clips, 4 faces" in streams.out
    assert "is not in a person's folder" in streams.out
    assert main(["pack", str(tmp_path / "out"), "--out", str(tmp_path / "other")]) == 1
    assert (
        "is a packed corpus already; train on it, or give the source that it was packed from" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "call",
    [
        [],
        ["--voxceleb", "a"],
        ["--voxceleb", "a", "--vggface", "b"],
        ["x.csv", "--meta", "c"],
        ["x.csv", "--voxceleb", "a", "--vggface", "b", "--meta", "c"],
    ],
)
def test_incomplete_sources_are_usage_errors(tmp_path, capsys, call):
    assert main(["pack", *call, "--out", str(tmp_path / "out")]) == 2
    assert "give SOURCE, or all of --voxceleb, --vggface (or --voxceleb-faces) and --meta" in capsys.readouterr().err


def test_pack_joins_voxceleb_and_vggface(tmp_path, capsys):
    for number in range(2):
        write_png(tmp_path / "vgg" / "Ana_B" / f"{number}.png", draw_face(number))
        write_wav(tmp_path / "vox" / "wav" / "id1" / "video" / f"{number}.wav", make_speech(number))
    (tmp_path / "meta.csv").write_text("VoxCeleb1 ID\tVGGFace1 ID\tGender\nid1\tAna_B\tf\nid2\tBen\tm\n")
    folders = ["--voxceleb", str(tmp_path / "vox"), "--vggface", str(tmp_path / "vgg")]
    assert main(["pack", *folders, "--meta", str(tmp_path / "meta.csv"), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "1 people, 2 clips, 2 faces" in printed
    assert "has no folder with speech" in printed
