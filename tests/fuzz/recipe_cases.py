"""Hostile recipes: bytes, values at any place, references, special files, and overrides."""

import copy
import os
import random
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w
from hostile_case import Case
from hostile_values import FILE_NAMES, TEXTS, hostile_bytes, hostile_key, hostile_value

from facegen.core.recipe.shipped import shipped_recipes

SECONDS, MEBIBYTES = 20.0, 500.0
"""Limits of a check of a recipe; a recipe that is refused needs a tenth of the time, one that is accepted is built."""
REFERENCES = (("extends",), ("match", "run"), ("match", "start"), ("draft", "run"), ("judge", "recipe"))
TINY = ["data.num_people=40", "data.num_heldout_people=24", "data.image_pixels=16", "data.speech_seconds=0.3"]


def recipe_cases(draw: random.Random) -> Iterator[Case]:
    """Yield hostile recipes without end."""
    makers = (_bytes, _values, _values, _structure, _references, _overrides, _special, _name, _sizes)
    while True:
        yield draw.choice(makers)(draw)


def _case(kind: str, text: bytes, *words: str, name: bytes = b"r.toml", note: str = "") -> Case:
    def prepare(folder: Path) -> None:
        _copy_shipped(folder)
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(text)

    preset = () if "--preset" in words else ("--preset", "small")
    settings = tuple(word for value in TINY for word in ("--set", value))
    path = "{folder}/" + os.fsdecode(name)
    return Case(f"recipe: {kind}", ("check", path, *preset, *settings, *words), prepare, SECONDS, MEBIBYTES, note)


def _copy_shipped(folder: Path) -> None:
    """Copy the shipped recipes: they name each other, so that a changed one reaches the checks after the reading."""
    for path in shipped_recipes().values():
        shutil.copyfile(path, folder / path.name)


def _shipped(draw: random.Random) -> tuple[bytes, dict[str, Any]]:
    path = draw.choice(list(shipped_recipes().values()))
    return path.read_bytes(), tomllib.loads(path.read_text(encoding="utf-8"))


def _dumped(tables: dict[str, Any]) -> bytes:
    return tomli_w.dumps(tables).encode("utf-8", "surrogateescape")


def _bytes(draw: random.Random) -> Case:
    return _case("bytes", hostile_bytes(draw, _shipped(draw)[0]))


def _values(draw: random.Random) -> Case:
    tables = copy.deepcopy(_shipped(draw)[1])
    notes = []
    for _ in range(draw.choice((1, 1, 1, 3))):
        place, key = draw.choice(list(_places(tables)))
        place[key] = hostile_value(draw)
        notes.append(f"{key} = {place[key]!r:.60}")
    return _case("values", _dumped(tables), note="; ".join(notes))


def _structure(draw: random.Random) -> Case:
    tables = copy.deepcopy(_shipped(draw)[1])
    top = draw.choice(
        ("preset", "judge", "run", "draft", "match", "without", "extends", "metric", "evaluate", "augment")
    )
    tables[top] = draw.choice(
        (hostile_value(draw), [{"type": "relid"}], {"small": hostile_value(draw)}, {"small": {top: 3}})
    )
    if draw.random() < 0.3:
        place, key = draw.choice(list(_places(tables)))
        if isinstance(place, dict):
            place[hostile_key(draw)] = place.pop(key)
    return _case("structure", _dumped(tables), note=f"{top} = {tables.get(top)!r:.80}")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        yield value, key
        yield from _places(inner)


def _references(draw: random.Random) -> Case:
    """A chain, a circle, or any graph of recipes that name each other."""
    base = _shipped(draw)[1]
    size, shape = draw.randrange(1, 13), draw.choice(("chain", "circle", "graph"))

    def prepare(folder: Path) -> None:
        _copy_shipped(folder)
        for number in range(size):
            tables = copy.deepcopy(base)
            for reference in draw.sample(REFERENCES, draw.choice((1, 1, 3))):
                target = {"chain": number + 1, "circle": (number + 1) % size, "graph": draw.randrange(size + 1)}[shape]
                _refer(tables, reference, f"r{target}.toml")
            (folder / f"r{number}.toml").write_bytes(_dumped(tables))
        (folder / f"r{size}.toml").write_bytes(_dumped(base))

    return Case("recipe: references", ("check", "{folder}/r0.toml"), prepare, SECONDS, MEBIBYTES, f"{shape} of {size}")


def _refer(tables: dict[str, Any], reference: tuple[str, ...], target: str) -> None:
    if len(reference) == 1:
        tables[reference[0]] = target
        return
    table = tables.setdefault(reference[0], {})
    if isinstance(table, dict):
        table[reference[1]] = target


def _overrides(draw: random.Random) -> Case:
    text, tables = _shipped(draw)
    path = ".".join(str(key) for key in draw.sample(sorted({str(key) for _, key in _places(tables)}), 2))
    value = draw.choice((*TEXTS, "[" * 1000, "9" * 5000, "{a={b=1}}", "1979-05-27", "0x" + "f" * 900, "nan", "[[]]"))
    override = draw.choice(
        (f"{path}={value}", f"{value}={path}", value, f"{path}.0={value}", os.fsdecode(b"run.name=\xff"))
    )
    words = ("--set", override.replace("\0", "")) if draw.random() < 0.8 else ("--preset", value.replace("\0", ""))
    return _case("overrides", text, *words, note=" ".join(words)[:80])


def _special(draw: random.Random) -> Case:
    """A recipe, or the file that it names, that is no regular file."""
    special = draw.choice(
        ("fifo", "/dev/zero", "/dev/full", "/dev/stdin", "folder", "loop", "/proc/self/mem", "socket", "secret")
    )

    def prepare(folder: Path) -> None:
        _copy_shipped(folder)
        path = folder / "s.toml"
        if special == "fifo":
            os.mkfifo(path)
        elif special == "folder":
            path.mkdir()
        elif special == "loop":
            path.symlink_to(path)
        elif special == "socket":
            os.mknod(path, 0o140644)
        else:
            path.symlink_to("/etc/shadow" if special == "secret" else special)
        reference, tables = draw.choice(REFERENCES), _shipped(draw)[1]
        _refer(tables, reference, "s.toml")
        (folder / "r.toml").write_bytes(_dumped(tables))

    name = draw.choice(("r.toml", "s.toml"))
    return Case(
        "recipe: special files", ("check", "{folder}/" + name), prepare, SECONDS, MEBIBYTES, f"{special} {name}"
    )


def _name(draw: random.Random) -> Case:
    name = draw.choice(FILE_NAMES)
    return _case("file names", _shipped(draw)[0], name=name + draw.choice((b"", b".toml")), note=repr(name))


def _sizes(draw: random.Random) -> Case:
    """A number of a valid recipe that is made large."""
    _, tables = _shipped(draw)
    numbers = [(place, key) for place, key in _places(tables) if isinstance(place[key], int | float)]
    if not numbers:
        return _bytes(draw)
    place, key = draw.choice(numbers)
    place[key] = type(place[key])(draw.choice((65_536, 4096, 10**6, 10**9, 10**12, 3)))
    preset = draw.choice(([], ["--preset", "small"]))
    return _case("sizes", _dumped(tables), *preset, note=f"{key} = {place[key]}")
