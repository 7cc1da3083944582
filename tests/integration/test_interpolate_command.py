"""`facegen interpolate`: files, names, people of the corpus, and mistakes."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from test_generate import write_sound
from tiny_runs import RECIPES, TINY, Facegen, settings

from facegen.cli.main import main

FILES = ["film.gif", "film.mp4", "montage.png"]


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interpolate") / "speech"
    words = ["train", str(RECIPES / "speech_relid.toml"), "--preset", "small", *settings(), "--out", str(folder)]
    assert main(words) == 0
    return folder


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on names without a match stage."""
    folder = tmp_path_factory.mktemp("interpolate") / "names"
    given = [f"{key}={value}" for key, value in TINY.items() if not key.startswith("match.")]
    words = [word for setting in given for word in ("--set", setting)]
    recipe = RECIPES / "name_lsgan_concatenated.toml"
    assert main(["train", str(recipe), "--preset", "small", *words, "--out", str(folder)]) == 0
    return folder


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_interpolate_between_two_files(
    facegen: Facegen, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sounds = [write_sound(tmp_path / f"{name}.wav", 0.5, 16000, 1, pitch) for name, pitch in (("a", 90), ("b", 220))]
    words = ["--rows", 2, "--steps", 4, "--seconds", 1, "--out", tmp_path / "out"]
    capsys.readouterr()
    assert facegen("interpolate", speech, "--speech", *sounds, *words) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert f"Montage: {tmp_path / 'out' / 'montage.png'}" in capsys.readouterr().out
    with Image.open(tmp_path / "out" / "film.gif") as film:
        assert film.n_frames > 12
    with av.open(str(tmp_path / "out" / "film.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 6 + 12 + 6 + 10


def test_endpoints_equal_the_faces_of_generate(facegen: Facegen, speech: Path, tmp_path: Path) -> None:
    sounds = [write_sound(tmp_path / f"{name}.wav", 0.5, 16000, 1, pitch) for name, pitch in (("a", 90), ("b", 220))]
    words = ["--seed", 4, "--out"]
    assert facegen("generate", speech, "--speech", *sounds, "--count", 1, *words, tmp_path / "faces") == 0
    assert facegen("interpolate", speech, "--speech", *sounds, "--rows", 1, "--steps", 3, *words, tmp_path / "way") == 0
    montage = pixels(tmp_path / "way" / "montage.png")
    ends = [pixels(tmp_path / "faces" / name) for name in ("a_speech_seed4_1.png", "b_speech_seed4_1.png")]
    large = [end.repeat(8, axis=0).repeat(8, axis=1) for end in ends]
    height = montage.shape[0] - 14 - 128
    # Three faces of 128 pixels with gaps of 6, up to the margin of 14.
    left = montage.shape[1] - 14 - 3 * 128 - 2 * 6
    assert np.array_equal(montage[height : height + 128, left : left + 128], large[0])
    assert np.array_equal(montage[height : height + 128, -14 - 128 : -14], large[1])


def test_one_voice_interpolates_between_noises(facegen: Facegen, speech: Path, tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "a.wav", 0.5, 16000, 1)
    words = ["--rows", 2, "--seconds", 1, "--out", tmp_path / "out"]
    assert facegen("interpolate", speech, "--speech", sound, *words) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES


def test_people_of_the_corpus_are_endpoints(facegen: Facegen, speech: Path, tmp_path: Path) -> None:
    words = ["--rows", 1, "--steps", 2, "--seconds", 0.5]
    for out, people in (("drawn", []), ("named", ["--person", "40", "63"]), ("one", ["--person", "speaker-3"])):
        split = ["--split", "train"] if out == "one" else []
        assert facegen("interpolate", speech, *people, *split, *words, "--out", tmp_path / out) == 0
    # Two true faces and two drawn ones; one true face and two drawn ones.
    two, drawn, one = (pixels(tmp_path / out / "montage.png").shape[1] for out in ("named", "drawn", "one"))
    assert two == drawn
    assert 3 * 128 < one < 4 * 128 < two


def test_names_show_their_true_faces(facegen: Facegen, names: Path, tmp_path: Path) -> None:
    words = ["--rows", 1, "--steps", 2, "--seconds", 0.5, "--out"]
    assert facegen("interpolate", names, "--name", "speaker-3", "--name", "speaker-5", *words, tmp_path / "two") == 0
    assert pixels(tmp_path / "two" / "montage.png").shape[1] > 4 * 128


@pytest.mark.parametrize("words, message", [
    (["--speech", "nowhere.wav"], "nowhere.wav: does not exist"),
    (["--name", "ada"], "the run does not read a name; it was trained on speech"),
    (["--person", "39"], "'39' is not in the split 'heldout_people', which holds 24 people (40, 41, 42, 43, 44, ...)"),
    (["--person", "speker-3"], "'speker-3' is an unknown name: the run knows 40 names; did you mean 'speaker-3'?"),
    (["--split", "heldout_utterances"], "the split 'heldout_utterances' of this corpus holds no clips"),
])  # fmt: skip
def test_bad_endpoints_are_refused_with_a_reason(
    words: list[str], message: str, facegen: Facegen, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facegen("interpolate", speech, *words, "--out", tmp_path / "out") == 1
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_people_with_unknown_names_are_refused(
    facegen: Facegen, names: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facegen("interpolate", names, "--split", "heldout_people", "--out", tmp_path / "out") == 1
    assert "choose known people with --split heldout_utterances" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("words", [
    ["--speech", "a.wav", "b.wav", "c.wav"], ["--person", "1", "2", "3"], ["--speech", "a.wav", "--person", "1"],
    ["--speech", "a.wav", "--split", "train"], ["--steps", "1"],
])  # fmt: skip
def test_contradictory_options_are_usage_errors(words: list[str], facegen: Facegen, speech: Path) -> None:
    assert facegen("interpolate", speech, *words) == 2
