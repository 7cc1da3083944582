"""Faults during a collection: each is reported with its reason, nothing is lost, nothing is done twice."""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import av
import pytest
from faults import Killed, failing
from speaking_videos import serving, write_speaker

from facegen.collect.folder import CollectionFolder
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.packing import pack_corpus
from facegen.collect.settings import check_settings
from facegen.collect.video.failures import DiskError
from facegen.collect.video.result_file import read_result
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.data.corpus.file_swap import STAGING
from facegen.data.corpus.reader import Corpus

SERIAL = ["--set", "executor.type=serial", "--set", "download.timeout_seconds=5", "--set", "download.backoff_seconds=0"]
POOL = ["--set", "executor.type=processes", "--set", "executor.num_workers=2"]


def person(name, *videos, **more):
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
    return f"[[person]]\nname = {json.dumps(name)}\nvideos = {json.dumps([str(v) for v in videos])}\n{keys}"


@pytest.fixture
def site(tmp_path):
    with serving(tmp_path / "www") as site:
        yield site


@pytest.fixture
def collect(facegen, tmp_path, capsys):
    def call(text, *words, out="out"):
        (tmp_path / "sources.toml").write_text(text)
        capsys.readouterr()
        code = facegen("collect", tmp_path / "sources.toml", "--out", tmp_path / out, *SERIAL, *words)
        return code, *capsys.readouterr()

    return call


def states(out):
    with closing(sqlite3.connect(out / "collection" / "manifest.sqlite")) as db, db:
        return {row[0]: row[1:] for row in db.execute("SELECT source, state, reason, attempts FROM videos")}


def write_hours(path, write):
    """Write a small video whose header claims 1000 hours."""
    content = bytearray(write(path).read_bytes())
    at = content.index(b"mvhd") + 4
    timescale = int.from_bytes(content[at + 12 : at + 16], "big")
    content[at + 16 : at + 20] = min(1000 * 3600 * timescale, 2**32 - 1).to_bytes(4, "big")
    path.write_bytes(content)
    return path


def test_every_bad_video_has_a_reason_and_stops_nothing(site, collect, tmp_path):
    good = write_speaker(tmp_path / "good.mp4", 0)
    write_speaker(tmp_path / "no sound.mp4", 1, sound=False)
    write_speaker(tmp_path / "no pictures.mp4", 2, pictures=False)
    write_speaker(tmp_path / "short.mp4", 3, 3)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("Dear reader,\nthis is no video.\n" * 20)
    (tmp_path / "cut.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    write_speaker(site.root / "whole.mp4", 4)
    (site.root / "page.html").write_text("<html><body>nothing here</body></html>")
    site.short.add("whole.mp4")
    names = ["good", "no sound", "no pictures", "short", "empty", "text", "cut", "missing"]
    text = person("ada", *(f"{name}.mp4" for name in names)) + person(
        "ben", site.url("gone.mp4"), site.url("whole.mp4"), site.url("page.html"), "http://127.0.0.1:1/x.mp4"
    )
    code, out, err = collect(text, "--set", "download.retries=1")
    assert code == 0, err
    videos = states(tmp_path / "out")
    assert videos.pop("good.mp4") == ("done", "", 0)
    assert {source: state[0] for source, state in videos.items() if state[0] == "waiting"} == {}
    reasons = {source.split("/")[-1]: reason for source, (_, reason, _) in videos.items()}
    assert reasons == {
        "no sound.mp4": "has no audio track",
        "no pictures.mp4": "has no video track",
        "short.mp4": "too short",
        "empty.mp4": "is empty",
        "text.mp4": "cannot be decoded",
        "cut.mp4": "cannot be decoded",
        "missing.mp4": "does not exist",
        "gone.mp4": "is not there (HTTP 404)",
        "whole.mp4": "the connection broke",
        "page.html": "holds no video that can be fetched",
        "x.mp4": "the connection broke",
    }
    attempts = {source.split("/")[-1]: tries for source, (_, _, tries) in videos.items()}
    assert (attempts["gone.mp4"], attempts["whole.mp4"]) == (1, 2)
    assert "missing.mp4: does not exist; check the path" in err
    assert "HTTP 404" in out and "check the address" in out
    assert Corpus.open(tmp_path / "out").header.num_frames == 3
    assert not list((tmp_path / "out" / "collection" / "downloads").iterdir())
    # Videos that were set aside are tried again with --retry only.
    (tmp_path / "missing.mp4").write_bytes(write_speaker(tmp_path / "late.mp4", 5).read_bytes())
    assert "1 clips with 3 faces" in collect(text)[1]
    assert "2 clips with 6 faces" in collect(text, "--retry", "--set", "download.retries=0")[1]


def test_transient_errors_are_tried_again(site, collect, tmp_path):
    write_speaker(site.root / "a.mp4", 0)
    site.failures["a.mp4"] = [503] * 4
    code, _, err = collect(person("ada", site.url("a.mp4")), "--set", "download.retries=5")
    assert code == 0, err
    state, reason, attempts = states(tmp_path / "out")[site.url("a.mp4")]
    assert (state, reason) == ("done", "") and attempts >= 1


def test_nothing_at_all_is_an_error_that_counts_the_reasons(site, collect, tmp_path):
    write_speaker(tmp_path / "short.mp4", 0, 3)
    channel = f"[[person]]\nname = 'cy'\nchannel = '{site.url('gone.xml')}'\n"
    code, _, err = collect(person("ada", "short.mp4", site.url("gone.mp4")) + channel)
    assert code == 1
    assert "none of 3 videos and channels has a clip" in err and "1 too short" in err
    assert "1 is not there (HTTP 404) (check the address)" in err
    assert not (tmp_path / "out" / "corpus.json").exists()


@pytest.mark.parametrize("name", ["..%2f..%2fescape.mp4", "%2fetc%2fescape.mp4", "a%00b.mp4", "%2e%2e/escape.mp4"])
def test_hostile_names_stay_in_the_folder(site, collect, tmp_path, name):
    video = write_speaker(tmp_path / "video.mp4", 0).read_bytes()
    (site.root / "good.mp4").write_bytes(video)
    before = {path for path in tmp_path.parent.rglob("*") if "www" not in path.parts}
    page = f'<html><title>../../escape</title><body><video src="{name}" title="../../x"></video></body></html>'
    (site.root / "page.html").write_text(page)
    text = person("../../../evil", site.url(name), site.url("page.html"), site.url("good.mp4"))
    code, _, err = collect(text, "--keep-videos", "--keep-frames", "--set", "download.retries=0")
    assert code == 0, err
    after = {path for path in tmp_path.parent.rglob("*") if "www" not in path.parts} - before
    allowed = {tmp_path / "out", tmp_path / "sources.toml"}
    assert {path for path in after if path not in allowed and tmp_path / "out" not in path.parents} == set()
    assert Corpus.open(tmp_path / "out").header.identities == ("../../../evil",)
    assert not [path for path in (tmp_path / "out").rglob("*") if "escape" in path.name or "evil" in path.name]


def test_a_header_that_claims_hours_costs_nothing(collect, tmp_path):
    write_hours(tmp_path / "long.mp4", lambda path: write_speaker(path, 0))
    write_speaker(tmp_path / "good.mp4", 1)
    start_time = time.monotonic()
    code, _, err = collect(person("ada", "long.mp4", "good.mp4"))
    assert code == 0, err
    assert time.monotonic() - start_time < 60
    state, reason, _ = states(tmp_path / "out")["long.mp4"]
    assert state == "done" or "longer" in reason


def test_a_damaged_manifest_and_result_are_named(collect, tmp_path):
    write_speaker(tmp_path / "a.mp4", 0)
    text = person("ada", "a.mp4")
    assert collect(text)[0] == 0
    (result,) = (tmp_path / "out" / "collection" / "results").iterdir()
    result.write_bytes(b"x" * 100)
    code, _, err = collect(text, "--set", "corpus.image_pixels=64")
    assert code == 1 and "is damaged" in err and "it will be collected again by the next `facegen collect`" in err
    assert collect(text, "--set", "corpus.image_pixels=64")[0] == 0
    result.unlink()
    code, _, err = collect(text)
    assert code == 0 and "the results of 1 videos are missing; they are collected again" in err
    for beside in (tmp_path / "out" / "collection").glob("manifest.sqlite-*"):
        beside.unlink()
    (tmp_path / "out" / "collection" / "manifest.sqlite").write_bytes(b"no database " * 100)
    code, _, err = collect(text)
    assert code == 1 and "is damaged, or is not a manifest of a collection" in err
    assert "Traceback" not in err


def test_two_at_once_are_refused(collect, tmp_path):
    import fcntl

    write_speaker(tmp_path / "a.mp4", 0)
    folder = tmp_path / "out" / "collection"
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, err = collect(person("ada", "a.mp4"))
    assert code == 1 and "another `facegen collect`, `forget` or `drop` is running here" in err


def test_a_corpus_that_was_packed_is_left_alone(collect, facegen, tmp_path):
    from PIL import Image

    Image.new("RGB", (32, 32), "red").save(tmp_path / "a.png")
    (tmp_path / "pairs.csv").write_text("identity,face\nada,a.png\n")
    assert facegen("pack", tmp_path / "pairs.csv", "--out", tmp_path / "out") == 0
    before = (tmp_path / "out" / "corpus.json").read_bytes()
    write_speaker(tmp_path / "a.mp4", 0)
    code, _, err = collect(person("ada", "a.mp4"))
    assert code == 1 and "holds a corpus that was not collected here; give another folder" in err
    assert (tmp_path / "out" / "corpus.json").read_bytes() == before


# Causes that stop a whole run: signals, kills, and disks.


def start(tmp_path, out, *words):
    command = [sys.executable, "-m", "facegen", "collect", tmp_path / "sources.toml", "--out", out, *words]
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def finished(out):
    manifest = out / "collection" / "manifest.sqlite"
    if not manifest.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{manifest}?mode=ro", uri=True)) as db, db:
            return db.execute("SELECT count(*) FROM videos WHERE state = 'done'").fetchone()[0]
    except sqlite3.Error:
        return 0


def wait_for(out, number, still_running, seconds=240):
    end = time.monotonic() + seconds
    while finished(out) < number and still_running() and time.monotonic() < end:
        time.sleep(0.01)


def list_many(tmp_path, number, seconds=8):
    names = [write_speaker(tmp_path / f"{n}.mp4", n, seconds).name for n in range(number)]
    return person("ada", *names[::2]) + person("ben", *names[1::2])


def query_manifest(out, query):
    with closing(sqlite3.connect(out / "collection" / "manifest.sqlite")) as db, db:
        return db.execute(query).fetchall()


def moments_of_work(out):
    """Return {video: time at which it was finished}."""
    return dict(query_manifest(out, "SELECT id, changed FROM videos WHERE state = 'done'"))


def check_consistent(out):
    """Check that the manifest is consistent, and agrees with the results; return the finished videos."""
    assert query_manifest(out, "PRAGMA integrity_check") == [("ok",)]
    assert query_manifest(out, "PRAGMA foreign_key_check") == []
    halves = (
        "SELECT count(*) FROM frames LEFT JOIN clips USING (video, number) "
        "WHERE (reason = '') != (clips.video IS NOT NULL)"
    )
    assert query_manifest(out, halves) == [(0,)]
    done = set(moments_of_work(out))
    assert {video for (video,) in query_manifest(out, "SELECT DISTINCT video FROM clips")} == done
    for video in done:
        read_result(out / "collection" / "results" / f"{video}.safetensors")
    return done


def test_a_signal_stops_and_tells_how_to_continue(collect, facegen, tmp_path, capsys):
    """Ctrl-C also stops the workers."""
    (tmp_path / "sources.toml").write_text(list_many(tmp_path, 9, 30))
    out = tmp_path / "out"
    process = start(tmp_path, out, *POOL)
    wait_for(out, 1, lambda: process.poll() is None)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT, stderr
    assert "videos are left. Run the same command again to continue." in stderr and "Traceback" not in stderr
    before = moments_of_work(out)
    assert check_consistent(out) and len(before) < 9 and not (out / "corpus.json").exists()
    assert query_manifest(out, "SELECT count(*) FROM videos WHERE state = 'working'") == [(0,)]
    assert facegen("collect", tmp_path / "sources.toml", "--out", out, *SERIAL) == 0
    assert "9 clips" in capsys.readouterr().out
    assert {video: moment for video, moment in moments_of_work(out).items() if video in before} == before


def test_a_request_to_stop_takes_effect_between_two_videos(collect, tmp_path):
    text, out = list_many(tmp_path, 4), tmp_path / "out"
    other = signal.signal(signal.SIGTERM, lambda *_: None)
    over = threading.Event()

    def ask_to_end():
        wait_for(out, 1, lambda: not over.is_set())
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask_to_end)
    asking.start()
    try:
        code, _, err = collect(text)
    finally:
        over.set()
        asking.join()
        signal.signal(signal.SIGTERM, other)
    assert code == 128 + signal.SIGTERM, err
    assert "Run the same command again to continue." in err
    before = moments_of_work(out)
    assert check_consistent(out)
    assert "4 clips" in collect(text)[1]
    assert {video: moment for video, moment in moments_of_work(out).items() if video in before} == before


def test_killed_at_any_moment_it_loses_nothing(collect, tmp_path):
    """After kill -9 at random times, the corpus is byte for byte that of an undisturbed run."""
    text, out, undisturbed = list_many(tmp_path, 6), tmp_path / "out", tmp_path / "undisturbed"
    assert "6 clips" in collect(text, out="undisturbed")[1]
    moments = random.Random(int(os.environ.get("FACEGEN_KILL_SEED", "1")))
    kept: dict[str, float] = {}
    for _ in range(int(os.environ.get("FACEGEN_KILLS", "2"))):
        process = start(tmp_path, out, *(POOL if moments.random() < 0.5 else SERIAL))
        # Before the first video, while videos are in work, or while it packs.
        wait_for(out, finished(out) + moments.randint(0, 3), lambda process=process: process.poll() is None)
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.communicate(timeout=60)
        if not finished(out):
            continue
        check_consistent(out)
        now = moments_of_work(out)
        assert {video: now.get(video) for video in kept} == kept, "a finished video was done again"
        kept = now
    assert "6 clips" in collect(text)[1]
    check_consistent(out)
    assert {video: moments_of_work(out)[video] for video in kept} == kept
    Corpus.open(out).verify()
    for file in ("faces-00000.safetensors", "speech-00000.safetensors", "index.safetensors"):
        assert (out / file).read_bytes() == (undisturbed / file).read_bytes()
    assert not list((out / "collection" / "results").glob("*.part"))
    assert not list((out / "collection" / "downloads").iterdir())


@pytest.mark.parametrize("error", [Killed(), OSError(28, "No space left on device")], ids=["killed", "full"])
def test_a_repacking_that_is_stopped_anywhere_loses_nothing(collect, tmp_path, monkeypatch, error):
    """Each operation of packing that changes the disk is, in turn, the last one or the failing one."""
    text, original = list_many(tmp_path, 2, 5), tmp_path / "out"
    assert "2 clips" in collect(text)[1]
    (original / "mine.txt").write_text("mine")
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    settings = check_settings(tmp_path / "sources.toml", {}, ["corpus.image_pixels=64"], [])
    old, new, seen = Corpus.open(original).header.image_pixels, 64, set()
    for last in itertools.count():
        out = shutil.copytree(original, tmp_path / f"{last}")
        folder = CollectionFolder(out)

        def repack(folder=folder):
            with folder.lock(), CollectionManifest(folder.manifest) as manifest:
                folder.remove_leftovers()
                return pack_corpus(folder, manifest, settings, "sources.toml", Observer())

        with failing(last, error) as disk, contextlib.suppress(Killed, DiskError, DataError):
            repack()
        corpus = Corpus.open(out)
        corpus.verify()
        seen.add(corpus.header.image_pixels)
        repack()
        assert Corpus.open(out).header.image_pixels == new, disk.failed
        assert not (out / STAGING).exists() and len(list(out.glob("*.safetensors"))) == 3, disk.failed
        assert (out / "mine.txt").read_text() == "mine" and len(check_consistent(out)) == 2
        shutil.rmtree(out)
        if not disk.failed:
            break
    assert seen == {old, new} and last > 30


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 1.5 MB, which can grow; this needs root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk of its own can be mounted: {mounted.stderr.decode().strip()}")
    yield disk
    # Lazily: a corpus that was opened here stays mapped until it is collected as garbage.
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize("executor", [SERIAL, POOL])
def test_a_full_disk_stops_cleanly_and_space_goes_on(collect, facegen, tmp_path, small_disk, capsys, executor):
    text, out = list_many(tmp_path, 6, 10), small_disk / "out"
    code, _, err = collect(text, *executor, out=out)
    assert code == 1 and "cannot be written any more" in err and "run the same command again" in err
    before = check_consistent(out)
    assert 0 < len(before) < 6 and not (out / "corpus.json").exists()
    assert facegen("collect", tmp_path / "sources.toml", "--out", out, "--status", "--json") == 0
    assert sum(row["done"] for row in json.loads(capsys.readouterr().out)["people"]) == len(before)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    code, output, err = collect(text, *executor, out=out)
    assert "6 clips" in output, err
    assert before <= check_consistent(out)
    Corpus.open(out).verify()


def test_a_disk_that_cannot_be_written_stops_cleanly(collect, facegen, tmp_path, small_disk, capsys):
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    text, out = list_many(tmp_path, 2), small_disk / "out"
    assert "2 clips" in collect(text, out=out)[1]
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    more = text + person("cy", write_speaker(tmp_path / "more.mp4", 2).name)
    for target in (out, small_disk / "new"):
        code, _, err = collect(more, out=target)
        assert code == 1 and "cannot be written" in err and "ead-only" in err
    Corpus.open(out).verify()
    # The status can still be read.
    assert facegen("collect", tmp_path / "sources.toml", "--out", out, "--status") == 0
    assert "ada" in capsys.readouterr().out


def test_a_video_with_damaged_sound_is_used_and_that_is_recorded(collect, tmp_path, capsys, facegen):
    path = write_speaker(tmp_path / "a.mp4", 0)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    content = bytearray(path.read_bytes())
    for place, size in places[20:22]:
        content[place : place + size] = random.Random(place).randbytes(size)
    path.write_bytes(content)
    fault = "has damaged packets, which become silence (2 of"
    code, _, err = collect('[[person]]\nname = "ada"\nvideos = ["a.mp4"]\n')
    assert code == 0 and f"Warning: a.mp4: {fault}" in err
    with closing(sqlite3.connect(tmp_path / "out" / "collection" / "manifest.sqlite")) as db, db:
        ((detail,),) = db.execute("SELECT detail FROM videos WHERE state = 'done'")
    assert detail.startswith(fault)
    assert facegen("collect", tmp_path / "sources.toml", "--out", tmp_path / "out", "--status") == 0
    assert fault in capsys.readouterr().out
