"""Hostile values of options: resumed settings, starts, loggers, lists of pairs, sweeps, sizes, and new plugins."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from file_cases import CELLS, write_media
from hostile_case import Case
from hostile_values import FILE_NAMES, TEXTS, hostile_bytes
from output_cases import PLACES, RUN, TINY

KEYS = (
    "train.steps", "train.generator.learning_rate", "train.discriminator.learning_rate", "match.steps",
    "match.learning_rate", "train.log_steps", "train.batch_size", "run.seed", "run.device", "run.precision",
    "data.num_people", "train.generator.beta1", "match.start", "train.start", "logger", "objective.0.weight",
)  # fmt: skip
NUMBERS = (
    "0", "-1", "1e-9", "1e9", "1e308", "nan", "inf", "2", "3", "1000000000000", "9" * 400, "0x10", "1_0", "true",
    "[1]", "{start = 1, end = 2, steps = 3}", '"x"',
)  # fmt: skip
LOGGERS = (
    '[{type="csv"}]', '[{type="tensorboard"}]', '[{type="console"}]', '[{type="csv", path="../x"}]', "[]", "[[]]", "3",
    '[{type="wandb"}]', '[{}]', '[{type=3}]', '[{type="csv"}, {type="csv"}]', '{type="csv"}', '[{type="csv", x=1}]',
)  # fmt: skip
OUTS = ("x.gif", "x.mp4", "x.webp", "x.jpg", "x.png", "x", "x.GIF", ".gif", "x.tiff", "x.gif/", "x.mp4.png")
KINDS = ("objective", "generator", "logger", "metric", "dataset", "source_list", "", "[bold]", "objectiv", "kind")


def option_cases(draw: random.Random) -> Iterator[Case]:
    """Yield calls with hostile options without end."""
    makers = (_resume, _resume, _start, _logger, _pairs, _pairs, _sweep, _pictures, _pictures, _plugin, _small)
    while True:
        yield draw.choice(makers)(draw)


def _case(kind: str, *words: str, prepare=None, mebibytes: float = 1000.0) -> Case:
    def media(folder: Path) -> None:
        write_media(folder)
        if prepare is not None:
            prepare(folder)

    words = tuple(word.replace("\0", "") for word in words)
    return Case(f"options: {kind}", words, media, 60.0, mebibytes, " ".join(words)[:100])


def _value(draw: random.Random) -> str:
    return draw.choice((*NUMBERS, *NUMBERS, draw.choice(TEXTS)))


def _resume(draw: random.Random) -> Case:
    """`--resume --set` of a finished run."""
    settings = [word for _ in range(draw.choice((1, 1, 2)))
                for word in ("--set", f"{draw.choice(KEYS)}={_value(draw)}")]  # fmt: skip

    def prepare(folder: Path) -> None:
        shutil.copytree(folder.parent / "run", folder / "run")

    return _case("resume with settings", "train", "{folder}/run", "--resume", *settings, prepare=prepare)


def _tiny(*more: str) -> list[str]:
    return [word for value in (*TINY, *more) for word in ("--set", value)]


def _start(draw: random.Random) -> Case:
    key = draw.choice(("train.start", "match.start", "match.run", "draft.run"))
    place = draw.choice((RUN, "{root}/model.safetensors", *PLACES, *TEXTS, "nobody"))
    changes = draw.choice(((), ("generator.width=8",), ("data.image_pixels=32",), ("run.seed=5",)))
    return _case("starts", "train", "speech_relid", "--preset", "small", *_tiny(f'{key}="{place}"', *changes),
                 "--out", "{folder}/new")  # fmt: skip


def _logger(draw: random.Random) -> Case:
    value = draw.choice((*LOGGERS, *LOGGERS, _value(draw)))
    return _case("loggers", "train", "speech_relid", "--preset", "small", *_tiny(f"logger={value}"), "--out",
                 "{folder}/new")  # fmt: skip


def _pairs(draw: random.Random) -> Case:
    cells = [draw.choice((*CELLS, "sound.wav", "face.png", "face.png")) for _ in range(draw.randrange(1, 8))]
    separator = draw.choice((",", " ", ";", "\t"))
    header = draw.choice(("speech,face\n", "id,speech,face\n", "face,speech,face\n", "Speech,Face\n", "", "\n\n"))
    text = (header + separator.join(cells) + "\n" + "sound.wav,face.png\n").encode("utf-8", "surrogatepass")
    if draw.random() < 0.3:
        text = hostile_bytes(draw, text)
    out = draw.choice(("{folder}/s.txt", "{folder}/s.txt", *PLACES))

    def prepare(folder: Path) -> None:
        (folder / "pairs.csv").write_bytes(text)

    return _case("score-pairs", "score-pairs", RUN, "--pairs", "{folder}/pairs.csv", "--out", out, prepare=prepare)


def _sweep(draw: random.Random) -> Case:
    values = [",".join(_value(draw) for _ in range(draw.choice((1, 2, 3, 40)))) for _ in range(draw.randrange(4))]
    settings = [word for value in values for word in ("--set", f"{draw.choice(KEYS)}={value}")]
    seeds = ["--seeds", *draw.choice((["0"], ["0", "1"], ["-1"], ["x"], ["9" * 30], ["0", "0"]))]
    out = draw.choice(("{folder}/s", *PLACES))
    return _case("sweep", "sweep", "speech_relid", "--preset", "small", *seeds, *settings, "--dry-run", "--out", out)


def _pictures(draw: random.Random) -> Case:
    """Sizes, counts, seeds and formats of pictures and films."""
    integers = (
        "0",
        "-1",
        "1",
        "2",
        "16",
        "300",
        "1000",
        "2048",
        "2049",
        str(2**31),
        str(2**70),
        "9" * 5000,
        "x",
        "1.5",
    )
    options = {
        "generate": ("--size", "--count", "--seed"),
        "interpolate": ("--rows", "--steps", "--seed", "--seconds"),
    }
    name = draw.choice(list(options))
    chosen = [word for option in draw.sample(options[name], 2) for word in (option, draw.choice(integers))]
    out = draw.choice(("{folder}/" + draw.choice(OUTS), *PLACES))
    return _case(f"{name}, sizes", name, RUN, "--speech", "{folder}/sound.wav", *chosen, "--out", out, mebibytes=3000.0)


def _plugin(draw: random.Random) -> Case:
    names = ("soft-hinge", "relid", "class", "x" * 24, "1a", "a--b", "../x", "facegen-x", "\u00e9", "", "-x", "a_b")
    out = draw.choice(("{folder}", *PLACES, "{folder}/" + draw.choice(FILE_NAMES).decode("utf-8", "surrogateescape")))
    return _case("new-plugin", "new-plugin", draw.choice((*names, *TEXTS)), "--kind", draw.choice(KINDS), "--out", out)


def _small(draw: random.Random) -> Case:
    """Commands with few options."""
    text = draw.choice((*TEXTS, *PLACES))
    calls = (
        ("schema", text), ("schema",), ("models", text), ("models", RUN), ("describe", text), ("describe", text, text),
        ("describe", "objective", text), ("list-plugins", text), ("recipes", text), ("export", RUN, text),
        ("export", text, text), ("doctor", text), ("inspect", RUN), ("train", RUN), ("train", RUN, "--out", text),
        ("check", RUN), ("check", "{root}/model.safetensors"), ("train", "{root}/model.safetensors"),
        ("export", RUN, "{folder}/m.safetensors", "--licence", text), ("export", RUN, "{folder}/m", "--card", text),
        ("generate", RUN, "--name", text), ("generate", RUN, "--text", text), ("interpolate", RUN, "--person", text),
        ("recipes", "speech_relid", "--copy", text),
    )  # fmt: skip
    words = draw.choice(calls)
    return _case(f"few options, {words[0]}", *words)
