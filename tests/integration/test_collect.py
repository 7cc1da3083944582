"""Collection from a list of sources to a corpus, with a local server and the extractors of yt-dlp."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import torch
from speaking_videos import FACE, HEIGHT, RATE_HZ, WIDTH, hum, portrait, serving, write_speaker
from tiny_runs import RECIPES, settings

from facegen.data.corpus.dataset import Packed
from facegen.data.corpus.file_swap import STAGING
from facegen.data.corpus.reader import Corpus

SERIAL = ["--set", "executor.type=serial", "--set", "download.timeout_seconds=5", "--set", "download.backoff_seconds=0"]


@pytest.fixture
def site(tmp_path):
    with serving(tmp_path / "www") as site:
        yield site


@pytest.fixture
def collect(facegen, tmp_path, capsys):
    """Return a function that runs `facegen collect` and returns exit code, stdout, stderr."""

    def call(text, *words, out="out", serial=True):
        path = tmp_path / "sources.toml"
        path.write_text(text)
        capsys.readouterr()
        code = facegen("collect", path, "--out", tmp_path / out, *(SERIAL if serial else []), *words)
        return code, *capsys.readouterr()

    return call


def rows(folder, query):
    with closing(sqlite3.connect(folder / "collection" / "manifest.sqlite")) as db, db:
        return db.execute(query).fetchall()


def test_the_whole_path(site, collect, facegen, tmp_path, capsys):
    for number, name in enumerate(["page.mp4", "direct.mp4", "third.mp4"]):
        write_speaker(site.root / name, number)
    site.write_page("talk.html", "page.mp4")
    feed = site.write_feed("feed.xml", ["talk.html", "direct.mp4", "third.mp4"])
    write_speaker(tmp_path / "local" / "own.mp4", 3)
    text = f"""
        [[person]]
        name = "ada"
        channel = "{feed}"
        last = 2
        consent = "signed form"
        licence = "CC BY 4.0"
        sex = "f"
        language = "en"
        [[person]]
        name = "ben"
        videos = ["local/own.mp4"]
    """
    code, out, err = collect(text)
    assert code == 0, err
    assert "2 clips" not in out and "3 clips with 9 faces" in out
    assert "ada" in out and "female (1)" in out
    assert site.asked["third.mp4"] == 0
    assert (tmp_path / "local" / "own.mp4").exists()
    assert not list((tmp_path / "out" / "collection" / "downloads").iterdir())

    corpus = Corpus.open(tmp_path / "out")
    corpus.verify()
    manifest, index = corpus.header, corpus.index
    assert manifest.identities == ("ada", "ben") and manifest.num_tracks == 3
    clips = torch.arange(3)
    # The order of the list, with the channel's videos at the end, because they become known later.
    who = [manifest.identities[number] for number in index.identity.tolist()]
    assert sorted(who) == ["ada", "ada", "ben"]
    ben = who.index("ben")
    stored = {name: index.strings[name].at(clips) for name in ("consent", "licence", "language", "source", "name")}
    assert [stored["consent"][clip] for clip in range(3) if clip != ben] == ["signed form"] * 2
    assert stored["consent"][ben] == stored["licence"][ben] == stored["language"][ben] == ""
    assert stored["source"][ben] == "local/own.mp4" and stored["name"][ben] == "local/own.mp4 at 2.00-6.00 s"
    assert set(stored["source"]) == {"local/own.mp4", site.url("talk.html"), site.url("direct.mp4")}
    assert index.attributes["sex"].tolist() == [-1 if clip == ben else 0 for clip in range(3)]

    # The track is the sound itself, from 0 to 8 s, and the faces stand at 2, 4 and 6 s of it.
    assert index.frame_time_samples.view(3, 3).tolist() == [[2 * RATE_HZ, 4 * RATE_HZ, 6 * RATE_HZ]] * 3
    speech = corpus.speech(torch.tensor([ben]), torch.tensor([0]), 8 * RATE_HZ)[0].numpy().astype(float)
    true = hum(3, 8).astype(float)
    assert np.corrcoef(speech[RATE_HZ:-RATE_HZ], true[RATE_HZ:-RATE_HZ])[0, 1] > 0.99
    # Each box lies around the face that was drawn, and the face is cut out around it.
    left, top, side = index.frame_boxes[int(index.frame_offsets[ben])].tolist()
    assert left > (WIDTH - FACE) / 2 and left + side < (WIDTH + FACE) / 2
    assert abs(left + side / 2 - WIDTH / 2) < 8 and abs(top + side / 2 - HEIGHT / 2) < 12
    face = corpus.faces(torch.tensor([ben]), torch.tensor([0]))[0].numpy().astype(float)
    around = portrait(504)[top : top + side, left : left + side].astype(float)
    inner = face[22:106, 22:106]
    assert abs(inner.mean() - around.mean()) < 15

    capsys.readouterr()
    assert facegen("inspect", tmp_path / "out", "--verify", "--out", tmp_path / "sheet.png") == 0
    assert "9" in capsys.readouterr().out and (tmp_path / "sheet.png").exists()


def test_a_second_call_repeats_nothing_and_new_videos_are_added(site, collect, tmp_path):
    for number in range(3):
        write_speaker(site.root / f"{number}.mp4", number)
    feed = site.write_feed("feed.xml", ["0.mp4", "1.mp4", "2.mp4"])
    one = f"[[person]]\nname = 'ada'\nchannel = '{feed}'\nlast = 1\n"
    assert collect(one)[0] == 0
    asked = dict(site.asked)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.*")}
    code, out, _ = collect(one)
    assert code == 0 and "unchanged" in out
    assert site.asked == asked
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.*")} == before
    # A larger `last` asks the channel again, and fetches only what is new.
    code, out, _ = collect(one.replace("last = 1", "last = 2"))
    assert code == 0 and "2 clips with 6 faces" in out
    assert site.asked["0.mp4"] == asked["0.mp4"] and site.asked["1.mp4"] > 0 and site.asked["2.mp4"] == 0


def test_the_corpus_trains_at_once(collect, facegen, tmp_path):
    text = ""
    for number in range(6):
        paths = [write_speaker(tmp_path / f"{number}-{take}.mp4", 10 * number + take).name for take in range(2)]
        text += f"[[person]]\nname = 'p{number}'\nvideos = {paths}\n"
    assert collect(text, "--set", "corpus.image_pixels=32", "--set", "corpus.faces_per_clip=1")[0] == 0
    corpus = Corpus.open(tmp_path / "out")
    # A row a face; the rows of one video share its track.
    assert (corpus.header.num_clips, corpus.header.num_frames, corpus.header.num_tracks) == (36, 36, 12)
    tiny = settings(data__speech_seconds=1, match__batch_size=4, train__batch_size=4)
    tiny = [word for key, word in zip(tiny[::2], tiny[1::2], strict=True) if _fits(word) for word in (key, word)]
    run = tmp_path / "run"
    recipe = RECIPES / "speech_relid.toml"
    assert facegen("train", recipe, "--preset", "small", *tiny, "--data", tmp_path / "out", "--out", run) == 0
    assert (run / "checkpoints").is_dir()


def _fits(word: str) -> bool:
    """Return false for settings of the synthetic speakers, which a packed corpus refuses."""
    return not any(key in word for key in ("clip_seconds", "num_people", "num_heldout", "clips_per", "frames_per"))


def test_segments_choose_the_part_and_fetch_once(site, facegen, tmp_path):
    write_speaker(site.root / "long.mp4", 0, 20)
    table = tmp_path / "segments.csv"
    table.write_text(f"{site.url('long.mp4')},1.0,7.5,0.5,0.5\n{site.url('long.mp4')},9.0,14.0,0.5,0.5\n")
    assert facegen("collect", table, "--out", tmp_path / "out", *SERIAL) == 0
    corpus = Corpus.open(tmp_path / "out")
    assert corpus.header.identities == ("long_1-7.5", "long_9-14")
    names = corpus.index.strings["name"].at(torch.tensor([0, 1]))
    assert all("at 3.00" in name or "at 11.00" in name for name in names)
    whole = [path for path in site.asked if path == "long.mp4"]
    assert whole and rows(tmp_path / "out", "SELECT count(*) FROM videos WHERE state = 'done'") == [(2,)]
    once = site.asked["long.mp4"]
    assert facegen("collect", table, "--out", tmp_path / "other", *SERIAL) == 0
    # Two segments cost as many requests as one: the page and the file.
    assert site.asked["long.mp4"] == 2 * once
    (site.root / "one.csv").write_text(f"{site.url('long.mp4')},1.0,7.5,0.5,0.5\n")
    assert facegen("collect", site.root / "one.csv", "--out", tmp_path / "third", *SERIAL) == 0
    assert site.asked["long.mp4"] == 3 * once


def test_other_settings_are_refused_without_redo(site, collect, tmp_path):
    write_speaker(tmp_path / "a.mp4", 0)
    text = "[[person]]\nname = 'ada'\nvideos = ['a.mp4']\n"
    assert collect(text)[0] == 0
    code, _, err = collect(text, "--set", "speech.spacing_seconds=1")
    assert code == 1
    assert "1 videos were examined under other settings: speech.spacing_seconds: 2.0 before, 1.0 now" in err
    assert Corpus.open(tmp_path / "out").header.num_frames == 3
    code, _, err = collect(text, "--set", "speech.spacing_seconds=1", "--redo")
    assert code == 0 and "1 videos are examined again under the new settings" in err
    assert Corpus.open(tmp_path / "out").header.num_frames == 5
    # Settings of the packing may change: another size is packed from the same results.
    assert collect(text, "--set", "speech.spacing_seconds=1", "--set", "corpus.image_pixels=64")[0] == 0
    assert Corpus.open(tmp_path / "out").header.image_pixels == 64


def test_videos_and_frames_are_kept_on_request(site, collect, tmp_path):
    write_speaker(site.root / "a.mp4", 0)
    text = f"[[person]]\nname = 'ada'\nvideos = ['{site.url('a.mp4')}']\n"
    assert collect(text, "--keep-videos", "--keep-frames")[0] == 0
    folder = tmp_path / "out" / "collection"
    (kept,) = (folder / "videos").iterdir()
    assert [path.read_bytes() for path in kept.iterdir()] == [(site.root / "a.mp4").read_bytes()]
    (frames,) = (folder / "frames").iterdir()
    assert sorted(path.name for path in frames.iterdir()) == ["000002000.jpg", "000004000.jpg", "000006000.jpg"]
    asked = site.asked["a.mp4"]
    assert collect(text, "--set", "speech.spacing_seconds=1", "--redo", "--keep-videos")[0] == 0
    assert site.asked["a.mp4"] == asked


def test_status_counts_like_table_one(collect, facegen, tmp_path, capsys):
    write_speaker(tmp_path / "a.mp4", 0)
    write_speaker(tmp_path / "b.mp4", 1, 14)
    write_speaker(tmp_path / "c.mp4", 2, 3)
    people = [("ada", "f", ["a.mp4", "c.mp4"]), ("ben", "m", ["b.mp4"])]
    text = "".join(f"[[person]]\nname = '{n}'\nsex = '{s}'\nvideos = {v}\n" for n, s, v in people)
    assert collect(text)[0] == 0
    assert facegen("collect", tmp_path / "sources.toml", "--out", tmp_path / "out", "--status", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    ada, ben = status["people"]
    # 8 s: faces at 2, 4, 6; 14 s: at 2, 4, ..., 12.
    assert (ada["videos"], ada["done"], ada["faces"], ada["faces_seconds"], ada["unique_seconds"]) == (2, 1, 3, 12, 8)
    assert (ben["faces"], ben["faces_seconds"], ben["unique_seconds"]) == (6, 24, 14)
    assert [(group["name"], group["faces"]) for group in status["groups"]] == [("female", 3), ("male", 6), ("all", 9)]
    assert status["frames_rejected"]["too close to the frame before"] == 2 + 5
    assert [(problem["reason"], problem["count"]) for problem in status["videos_rejected"]] == [("too short", 1)]
    assert status["settings"]["speech"]["window_seconds"] == 4


def test_the_same_sound_twice_is_one_video(collect, tmp_path):
    path = write_speaker(tmp_path / "a.mp4", 0)
    (tmp_path / "again.mp4").write_bytes(path.read_bytes())
    code, out, _ = collect("[[person]]\nname = 'ada'\nvideos = ['a.mp4', 'again.mp4']\n")
    assert code == 0 and "1 clips with 3 faces" in out and "repeats another video" in out


def test_forget_removes_every_trace(site, collect, facegen, tmp_path, capsys):
    for number, name in enumerate(["a.mp4", "b.mp4"]):
        write_speaker(site.root / name, number)
    people = [("Zoe Quill", "a.mp4", "f"), ("Ben Hart", "b.mp4", "m")]
    text = "".join(
        f"[[person]]\nname = '{name}'\nsex = '{sex}'\nconsent = 'signed by {name}'\nvideos = ['{site.url(video)}']\n"
        for name, video, sex in people
    )
    assert collect(text, "--keep-videos", "--keep-frames")[0] == 0
    out = tmp_path / "out"
    ben = Corpus.open(out)
    kept = ben.speech(torch.tensor([1]), torch.tensor([0]), 8 * RATE_HZ)
    capsys.readouterr()
    assert facegen("forget", "Zoe", out) == 1
    assert "unknown name 'Zoe'" in capsys.readouterr().err
    # A process was killed while it packed.
    (out / STAGING).mkdir()
    (out / STAGING / "index.safetensors").write_bytes(b"Zoe Quill")
    assert facegen("forget", "Zoe Quill", out, "--json") == 0
    stored = json.loads(capsys.readouterr().out)
    assert stored["removed"] == {"videos": 1, "frames": 8, "clips": 3, "files": 5, "clips of the corpus": 1}
    assert not any(stored["left"].values()) and stored["traces"] == []
    # An independent search: no file contains the name, and the person's files are gone.
    assert not [path for path in out.rglob("*") if path.is_file() and b"Zoe Quill" in path.read_bytes()]
    collection = out / "collection"
    assert [len(list((collection / name).iterdir())) for name in ("results", "videos", "frames")] == [1, 1, 1]
    corpus = Corpus.open(out)
    assert corpus.header.identities == ("Ben Hart",)
    assert torch.equal(corpus.speech(torch.tensor([0]), torch.tensor([0]), 8 * RATE_HZ), kept)
    # A forgotten person is not collected again, although the list still names them.
    asked = site.asked["a.mp4"]
    code, _, err = collect(text)
    assert code == 0 and "'Zoe Quill' was forgotten here and is left out" in err
    assert site.asked["a.mp4"] == asked and Packed(_request(corpus), path=out).corpus.header.num_clips == 1
    # The last person leaves an empty folder, which a later call may fill.
    assert facegen("forget", "Ben Hart", out) == 0
    assert not (out / "corpus.json").exists() and not list(out.glob("*.safetensors"))


def _request(corpus):
    from facegen.core.recipe.tables import DataSettings

    return DataSettings(image_pixels=corpus.header.image_pixels)


def test_consent_is_required(collect, tmp_path):
    write_speaker(tmp_path / "a.mp4", 0)
    text = "[[person]]\nname = 'ada'\nvideos = ['a.mp4']\n"
    code, _, err = collect(text, "--require-consent")
    assert code == 1 and "'ada' has no consent, which --require-consent requires; set consent, or remove" in err
    assert not (tmp_path / "out").exists()
    assert collect(text)[0] == 0
    # A person without consent is in the folder already, but not in the list.
    write_speaker(tmp_path / "b.mp4", 1)
    other = "[[person]]\nname = 'ben'\nconsent = 'yes'\nvideos = ['b.mp4']\n"
    code, _, err = collect(other, "--require-consent")
    assert code == 1 and f"{tmp_path / 'out'}: 'ada' has no consent, which --require-consent requires; record it" in err
    assert collect(text.replace("videos", "consent = 'asked'\nvideos") + other, "--require-consent")[0] == 0
