"""Hostile lists of sources and videos for `facegen collect`, all of them files of this machine."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w
from file_cases import write_media
from hostile_case import Case
from hostile_values import FILE_NAMES, TEXTS, hostile_bytes, hostile_value
from output_cases import PLACES

VIDEOS = (
    "sound.wav", "face.png", "list.toml", "cut.mp4", "nowhere.mp4", ".", "/dev/zero", "/dev/full", "pipe", "loop", "-x",
    "https://", "http://[", "ftp://x/y", "file:///etc/passwd", "ytsearch:x", "data:,x", "empty.mp4",
)  # fmt: skip
TABLES = ("frames", "face", "speech", "corpus", "download", "detector", "executor", "person", "match", "run")
KEYS = ("every_seconds", "margin", "window_seconds", "image_pixels", "type", "faces_per_clip", "max_hours", "name", "last")


def collect_cases(draw: random.Random) -> Iterator[Case]:
    """Yield collections without end."""
    makers = (_toml, _toml, _csv, _options, _folder)
    while True:
        yield draw.choice(makers)(draw)


def _case(kind: str, text: bytes, name: str, *words: str, out: str = "{folder}/c", note: str = "") -> Case:
    def prepare(folder: Path) -> None:
        write_media(folder)
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to("loop")
        (folder / "empty.mp4").touch()
        (folder / "cut.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\x10\0moov" + b"\xff" * 500)
        (folder / name).write_bytes(text)

    return Case(f"collect: {kind}", ("collect", "{folder}/" + name, "--out", out, *words), prepare, 60.0, 1000.0, note)


def _sources(draw: random.Random) -> dict[str, Any]:
    """A good list of one person, whose videos hold no face."""
    videos = [draw.choice(VIDEOS) for _ in range(draw.randrange(1, 4))]
    return {"person": [{"name": "ada", "videos": videos}], "executor": {"type": "serial"}}


def _toml(draw: random.Random) -> Case:
    """Any value in place of any table or key, or damaged bytes."""
    tables = _sources(draw)
    table, key = draw.choice(TABLES), draw.choice(KEYS)
    changes: tuple[Any, ...] = (hostile_value(draw), {key: hostile_value(draw)}, [{key: hostile_value(draw)}])
    if draw.random() < 0.6:
        tables[table] = draw.choice(changes)
    else:
        tables["person"][0][draw.choice((*KEYS, "channel", "consent", "sex"))] = hostile_value(draw)
    text = tomli_w.dumps(tables).encode("utf-8", "surrogateescape")
    text = hostile_bytes(draw, text) if draw.random() < 0.2 else text
    return _case("lists in TOML", text, "list.toml", note=f"{tables!r:.100}")


def _csv(draw: random.Random) -> Case:
    header = draw.choice(("name,videos", "name,videos,sex,consent", "video,start,end,x,y", "Name;Videos", "name", "\ufeffname,videos"))
    cells = (*TEXTS, *VIDEOS, "0", "1e308", "nan", "-1", "9" * 5000, "ada")
    rows = [",".join(draw.choice(cells).replace("\n", " ") for _ in header.split(",")) for _ in range(3)]
    text = "\n".join([header, *rows]).encode(draw.choice(("utf-8", "utf-16", "utf-8")), "surrogatepass")
    words = ("--set", "executor.type=serial", "--set", "download.retries=0")  # a pause before a retry is no hang
    return _case("lists in CSV", text, "list.csv", *words, note=f"{rows!r:.100}")


def _options(draw: random.Random) -> Case:
    text = draw.choice((*TEXTS, "nan", "[" * 500, "9" * 400)).replace("\0", "")
    words = draw.choice((
        ("--set", f"{draw.choice(TABLES)}.{draw.choice(KEYS)}={text}"), ("--set", text), ("--status",), ("--status", "--json"),
        ("--require-consent",), ("--faithful", "--redo"), ("--retry", "--keep-frames", "--keep-videos"),
    ))  # fmt: skip
    name = draw.choice(FILE_NAMES).decode("utf-8", "surrogateescape")
    out = draw.choice(("{folder}/c", "{folder}/" + name, *PLACES))
    return _case("options", tomli_w.dumps(_sources(draw)).encode(), "list.toml", *words, out=out, note=f"{out} {words}"[:100])


def _folder(draw: random.Random) -> Case:
    """A collection whose own files are damaged, and every command that reads it."""
    file = draw.choice(("collection/manifest.sqlite", "collection/manifest.sqlite-wal", "corpus.json", "collection", "collection/results/x.safetensors"))
    content, words = draw.randbytes(draw.choice((0, 20, 5000))), draw.choice(((), ("--status",), ("--redo",)))
    content = draw.choice((b"SQLite format 3\0", b"")) + content
    case = _case("folders", tomli_w.dumps(_sources(draw)).encode(), "list.toml", *words, note=f"{file} {len(content)}")

    def prepare(folder: Path) -> None:
        case.prepare(folder)
        path = folder / "c" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return Case(case.kind, case.words, prepare, case.seconds, case.mebibytes, case.note)
