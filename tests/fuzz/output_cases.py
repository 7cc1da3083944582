"""Hostile places to write to, and hostile places of files that are read, for every command."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from file_cases import good_rows, table_text, write_media
from hostile_case import Case
from hostile_values import FILE_NAMES

TINY = (
    "data.image_pixels=16",
    "data.speech_seconds=0.3",
    "data.clip_seconds=0.3",
    "data.num_people=40",
    "data.num_heldout_people=24",
    "data.clips_per_person=1",
    "data.frames_per_clip=2",
    "match.steps=1",
    "match.batch_size=12",
    "match.warmup_steps=0",
    "train.steps=1",
    "train.batch_size=8",
)
PLACES = (
    "/dev/null",
    "/dev/full",
    "/proc/x",
    "/proc/self/x",
    "/sys/x",
    "{folder}/file",
    "{folder}/file/below",
    "{folder}/fifo",
    "{folder}/loop",
    "{folder}/loop/x",
    "{folder}",
    "{folder}/" + "n" * 300,
    "{folder}/" + "d/" * 2000 + "x",
    "/",
    "",
    "{folder}/dangling",
    "{folder}/used",
    "{folder}/missing/a/b",
    "{folder}/socket",
    "{folder}/full/x",
    ".",
    "..",
    "/proc/self/mem",
    "/proc/kmsg",
    "/proc/self/environ",
    "/sys/kernel/notes",
    "/dev/mem",
    "/dev/tty",
    "{folder}/mem.toml",
    "{folder}/mem.csv",
    "{folder}/mem.wav",
    "{folder}/mem.png",
    "{folder}/mem.tar",
    "{folder}/mem.safetensors",
    "{folder}/memrun",
)
"""Places to write to. "full" is a link to /dev/full."""
RUN = "{root}/run"
"""A finished run of the recipe speech_relid with the settings TINY; `make_run` trains it, and exports its model."""


def make_run(root: Path) -> None:
    """Train the run that the cases read."""
    from facegen.cli.main import main

    settings = [word for value in TINY for word in ("--set", value)]
    if main(["train", "speech_relid", "--preset", "small", *settings, "--out", str(root / "run")]):
        raise RuntimeError("the run of the cases cannot be trained")
    if main(["export", str(root / "run"), str(root / "model.safetensors")]):
        raise RuntimeError("the run of the cases cannot be exported")


def output_cases(draw: random.Random) -> Iterator[Case]:
    """Yield calls of commands with hostile places without end."""
    makers = (_train, _pack, _recipes, _model, _model, _reads, _reads, _named, _named)
    while True:
        yield draw.choice(makers)(draw)


def _prepare(folder: Path) -> None:
    write_media(folder)
    (folder / "file").write_text("mine")
    os.mkfifo(folder / "fifo")
    os.mknod(folder / "socket", 0o140644)
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("/nowhere/x")
    (folder / "full").symlink_to("/dev/full")
    (folder / "memrun").mkdir()
    for name in ("mem.toml", "mem.csv", "mem.wav", "mem.png", "mem.tar", "mem.safetensors", "memrun/run.json", "memrun/corpus.json"):
        (folder / name).symlink_to("/proc/self/mem")
    (folder / "used").mkdir()
    (folder / "used" / "letter.txt").write_text("mine")
    (folder / "t.csv").write_text(table_text(good_rows(), ["identity", "face", "speech"]))


def _place(draw: random.Random) -> str:
    if draw.random() < 0.4:
        return "{folder}/" + os.fsdecode(draw.choice(FILE_NAMES)) + draw.choice(("", ".png", ".toml", "/"))
    return draw.choice(PLACES)


def _case(kind: str, *words: str) -> Case:
    return Case(f"outputs: {kind}", words, _prepare, note=" ".join(words)[-100:])


def _train(draw: random.Random) -> Case:
    settings = [word for value in TINY for word in ("--set", value)]
    resume = draw.choice(([], ["--resume"]))
    return _case("train", "train", "speech_relid", "--preset", "small", *settings, *resume, "--out", _place(draw))


def _pack(draw: random.Random) -> Case:
    return _case("pack", "pack", "{folder}/t.csv", "--image-pixels", "16", "--out", _place(draw))


def _recipes(draw: random.Random) -> Case:
    return _case("recipes", "recipes", "speech_relid", "--copy", _place(draw))


def _model(draw: random.Random) -> Case:
    place = _place(draw)
    calls = {
        "generate": ("generate", RUN, "--speech", "{folder}/sound.wav", "--count", "2", "--out", place),
        "interpolate": ("interpolate", RUN, "--speech", "{folder}/sound.wav", "--steps", "2", "--out", place),
    }
    name = draw.choice(list(calls))
    return _case(name, *calls[name])


def _named(draw: random.Random) -> Case:
    """Commands that read a run or a model with a hostile name, and write what names it."""
    name = os.fsdecode(draw.choice(FILE_NAMES))
    run, model = "{folder}/" + name, "{folder}/" + name + ".safetensors"
    out = "{folder}/out" + draw.choice(("", ".gif", ".mp4", ".webp", name))
    calls = (
        ("generate", "--speech", "{folder}/sound.wav", "--count", "2", "--out", out),
        ("interpolate", "--speech", "{folder}/sound.wav", "--steps", "2", "--out", out),
        ("match", "--faces", "{folder}/face.png", "{folder}/face.png", "--speech", "{folder}/sound.wav"),
        ("evaluate", "--split", "heldout_people"), ("compare", "{root}/run"), ("export", "{folder}/x.safetensors"),
        ("train", "--resume", "--set", "train.steps=2"), ("check",), ("models", "--json"),
    )  # fmt: skip
    command, *more = draw.choice(calls)
    path = draw.choice((run, model))

    def prepare(folder: Path) -> None:
        _prepare(folder)
        shutil.copytree(folder.parent / "run", folder / name)
        shutil.copyfile(folder.parent / "model.safetensors", folder / f"{name}.safetensors")

    return Case(f"names of runs: {command}", (command, "--", path) if not more else (command, path, *more), prepare, note=repr(name))


def _reads(draw: random.Random) -> Case:
    """Commands that read from hostile places."""
    place = _place(draw)
    calls = (
        ("inspect", place),
        ("inspect", place, "--verify"),
        ("export", place, "{folder}/m.safetensors"),
        ("describe", place, "x"),
        ("generate", place, "--speech", "{folder}/sound.wav"),
        ("generate", RUN, "--speech", place),
        ("evaluate", place),
        ("match", RUN, "--faces", place, "{folder}/face.png", "--speech", "{folder}/sound.wav"),
        ("compare", place, place),
        ("export-shards", place, "--out", "{folder}/shards"),
        ("pack", place, "--out", "{folder}/c"),
        ("drop", place, place),
        ("forget", place, "somebody"),
        ("collect", place, "--out", "{folder}/c"),
        ("check", place),
        ("train", place),
        ("pack", "--voxceleb", place, "--vggface", place, "--meta", place, "--out", "{folder}/c"),
        ("models", place),
        ("train", "speech_relid", "--data", place),
        ("check", "speech_relid", "--data", place),
        (place,),
    )
    words = draw.choice(calls)
    return Case(f"reads: {words[0] if words[0] != place else 'command'}", words, _prepare, note=" ".join(words)[-100:])
