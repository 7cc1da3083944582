"""Hostile tables and folders of people for `facegen pack`."""

import csv
import io
import os
import random
import wave
from collections.abc import Iterator
from pathlib import Path

from hostile_case import Case
from hostile_values import FILE_NAMES, TEXTS, hostile_bytes
from PIL import Image

COLUMNS = (
    "identity",
    "face",
    "speech",
    "caption",
    "embedding",
    "sex",
    "video",
    "time",
    "consent",
    "source",
    "licence",
    "language",
)
CELLS = (
    *TEXTS,
    "1e308",
    "-1",
    "inf",
    "nan",
    "1" * 5000,
    "0x10",
    "1e-400",
    "face.png",
    "sound.wav",
    "..",
    ".",
    "/",
    "/dev/zero",
    "pipe",
    "link",
    "\ud800",
    "x" * 200_000,
    "f",
    "2",
    "text.npy",
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "latin-1", "cp1252")


def file_cases(draw: random.Random) -> Iterator[Case]:
    """Yield hostile tables and folders without end."""
    makers = (_table, _table, _encoded, _wide, _folder, _folder, _target)
    while True:
        yield draw.choice(makers)(draw)


def write_media(folder: Path) -> None:
    """Write one good face and one good sound, and special files beside them."""
    Image.effect_noise((24, 24), 60).convert("RGB").save(folder / "face.png")
    with wave.open(str(folder / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(range(200)) * 100)


def good_rows(num_people: int = 3) -> list[dict[str, str]]:
    return [{"identity": f"person {n}", "face": "face.png", "speech": "sound.wav"} for n in range(num_people)]


def table_text(rows: list[dict[str, str]], columns: list[str]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _pack(kind: str, source: str, prepare, *words: str, note: str = "") -> Case:
    call = ("pack", "{folder}/" + source, "--out", "{folder}/corpus", "--image-pixels", "16", *words)
    return Case(f"files: {kind}", call, prepare, note=note)


def _write_table(data: bytes):
    def prepare(folder: Path) -> None:
        write_media(folder)
        os.mkfifo(folder / "pipe")
        (folder / "link").symlink_to("link")
        (folder / "text.npy").write_bytes(b"\x93NUMPY\x01\x00\xff\xff{'descr': '<f8', 'shape': (9999999999,)}")
        (folder / "t.csv").write_bytes(data)

    return prepare


def _table(draw: random.Random) -> Case:
    columns = [*COLUMNS[:3], *draw.sample(COLUMNS[3:], draw.randrange(4))]
    rows, notes = good_rows(), []
    for row in rows[: draw.randrange(1, 4)]:
        column = draw.choice(columns)
        row[column] = draw.choice(CELLS)
        notes.append(f"{column} = {row[column]!r:.50}")
    text = table_text(rows, columns).encode("utf-8", "surrogatepass")
    if draw.random() < 0.2:
        text = hostile_bytes(draw, text)
    return _pack("cells", "t.csv", _write_table(text), note="; ".join(notes))


def _encoded(draw: random.Random) -> Case:
    encoding = draw.choice(ENCODINGS)
    rows = good_rows()
    rows[0]["identity"] = "J\xfcrgen"
    columns = [draw.choice((name, name.title(), name.upper(), f" {name} ", f'"{name}"')) for name in COLUMNS[:3]]
    text = ",".join(columns) + "\r\n" + table_text(rows, list(COLUMNS[:3])).split("\n", 1)[1]
    return _pack("encodings, spelling", "t.csv", _write_table(text.encode(encoding)), note=f"{encoding} {columns}")


def _wide(draw: random.Random) -> Case:
    num = draw.choice((1000, 100_000))
    extra = draw.choice(([f"c{n}" for n in range(num)], ["x"] * num, ["identiti"] * num, ["é" * 500] * (num // 100)))
    header = ",".join([*COLUMNS[: draw.choice((2, 3))], *extra])
    row = ",".join(["a", "face.png", "sound.wav", *[""] * len(extra)])
    text = "\n".join([header, *[row] * draw.choice((0, 1, 20)), ""])
    return _pack("columns", "t.csv", _write_table(text.encode()), note=f"{len(extra)} columns {extra[0][:20]}")


def _folder(draw: random.Random) -> Case:
    """A folder of people with hostile names, links, loops, special and unreadable files."""
    names = draw.sample(FILE_NAMES, 3)
    trick = draw.choice(("out", "loop", "fifo", "device", "dir", "self", "empty", "secret", "deep", "plain", "person"))

    def prepare(folder: Path) -> None:
        people = folder / "people"
        people.mkdir()
        write_media(folder)
        for name in names:
            person = os.path.join(os.fsencode(people), name)
            os.mkdir(person)
            os.link(folder / "face.png", os.path.join(person, b"1.png"))
            os.link(folder / "sound.wav", os.path.join(person, name[:50] + b".wav"))
        place = os.path.join(os.fsencode(people), names[0])
        _play(trick, folder, Path(os.fsdecode(place)))

    return _pack("folders", "people", prepare, note=f"{trick} {names}")


def _play(trick: str, folder: Path, person: Path) -> None:
    target = person / "2.png"
    if trick == "fifo":
        os.mkfifo(target)
    elif trick == "dir":
        target.mkdir()
    elif trick == "empty":
        target.touch()
    elif trick == "deep":
        deep = person
        for _ in range(40):
            deep = deep / ("d" * 20)
            deep.mkdir()
        (deep / "3.png").symlink_to(folder / "face.png")
    elif trick == "person":
        (folder / "people" / "linked").symlink_to("/etc")
    elif trick != "plain":
        links = {
            "out": folder / "face.png",
            "loop": target,
            "device": "/dev/zero",
            "self": person,
            "secret": "/etc/passwd",
        }
        target.symlink_to(links[trick])


def _target(draw: random.Random) -> Case:
    """An output folder that holds other things already."""
    content = draw.choice(("file", "letter", "corpus.json", "shard", "folder", "link", "dangling", "broken corpus"))

    def prepare(folder: Path) -> None:
        _write_table(table_text(good_rows(), list(COLUMNS[:3])).encode())(folder)
        out = folder / "corpus"
        if content == "file":
            out.write_text("mine")
        elif content in ("link", "dangling"):
            out.symlink_to("/tmp" if content == "link" else "/nowhere/x")
        else:
            out.mkdir()
            names = {"letter": "letter.txt", "corpus.json": "corpus.json", "shard": "faces-00000.safetensors"}
            if content == "folder":
                (out / "a").mkdir()
            else:
                (out / names.get(content, "corpus.json")).write_text("{" if content == "broken corpus" else "mine")

    return _pack("targets", "t.csv", prepare, *draw.choice(((), ("--overwrite",))), note=content)
