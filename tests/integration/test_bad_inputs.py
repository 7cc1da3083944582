"""What a user can get wrong, and what they are told: where, which value, what is allowed, what to do."""

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
Said = Callable[[], str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """What was said on stderr since the last call; never a traceback."""

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


def test_every_problem_of_a_recipe_is_told_at_once(facegen: Facegen, said: Said, tmp_path: Path) -> None:
    text = RECIPE.read_text()
    text = text.replace('type = "relid"', 'type = "relidd"').replace("condition_dim = 128", "condition_dims = 128")
    text = text.replace("batch_size = 64", 'batch_size = "many"', 1).replace("r1_gamma = 1.0", "r1_gamma = -1.0")
    recipe = tmp_path / "x.toml"
    recipe.write_text(text)
    assert facegen("train", recipe) == 1
    errors = said()
    assert "[objective] type = 'relidd': objective 'relidd' is not installed; did you mean 'relid'?" in errors
    assert "[conditioner] condition_dims is not a key here; did you mean 'condition_dim'?" in errors
    assert '[match] batch_size = "many": must be a valid integer' in errors
    assert "[penalty] r1_gamma" in errors and "-1.0: must be greater than or equal to 0" in errors
    assert not (Path("runs") / "x").exists()


def test_an_objective_without_its_head_names_who_has_it(
    facegen: Facegen, said: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
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
    assert expected in said()
    assert not (tmp_path / "run").exists()


def test_what_only_building_shows_is_told_before_any_work(facegen: Facegen, said: Said, tmp_path: Path) -> None:
    wrong = ["--set", "conditioner.kernel_samples=250", "--set", "data.image_pixels=34"]
    assert facegen("check", RECIPE, "--preset", "small", *settings(), *wrong) == 1
    errors = said()
    assert "kernel_samples = 250: must be odd" in errors
    assert "image_pixels = 34" in errors


def test_a_corpus_that_lacks_a_file(facegen: Facegen, said: Said, corpus: Path, tmp_path: Path) -> None:
    shard = next(corpus.glob("faces-*.safetensors"))
    shard.unlink()
    assert facegen("train", RECIPE, "--data", corpus, "--out", tmp_path / "run") == 1
    assert str(shard) in said()


def test_a_truncated_shard(facegen: Facegen, said: Said, corpus: Path, tmp_path: Path) -> None:
    shard = next(corpus.glob("speech-*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-100])
    assert facegen("train", RECIPE, "--data", corpus, "--out", tmp_path / "run") == 1
    assert str(shard) in said()


def test_a_corpus_that_is_none(facegen: Facegen, said: Said, tmp_path: Path) -> None:
    assert facegen("train", RECIPE, "--data", tmp_path / "nowhere") == 1
    assert str(tmp_path / "nowhere") in said()


def test_a_picture_of_three_by_eight_pixels(
    facegen: Facegen, said: Said, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (3, 8)).save(tmp_path / "tiny.png")
    write_sound(tmp_path / "a.wav", 4000)
    (tmp_path / "pairs.csv").write_text("identity,face,speech\nsomebody,tiny.png,a.wav\n")
    assert facegen("pack", tmp_path / "pairs.csv", "--out", tmp_path / "corpus") == 1
    assert "3x8" in said().replace(" ", "")


@pytest.mark.parametrize("command", ["generate", "match"])
def test_speech_that_is_none(command: str, facegen: Facegen, said: Said, run: Path, tmp_path: Path) -> None:
    text, empty = tmp_path / "speech.wav", tmp_path / "empty.wav"
    text.write_text("no sound at all")
    write_sound(empty, 0)
    face = tmp_path / "face.png"
    Image.new("RGB", (64, 64)).save(face)
    words = ["--faces", face] if command == "match" else ["--out", tmp_path / "faces"]
    assert facegen(command, run, "--speech", text, *words) == 1
    assert str(text) in said()
    assert facegen(command, run, "--speech", empty, *words) == 1
    assert str(empty) in said()
    assert facegen(command, run, "--speech", tmp_path / "gone.wav", *words) == 1
    assert "gone.wav" in said()


def test_what_the_run_does_not_read(facegen: Facegen, said: Said, run: Path) -> None:
    assert facegen("generate", run, "--name", "Ada") == 1
    errors = said()
    assert "the run was trained on speech: give it with --speech FILE" in errors
    assert "the run does not read a name" in errors


def test_a_folder_that_is_no_run(facegen: Facegen, said: Said, tmp_path: Path) -> None:
    assert facegen("generate", tmp_path, "--speech", "a.wav") == 1
    assert "holds no run.json" in said()


def test_a_damaged_run(facegen: Facegen, said: Said, run: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    weights = max(broken.glob("checkpoints/train-*/ema.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    sound = write_sound(tmp_path / "a.wav", 8000)
    assert facegen("generate", broken, "--speech", sound, "--out", tmp_path / "faces") == 1
    assert "the checkpoint is damaged" in said()
    shutil.rmtree(broken / "checkpoints")
    assert facegen("generate", broken, "--speech", sound, "--out", tmp_path / "faces") == 1
    assert "no generator was saved yet" in said()
