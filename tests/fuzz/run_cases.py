"""Runs and model files from strangers: values and bytes of every file are changed, and every command reads them."""

import json
import os
import random
import shutil
import struct
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tomli_w
from file_cases import write_media
from hostile_case import Case
from hostile_values import TEXTS, hostile_bytes, hostile_value

SECONDS, MEBIBYTES = 60.0, 1000.0
NUMBERS = (10**9, 10**12, 2**63, 10**400, -1, 0, 1e308, float("nan"), float("inf"), 65_537, 2**31)
LINKS = ("/dev/zero", "/etc/shadow", "/proc/self/mem", "/nowhere", ".")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("generate", "{path}", "--speech", "{folder}/sound.wav", "--count", "2", "--out", "{folder}/faces"),
    ("match", "{path}", "--faces", "{folder}/face.png", "{folder}/face.png", "--speech", "{folder}/sound.wav"),
    ("score-pairs", "{path}", "--pairs", "{folder}/pairs.csv", "--out", "{folder}/scores.txt"),
    ("interpolate", "{path}", "--speech", "{folder}/sound.wav", "--rows", "1", "--seconds", "0.5", "--steps", "2",
     "--out", "{folder}/film.gif"),
    ("compare", "{path}", "{path}"),
)  # fmt: skip
OF_RUNS = (
    ("train", "{path}", "--resume"),
    ("train", "{path}", "--resume", "--set", "train.steps=2"),
    ("export", "{path}", "{folder}/m.safetensors"),
    ("check", "{path}"),
)
OF_MODELS = (("models", "{path}"), ("models", "{path}", "--json"))
OF_BOTH = (
    ("train", "speech_relid", "--preset", "small", "--set", "train.start={path}", "--out", "{folder}/started"),
    ("train", "speech_relid", "--preset", "small", "--set", "match.run={path}", "--out", "{folder}/started"),
)


def run_cases(draw: random.Random) -> Iterator[Case]:
    """Yield uses of changed runs and models without end."""
    makers = (_json, _json, _recipe, _tensors, _tensors, _special, _bytes, _model, _model, _model, _log)
    while True:
        yield draw.choice(makers)(draw)


def _case(draw: random.Random, kind: str, change: Callable[[Path], None], note: str, *, model: bool = False) -> Case:
    """Make a case whose run or model is a copy that `change` is applied to."""
    words = draw.choice((*COMMANDS, *(OF_MODELS if model else OF_RUNS), *OF_BOTH[: draw.randrange(3)]))
    path = "{folder}/m.safetensors" if model else "{folder}/run"
    if model and words[0] == "export":
        words = OF_MODELS[0]

    def prepare(folder: Path) -> None:
        write_media(folder)
        (folder / "pairs.csv").write_text("speech,face\nsound.wav,face.png\n")
        if model:
            shutil.copyfile(folder.parent / "model.safetensors", folder / "m.safetensors")
            change(folder / "m.safetensors")
        else:
            shutil.copytree(folder.parent / "run", folder / "run")
            change(folder / "run")

    call = tuple(word.replace("{path}", path) for word in words)
    return Case(f"{'models' if model else 'runs'}: {kind}", call, prepare, SECONDS, MEBIBYTES, note)


def _changed(draw: random.Random, value: Any) -> tuple[Any, str]:
    """Replace, remove or add one value at any place."""
    places = list(_places(value))
    if not places:
        return hostile_value(draw), "all"
    table, key = draw.choice(places)
    action = draw.choice(("replace", "replace", "number", "remove", "nest"))
    note = f"{action} {key!r:.40}"
    if action == "remove":
        del table[key]
    elif action == "nest":
        table[key] = json.loads("[" * 300 + "]" * 300)
    else:
        table[key] = draw.choice(NUMBERS) if action == "number" else _plain(hostile_value(draw))
        note += f" = {table[key]!r:.60}"
    return value, note


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, inner in list(entries):
        yield value, key
        yield from _places(inner)


def _json(draw: random.Random) -> Case:
    name = draw.choice(
        ("run.json", "run.json", "checkpoints/match/state.json", "checkpoints/train-00000001/state.json")
    )
    seed, noted = draw.random(), name.split("/")[-1]

    def change(run: Path) -> None:
        values, _ = _changed(random.Random(seed), json.loads((run / name).read_text()))
        (run / name).write_text(json.dumps(values, default=str))

    return _case(draw, noted, change, f"{name} {seed}")


def _log(draw: random.Random) -> Case:
    values = [{"stage": draw.choice(("train", "match", 3, None, "x" * 9)), "step": draw.choice((*NUMBERS, "1", None))}]
    values += [{"stage": "train", "step": 1, "generator/loss": draw.choice((*NUMBERS, "x", [1]))}]

    seed = draw.random()

    def change(run: Path) -> None:
        inner = random.Random(seed)
        lines = [json.dumps(value) for value in values] + ["[" * 100_000, "9" * 5000, '{"stage": "\\ud800", "step": 1}']
        with (run / "log.jsonl").open("a") as file:
            file.write("\n".join(inner.sample(lines, 3)) + "\n")
        (run / "samples" / inner.choice(("step_x.png", "step_.png", f"step_{'9' * 90}.png"))).touch()

    return _case(draw, "log.jsonl", change, f"{values!r:.100}")


def _recipe(draw: random.Random) -> Case:
    seed = draw.random()

    def change(run: Path) -> None:
        tables, _ = _changed(random.Random(seed), tomllib.loads((run / "recipe.toml").read_text()))
        try:
            text = tomli_w.dumps(tables)
        except (TypeError, ValueError, RecursionError, AttributeError):  # no TOML
            text = "[data\n"
        (run / "recipe.toml").write_text(text, errors="replace")

    return _case(draw, "recipe.toml", change, str(seed))


def _tensor_files(run: Path) -> list[Path]:
    return sorted((*run.glob("checkpoints/*/*.safetensors"), *run.glob("*.safetensors")))


def _tensors(draw: random.Random) -> Case:
    seed = draw.random()

    def change(run: Path) -> None:
        inner = random.Random(seed)
        path = inner.choice(_tensor_files(run))
        path.write_bytes(_damaged_tensors(inner, path.read_bytes()))

    return _case(draw, "tensors", change, str(seed))


def _damaged_tensors(draw: random.Random, content: bytes) -> bytes:
    """Change the header of a safetensors file, its numbers, or its length."""
    size = struct.unpack("<Q", content[:8])[0]
    header, body = content[8 : 8 + size], bytearray(content[8 + size :])
    action = draw.choice(("header", "header", "length", "numbers", "bytes", "cut", "keys"))
    if action in ("header", "keys"):
        values = json.loads(header)
        if action == "keys":
            key = draw.choice(sorted(values) or [""])
            values[draw.choice((*TEXTS, "9" * 5000 + ".exp_avg", "-1.step", "0.exp_avg"))] = values.pop(key, {})
        else:
            values, _ = _changed(draw, values)
        text = json.dumps(values, default=str).encode()
        return struct.pack("<Q", len(text)) + text + body
    if action == "length":
        return struct.pack("<Q", draw.choice((0, 1, 2**40, 2**63, size + 1, size - 1))) + header + body
    if action == "numbers" and len(body) >= 4:
        for _ in range(5):
            place = 4 * draw.randrange(len(body) // 4)
            body[place : place + 4] = struct.pack("<f", draw.choice((float("nan"), float("inf"), 1e38, -1e38, 1e-45)))
        return content[: 8 + size] + bytes(body)
    return content[: draw.randrange(len(content))] if action == "cut" else hostile_bytes(draw, content)


def _special(draw: random.Random) -> Case:
    """A file of a run that is a pipe, a link, a folder, or vast without taking space."""
    seed = draw.random()

    def change(run: Path) -> None:
        inner = random.Random(seed)
        path = inner.choice([path for path in sorted(run.rglob("*")) if path.is_file()])
        path.unlink()
        action = inner.choice(("fifo", "link", "folder", "vast", "missing"))
        if action == "fifo":
            os.mkfifo(path)
        elif action == "link":
            path.symlink_to(inner.choice(LINKS))
        elif action == "folder":
            path.mkdir()
        elif action == "vast":
            with path.open("wb") as file:
                file.truncate(2**36)

    return _case(draw, "special files", change, str(seed))


def _bytes(draw: random.Random) -> Case:
    name, seed = draw.choice(("run.json", "recipe.toml", "log.jsonl", "checkpoints/match/state.json")), draw.random()

    def change(run: Path) -> None:
        (run / name).write_bytes(hostile_bytes(random.Random(seed), (run / name).read_bytes()))

    return _case(draw, "bytes", change, f"{name} {seed}")


def _model(draw: random.Random) -> Case:
    seed = draw.random()

    def change(path: Path) -> None:
        inner, content = random.Random(seed), path.read_bytes()
        if inner.random() < 0.4:
            path.write_bytes(_damaged_tensors(inner, content))
            return
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + size])
        metadata, _ = _changed(inner, json.loads(header["__metadata__"]["facegen"]))
        header["__metadata__"]["facegen"] = json.dumps(metadata)
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])

    return _case(draw, "headers and tensors", change, str(seed), model=True)
