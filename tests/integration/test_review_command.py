"""Review of a collection: strangers are listed, dropped, not packed again, and restored."""

import csv
import json
import sqlite3
from contextlib import closing

import pytest
import torch
from speaking_videos import DETECTED_PEOPLE, write_speaker
from tiny_runs import RECIPES, TINY

from facegen.data.corpus.reader import Corpus

SERIAL = ["--set", "executor.type=serial"]


@pytest.fixture
def collection(facegen, tmp_path, capsys):
    """Collect four people with three videos of three faces each; one of ada's videos shows another person."""
    shown = {"ada": (0, 4, 0), "ben": (1, 1, 1), "cem": (2, 2, 2), "dee": (3, 3, 3)}
    text = ""
    for number, (name, people) in enumerate(shown.items()):
        videos = [tmp_path / f"{name}_{n}.mp4" for n in range(3)]
        for n, (path, person) in enumerate(zip(videos, people, strict=True)):
            # Each round shows the same faces with another sound.
            write_speaker(path, person + len(DETECTED_PEOPLE) * (3 * number + n))
        names = ", ".join(f'"{path.name}"' for path in videos)
        text += f'[[person]]\nname = "{name}"\nvideos = [{names}]\n'
    (tmp_path / "sources.toml").write_text(text)

    def collect(*words):
        capsys.readouterr()
        code = facegen("collect", tmp_path / "sources.toml", "--out", tmp_path / "out", *SERIAL, *words)
        return code, capsys.readouterr().out

    assert collect()[0] == 0
    return collect


def stored(folder):
    return [shard.sha256 for shard in Corpus.open(folder).header.shards]


def stranger(folder):
    """Return the clips that show another person, by their source."""
    corpus = Corpus.open(folder)
    names = corpus.index.strings["source"].at(torch.arange(corpus.header.num_clips))
    return {clip for clip, name in enumerate(names) if name.endswith("ada_1.mp4")}


def mark(path, out, chosen):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    marked = [row for row in rows if int(row["clip"]) in chosen]
    for row in marked:
        row["drop"] = "yes"
    with out.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return len(marked)


def test_review_finds_and_drops_a_stranger(collection, facegen, tmp_path, capsys):
    out = tmp_path / "out"
    before = stored(out)
    wrong = stranger(out)
    assert len(wrong) == 1 and Corpus.open(out).header.num_frames == 36
    capsys.readouterr()
    assert facegen("inspect", out, "--review", tmp_path / "review", "--json") == 0
    reviewed = json.loads(capsys.readouterr().out)["review"]
    assert reviewed["compared"] == ["face by hog_pitch", "voice by hog_pitch"] and reviewed["faces"] == 36
    assert {row["clip"] for row in reviewed["findings"] if row["person"] == "ada"} >= {str(clip) for clip in wrong}
    page = (tmp_path / "review" / "review.html").read_text(encoding="utf-8")
    assert "ada_1.mp4" in page and '<img class="typical"' in page

    assert mark(tmp_path / "review" / "review.csv", tmp_path / "marked.csv", wrong) == 3
    assert facegen("drop", out, tmp_path / "marked.csv") == 0
    output = capsys.readouterr().out
    assert "Dropped: 3 faces, 1 clips, 0 people" in output and "33 faces in 11 clips, bit for bit as before" in output
    assert stranger(out) == set() and Corpus.open(out).header.num_frames == 33
    with closing(sqlite3.connect(out / "collection" / "manifest.sqlite")) as db, db:
        reasons = db.execute("SELECT reason, count(*) FROM frames WHERE reason LIKE 'dropped%' GROUP BY 1").fetchall()
        clips = db.execute("SELECT count(*) FROM clips").fetchone()[0]
    assert reasons == [("dropped on review", 3)] and clips == 33

    code, output = collection()
    assert code == 0 and "dropped on review" in output and "11 clips with 33 faces" in output
    assert stranger(out) == set()
    after = stored(out)
    assert collection()[0] == 0 and stored(out) == after
    assert facegen("drop", out, "--restore") == 0
    assert "3 faces are restored" in capsys.readouterr().out
    assert collection()[0] == 0 and stored(out) == before, "nothing is lost"


def test_corpus_older_than_its_manifest_is_refused(collection, facegen, tmp_path, capsys):
    out = tmp_path / "out"
    assert facegen("inspect", out, "--review", tmp_path / "review", "--threshold", 0.01) == 0
    assert mark(tmp_path / "review" / "review.csv", tmp_path / "marked.csv", stranger(out)) == 3
    with closing(sqlite3.connect(out / "collection" / "manifest.sqlite")) as db, db:
        db.execute("UPDATE frames SET reason = 'blurred' WHERE reason = '' AND number = 2")
    before = stored(out)
    assert facegen("drop", out, tmp_path / "marked.csv") == 1
    assert "its corpus is older than its manifest; run `facegen collect` again" in capsys.readouterr().err
    assert stored(out) == before


def test_a_run_is_a_recogniser(collection, facegen, tmp_path, capsys):
    run = tmp_path / "judge"
    changes = {key: value for key, value in TINY.items() if not key.startswith("train.")} | {"data.image_pixels": 32}
    words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    assert facegen("train", RECIPES / "match_v2f.toml", "--out", run, *words) == 0
    capsys.readouterr()
    assert facegen("inspect", tmp_path / "out", "--review", tmp_path / "review", "--judge", run, "--json") == 0
    reviewed = json.loads(capsys.readouterr().out)["review"]
    assert reviewed["compared"] == ["face by judge", "voice by judge"]
    kept = list((tmp_path / "out" / "derived").glob("review-*.safetensors"))
    assert len(kept) == 2
    moments = [path.stat().st_mtime_ns for path in kept]
    assert facegen("inspect", tmp_path / "out", "--review", tmp_path / "again", "--judge", run) == 0
    assert [path.stat().st_mtime_ns for path in kept] == moments, "features are not computed twice"
    assert (tmp_path / "again" / "review.csv").read_bytes() == (tmp_path / "review" / "review.csv").read_bytes()


@pytest.mark.parametrize(("words", "code", "message"), [
    (["inspect", "c", "--recogniser", "dlib_faces"], 2, "--recogniser and --judge need --review DIR"),
    (["inspect", "c", "--review", "r"], 1, "c: does not exist"),
    (["inspect", "c", "--review", "r", "--threshold", "0"], 2, "--threshold"),
    (["drop", "c"], 2, "REVIEW.csv is missing: the list of `facegen inspect --review`, with your marks"),
    (["drop", "c", "x.csv", "--restore"], 2, "--restore takes neither a list nor --out"),
    (["drop", "c", "x.csv"], 1, "x.csv: cannot be read"),
    (["drop", "c", "--restore"], 1, "c: was not collected here"),
])  # fmt: skip
def test_wrong_calls(facegen, tmp_path, monkeypatch, capsys, words, code, message):
    monkeypatch.chdir(tmp_path)
    assert facegen(*words) == code
    assert message in capsys.readouterr().err


def test_unknown_recogniser_is_refused(collection, facegen, tmp_path, capsys):
    assert facegen("inspect", tmp_path / "out", "--review", tmp_path / "r", "--recogniser", "dlib_face") == 1
    assert "did you mean 'dlib_faces'" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
