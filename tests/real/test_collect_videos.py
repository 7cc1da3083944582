"""Real videos from a server on this machine to a corpus, as a user collects them."""

import functools
import http.server
import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from facegen.cli.main import main
from facegen.data.corpus.reader import Corpus
from facegen.data.media.audio_decoding import read_speech

VIDEOS = Path(__file__).parents[3] / "shared" / "real" / "video"
RATE_HZ = 16000

pytestmark = pytest.mark.skipif(not VIDEOS.is_dir(), reason=f"real data is not at hand: {VIDEOS}")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A feed of one page with a video in it, and direct files; collected with the default executor."""
    folder = tmp_path_factory.mktemp("real")
    site = folder / "www"
    site.mkdir()
    for path in VIDEOS.iterdir():
        (site / path.name).symlink_to(path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    address = f"http://127.0.0.1:{server.server_port}"
    (site / "talk.html").write_text('<title>A talk</title><body><video src="talk_24s_720p.mp4"></video></body>')
    items = "".join(f"<item><link>{address}/{name}</link></item>" for name in ("talk.html", "talk_1.mp4"))
    (site / "feed.xml").write_text(f'<rss version="2.0"><channel><title>talks</title>{items}</channel></rss>')
    grid = json.dumps([f"{address}/{path.name}" for path in sorted(VIDEOS.glob("grid_*"))])
    (folder / "sources.toml").write_text(f"""
        [[person]]
        name = "speaker"
        channel = "{address}/feed.xml"
        last = 1
        consent = "published with its source"
        [[person]]
        name = "grid"
        videos = {grid}
        [[person]]
        name = "crowd"
        videos = ["{address}/crowd_4s.mp4"]
    """)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        assert main(["collect", str(folder / "sources.toml"), "--out", str(folder / "out"), "--keep-frames"]) == 0
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    return folder


def query_manifest(out, query):
    with closing(sqlite3.connect(out / "collection" / "manifest.sqlite")) as db, db:
        return db.execute(query).fetchall()


def test_the_table_of_what_was_collected(folder, capsys):
    words = ["collect", str(folder / "sources.toml"), "--out", str(folder / "out"), "--status", "--json"]
    assert main(words) == 0
    status = json.loads(capsys.readouterr().out)
    people = {row["name"]: row for row in status["people"]}
    # 24 s: faces at 2, 4, ..., 22 s; the windows of neighbours overlap by 2 s.
    assert (people["speaker"]["faces"], people["speaker"]["faces_seconds"]) == (11, 44)
    assert people["speaker"]["unique_seconds"] == pytest.approx(24, abs=0.05)
    assert people["grid"]["faces"] == people["crowd"]["faces"] == 0
    reasons = {problem["reason"]: problem["count"] for problem in status["videos_rejected"]}
    assert reasons == {"too short": 6, "more than one speaker": 1}


def test_the_corpus_holds_the_faces_and_the_sound(folder):
    out = folder / "out"
    corpus = Corpus.open(out)
    corpus.verify()
    assert (corpus.header.identities, corpus.header.num_frames) == (("speaker",), 11)
    assert corpus.index.strings["source"].at(torch.tensor([0]))[0].endswith("/talk.html")
    places = corpus.index.frame_time_samples / RATE_HZ
    assert places.tolist() == pytest.approx(list(range(2, 23, 2)), abs=0.02)
    # The last face is at 22 s, and needs the sound up to 24 s.
    sound = read_speech(VIDEOS / "talk_24s_720p.mp4", RATE_HZ)[: 24 * RATE_HZ]
    stored = corpus.speech(torch.tensor([0]), torch.tensor([0]), len(sound))[0].numpy()
    assert corpus.header.num_tracks == 1 and np.array_equal(stored, sound)
    # One speaker before a still camera: the faces are of one size, and mostly alike.
    assert ((corpus.index.frame_boxes[:, 2] > 300) & (corpus.index.frame_boxes[:, 2] < 380)).all()
    frame = torch.arange(11)
    faces = corpus.faces(torch.zeros_like(frame), frame).numpy().reshape(11, -1).astype(float)
    assert np.median(np.corrcoef(faces)) > 0.7
    kept = [path.name for path in (out / "collection" / "frames").rglob("*.jpg")]
    assert sorted(kept) == [f"{1000 * second:09d}.jpg" for second in range(2, 23, 2)]


def test_what_was_collected_can_be_looked_at(folder, capsys):
    assert main(["inspect", str(folder / "out"), "--verify", "--out", str(folder / "sheet.png")]) == 0
    assert "all files match their hashes" in " ".join(capsys.readouterr().out.split())
    assert (folder / "sheet.png").stat().st_size > 1000


def test_segments_take_the_face_that_they_point_at(tmp_path):
    """As AVSpeech has them: several faces, and the centre says whose; where it points beside a face, there is none."""
    (tmp_path / "all.toml").write_text(f"[[person]]\nname = 'crowd'\nvideos = ['{VIDEOS}/crowd_4s.mp4']\n")
    serial = ["--set", "executor.type=serial"]
    assert main(["collect", str(tmp_path / "all.toml"), "--out", str(tmp_path / "all"), "--faithful", *serial]) == 0
    ((left, top, side),) = query_manifest(tmp_path / "all", "SELECT \"left\", top, side FROM frames WHERE reason = ''")
    width, height = 1920, 1080
    pointed = f"{(left + side / 2) / width:.3f},{(top + side / 2) / height:.3f}"
    rows = [
        f"{VIDEOS}/crowd_4s.mp4,0.0,4.1,{pointed}",
        f"{VIDEOS}/crowd_4s.mp4,0.0,4.12,0.99,0.99",
        f"{VIDEOS}/talk_24s_720p.mp4,2.5,10.5,0.43,0.45",
    ]
    (tmp_path / "segments.csv").write_text("\n".join(rows))
    assert main(["collect", str(tmp_path / "segments.csv"), "--out", str(tmp_path / "out"), *serial]) == 0
    rows = query_manifest(
        tmp_path / "out",
        "SELECT person, time_seconds, \"left\", side FROM frames JOIN videos ON video = id WHERE frames.reason = ''",
    )
    by_person = {}
    for person, time, place, size in rows:
        by_person.setdefault(person, []).append((round(time, 1), place, size))
    ((time, place, size),) = by_person.pop("crowd_4s_0-4.1")
    # The two searches begin at different least sizes, and so come by different scales.
    assert time == 2.0 and abs(place + size / 2 - left - side / 2) < 10 and abs(size - side) < 15
    assert [time for time, _, _ in by_person.pop("talk_24s_720p_2.5-10.5")] == [4.5, 6.5, 8.5]
    assert by_person == {}
    beside = query_manifest(tmp_path / "out", "SELECT reason FROM videos WHERE person = 'crowd_4s_0-4.12'")
    assert beside == [("no face where the speaker is",)]
