"""Hostile values for the Python interface, whose errors are those of facegen, not of Python or of a library."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from file_cases import write_media
from hostile_case import Case
from hostile_values import TEXTS
from PIL import Image

VALUES: tuple[Any, ...] = (
    None, "", " ", "x", "\0", b"x", 0, -1, 1, 2, 10**6, 2**31, 2**63, 2**70, 1.5, float("nan"), float("inf"), True, [],
    [None], {}, {"a": 1}, (), object(), len, Path("/dev/zero"), Path("/nowhere/x"), Path("/"), Path("pipe"), 1 + 2j,
    Path("/proc/self/mem"), Path("/proc/kmsg"), Path("/dev/full"), Path("/dev/mem"), Path("socket"), Path("mem"),
    np.int64(3), np.float32(2.5), "nan", "all",
)  # fmt: skip
NEEDED = {"sample": ("speech", "count", "seed", "sample_rate_hz", "name", "text", "face", "detect")}


def api_cases(draw: random.Random) -> Iterator[Case]:
    """Yield uses of the Python interface without end."""
    makers = (_load, _sample, _sample, _sample, _match, _match, _corpus, _train, _evaluate, _picture)
    while True:
        yield draw.choice(makers)(draw)


def _case(name: str, note: str, call: Callable[[Path], object]) -> Case:
    def prepare(folder: Path) -> None:
        write_media(folder)
        os.mkfifo(folder / "pipe")
        os.mknod(folder / "socket", 0o140644)
        (folder / "mem").symlink_to("/proc/self/mem")
        (folder / "text.txt").write_text("no picture")

    return Case(f"api: {name}", (), prepare, 60.0, 1000.0, note[:100], call=call)


def _speech(draw: random.Random) -> Any:
    """Draw speech: files, arrays, tensors, or something else."""
    arrays: tuple[Callable[[], Any], ...] = (
        lambda: np.zeros(16000, np.int16), lambda: np.ones(16000, np.float32), lambda: np.full(16000, np.nan),
        lambda: np.ones((2, 3, 4)), lambda: np.ones(16000, complex), lambda: np.ones(16000, object), lambda: np.ones(0),
        lambda: np.array("x"), lambda: np.arange(16000, dtype=np.uint64), lambda: torch.ones(16000) * 1j,
        lambda: torch.randn(16000, requires_grad=True).clamp(-1, 1), lambda: torch.ones(16000, device="meta"),
        lambda: torch.ones(4, 4).to_sparse(), lambda: torch.ones(16000, dtype=torch.bfloat16),
        lambda: np.random.default_rng(0).normal(0, 0.1, 16000), lambda: np.ma.masked_array([1.0] * 9000, [True] * 9000),
        lambda: np.ones((1, 16000)).T, lambda: np.ones(10**8, np.int16), lambda: [0.1] * 16000, lambda: "sound.wav",
        lambda: "text.txt", lambda: ["sound.wav", "nowhere"], lambda: draw.choice(VALUES), lambda: draw.choice(TEXTS),
    )  # fmt: skip
    return draw.choice(arrays)()


def _face(draw: random.Random) -> Any:
    images: tuple[Callable[[], Any], ...] = (
        lambda: Image.new("RGB", (1, 1)), lambda: Image.new("I;16", (30, 30)), lambda: Image.new("F", (30, 30)),
        lambda: Image.new("P", (30, 30)), lambda: Image.new("CMYK", (20000, 3)), lambda: Image.new("RGBA", (0, 0)),
        lambda: np.zeros((16, 16, 3), np.uint8), lambda: np.zeros((16, 16), np.uint8), lambda: torch.zeros(3, 16, 16),
        lambda: np.zeros((16, 16, 3), np.float64), lambda: np.ones((2, 16, 16, 3), object), lambda: np.array("x"),
        lambda: torch.zeros(3, 16, 16, device="meta"), lambda: torch.zeros(3, 16, 16) * 1j, lambda: np.zeros((0, 16, 16, 3)),
        lambda: torch.zeros(3, 16, 16).to_sparse(), lambda: np.zeros((16, 16, 3), np.uint16), lambda: "face.png",
        lambda: torch.full((3, 16, 16), 9.0), lambda: torch.zeros(3, 1, 1), lambda: torch.zeros(3, 0, 5),
        lambda: ["face.png", "face.png"], lambda: ["face.png", None], lambda: "text.txt", lambda: "sound.wav",
        lambda: draw.choice(VALUES), lambda: draw.choice(TEXTS), lambda: np.zeros((16, 16, 3), "datetime64[s]"),
    )  # fmt: skip
    return draw.choice(images)()


def _load(draw: random.Random) -> Case:
    value = draw.choice((*VALUES, *TEXTS))

    def call(folder: Path) -> object:
        import facegen

        return facegen.load(value).names

    return _case("load", repr(value), call)


def _sample(draw: random.Random) -> Case:
    arguments: dict[str, Any] = {"speech": "sound.wav", "count": 2}
    for name in draw.sample(NEEDED["sample"], draw.choice((1, 1, 2))):
        makers = {"speech": _speech, "face": _face}
        arguments[name] = makers[name](draw) if name in makers else draw.choice(VALUES)
    if not isinstance(arguments["speech"], str):
        arguments.setdefault("sample_rate_hz", 16000)

    def call(folder: Path) -> object:
        import facegen

        return facegen.load(folder.parent / "run").sample(**arguments)

    return _case("sample", _shown(arguments), call)


def _match(draw: random.Random) -> Case:
    name = draw.choice(("rank", "rank", "encode", "embed_faces"))
    arguments: dict[str, Any] = {}
    if name != "embed_faces":
        arguments["speech"] = draw.choice((_speech(draw), "sound.wav"))
        arguments["sample_rate_hz"] = draw.choice((16000, 16000, draw.choice(VALUES)))
    if name != "encode":
        arguments["faces"] = draw.choice((_face(draw), ["face.png", "face.png"]))
    if name == "rank":
        arguments["direction"] = draw.choice(("v2f", "f2v", "v2f", draw.choice(VALUES)))

    def call(folder: Path) -> object:
        import facegen

        return getattr(facegen.load(folder.parent / "run"), name)(**arguments)

    return _case(name, _shown(arguments), call)


def _corpus(draw: random.Random) -> Case:
    arguments: dict[str, Any] = {}
    for name in draw.sample(("path", "split", "image_pixels", "speech_seconds"), 2):
        arguments[name] = draw.choice((*VALUES, *TEXTS))

    def call(folder: Path) -> object:
        import facegen
        from facegen.cli.main import main

        (folder / "t.csv").write_text("identity,face,speech\n" + "".join(f"{n},face.png,sound.wav\n" for n in range(9)))
        main(["pack", str(folder / "t.csv"), "--out", str(folder / "corpus"), "--image-pixels", "16"])
        return facegen.open_corpus(**{"path": folder / "corpus", **arguments})[0]

    return _case("open_corpus", _shown(arguments), call)


def _train(draw: random.Random) -> Case:
    arguments: dict[str, Any] = {"recipe": "speech_relid", "preset": "small"}
    for name in draw.sample(("recipe", "overrides", "data", "preset", "out"), 2):
        arguments[name] = draw.choice((*VALUES, *TEXTS))
    if draw.random() < 0.5:
        arguments["overrides"] = {draw.choice(("train.steps", "run.seed", "a", "", 3)): draw.choice(VALUES)}

    def call(folder: Path) -> object:
        import facegen

        return facegen.train(**{"data": "/nowhere/corpus", **arguments})

    return _case("train", _shown(arguments), call)


def _evaluate(draw: random.Random) -> Case:
    names = ("run", "data", "split", "num_clips", "judge", "judge_seed", "recognisers", "against", "out")
    arguments = {name: draw.choice((*VALUES, *TEXTS)) for name in draw.sample(names, 2)}

    def call(folder: Path) -> object:
        import facegen

        return facegen.evaluate(**{"run": folder.parent / "run", "data": "/nowhere/corpus", **arguments})

    return _case("evaluate", _shown(arguments), call)


def _picture(draw: random.Random) -> Case:
    picture, path = draw.choice((_face(draw), "drawn")), draw.choice(("x.png", "x.bmp", "x", *VALUES, *TEXTS))

    def call(folder: Path) -> object:
        import facegen

        drawn = facegen.load(folder.parent / "run").sample(speech="sound.wav", count=1)[0]
        return facegen.save_picture(drawn if isinstance(picture, str) else picture, path)

    return _case("save_picture", f"{path!r:.40} {picture!r:.40}", call)


def _shown(arguments: dict[str, Any]) -> str:
    return " ".join(f"{name}={value!r:.40}" for name, value in arguments.items())
