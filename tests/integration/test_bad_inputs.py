"""Mistakes of users: each message names the place, the value, what is allowed and what to do."""

import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tiny_runs import RECIPES, Facegen, settings

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Objective
from facegen.core.kinds import KINDS
from facegen.core.registry import Part, Source, registry

RECIPE = RECIPES / "speech_relid.toml"
ReadErrors = Callable[[], str]


@pytest.fixture
def read_errors(capsys: pytest.CaptureFixture[str]) -> ReadErrors:
    """Return standard error since the last call, which must hold no traceback."""

    def read() -> str:
        text = capsys.readouterr().err
        assert "Traceback" not in text
        return text

    return read


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny finished run."""
    from facegen.cli.main import main

    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", str(RECIPE), "--preset", "small", *settings(), "--out", str(out)]) == 0
    return out


def write_sound(path: Path, num_samples: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(range(1, 201)) * (num_samples // 100))
    return path


@pytest.fixture
def corpus(facegen: Facegen, tmp_path: Path) -> Path:
    """A packed corpus of twelve people."""
    lines = ["identity,face,speech"]
    for number in range(24):
        Image.effect_noise((32, 32), 50).convert("RGB").save(tmp_path / f"{number}.png")
        write_sound(tmp_path / f"{number}.wav", 4000)
        lines.append(f"person {number // 2},{number}.png,{number}.wav")
    (tmp_path / "pairs.csv").write_text("\n".join(lines) + "\n")
    assert facegen("pack", tmp_path / "pairs.csv", "--out", tmp_path / "corpus", "--image-pixels", "32") == 0
    return tmp_path / "corpus"


def test_every_problem_of_a_recipe_is_reported_at_once(
    facegen: Facegen, read_errors: ReadErrors, tmp_path: Path
) -> None:
    text = RECIPE.read_text()
    text = text.replace('type = "relid"', 'type = "relidd"').replace("condition_dim = 128", "condition_dims = 128")
    text = text.replace("batch_size = 64", 'batch_size = "many"', 1).replace("r1_gamma = 1.0", "r1_gamma = -1.0")
    recipe = tmp_path / "x.toml"
    recipe.write_text(text)
    assert facegen("train", recipe) == 1
    errors = read_errors()
    assert "[objective] type = 'relidd': objective 'relidd' is not installed; did you mean 'relid'?" in errors
    assert "[conditioner] condition_dims is not a key here; did you mean 'condition_dim'?" in errors
    assert '[match] batch_size = "many": must be a valid integer' in errors
    assert "[penalty] r1_gamma" in errors and "-1.0: must be greater than or equal to 0" in errors
    assert not (Path("runs") / "x").exists()


def test_objective_without_its_head_is_refused(
    facegen: Facegen, read_errors: ReadErrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Rebuild(Objective):
        def __init__(self, data: DataSpec) -> None:
            super().__init__()
            self.heads = {"reconstruct": 1}

    part = Part(KINDS["objective"], "rebuild", Rebuild, Source("test", "test", "0"))
    monkeypatch.setitem(registry().parts["objective"], "rebuild", part)
    sizes = ["--set", "objective.type=rebuild", "--out", tmp_path / "run"]
    assert facegen("train", RECIPE, "--preset", "small", *settings(), *sizes) == 1
    expected = "[discriminator] type = 'projection' has no head 'reconstruct', which the recipe's objective or matcher"
    assert expected in read_errors()
    assert not (tmp_path / "run").exists()


def test_errors_of_building_are_reported_by_check(facegen: Facegen, read_errors: ReadErrors, tmp_path: Path) -> None:
    wrong = ["--set", "conditioner.kernel_samples=250", "--set", "data.image_pixels=34"]
    assert facegen("check", RECIPE, "--preset", "small", *settings(), *wrong) == 1
    errors = read_errors()
    assert "kernel_samples = 250: must be odd" in errors
    assert "image_pixels = 34" in errors


def test_corpus_with_a_missing_shard_is_refused(
    facegen: Facegen, read_errors: ReadErrors, corpus: Path, tmp_path: Path
) -> None:
    shard = next(corpus.glob("faces-*.safetensors"))
    shard.unlink()
    assert facegen("train", RECIPE, "--data", corpus, "--out", tmp_path / "run") == 1
    assert str(shard) in read_errors()


def test_truncated_shard_is_refused(facegen: Facegen, read_errors: ReadErrors, corpus: Path, tmp_path: Path) -> None:
    shard = next(corpus.glob("speech-*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-100])
    assert facegen("train", RECIPE, "--data", corpus, "--out", tmp_path / "run") == 1
    assert str(shard) in read_errors()


def test_missing_corpus_is_refused(facegen: Facegen, read_errors: ReadErrors, tmp_path: Path) -> None:
    assert facegen("train", RECIPE, "--data", tmp_path / "nowhere") == 1
    assert str(tmp_path / "nowhere") in read_errors()


def test_tiny_picture_is_rejected_with_its_size(
    facegen: Facegen, read_errors: ReadErrors, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (3, 8)).save(tmp_path / "tiny.png")
    write_sound(tmp_path / "a.wav", 4000)
    (tmp_path / "pairs.csv").write_text("identity,face,speech\nsomebody,tiny.png,a.wav\n")
    assert facegen("pack", tmp_path / "pairs.csv", "--out", tmp_path / "corpus") == 1
    assert "3x8" in read_errors().replace(" ", "")


@pytest.mark.parametrize("command", ["generate", "match"])
def test_unreadable_speech_is_refused_with_its_path(
    command: str, facegen: Facegen, read_errors: ReadErrors, run: Path, tmp_path: Path
) -> None:
    text, empty = tmp_path / "speech.wav", tmp_path / "empty.wav"
    text.write_text("no sound at all")
    write_sound(empty, 0)
    face = tmp_path / "face.png"
    Image.new("RGB", (64, 64)).save(face)
    words = ["--faces", face] if command == "match" else ["--out", tmp_path / "faces"]
    assert facegen(command, run, "--speech", text, *words) == 1
    assert str(text) in read_errors()
    assert facegen(command, run, "--speech", empty, *words) == 1
    assert str(empty) in read_errors()
    assert facegen(command, run, "--speech", tmp_path / "gone.wav", *words) == 1
    assert "gone.wav" in read_errors()


def test_condition_that_the_run_does_not_read_is_refused(facegen: Facegen, read_errors: ReadErrors, run: Path) -> None:
    assert facegen("generate", run, "--name", "Ada") == 1
    errors = read_errors()
    assert "the run was trained on speech: give it with --speech FILE" in errors
    assert "the run does not read a name" in errors


def test_generate_refuses_a_folder_without_run(facegen: Facegen, read_errors: ReadErrors, tmp_path: Path) -> None:
    assert facegen("generate", tmp_path, "--speech", "a.wav") == 1
    assert "holds no run.json" in read_errors()


def test_damaged_checkpoint_is_refused(facegen: Facegen, read_errors: ReadErrors, run: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    weights = max(broken.glob("checkpoints/train-*/ema.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    sound = write_sound(tmp_path / "a.wav", 8000)
    assert facegen("generate", broken, "--speech", sound, "--out", tmp_path / "faces") == 1
    assert "the checkpoint is damaged" in read_errors()
    shutil.rmtree(broken / "checkpoints")
    assert facegen("generate", broken, "--speech", sound, "--out", tmp_path / "faces") == 1
    assert "no generator was saved yet" in read_errors()
