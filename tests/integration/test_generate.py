"""generate, match and evaluate with a finished run, on files of a user."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_runs import RECIPES, Facegen, settings

RECIPE = RECIPES / "speech_relid.toml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny finished run."""
    from facegen.cli.main import main

    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", str(RECIPE), "--preset", "small", *settings(), "--out", str(out)]) == 0
    return out


def write_sound(path: Path, seconds: float, rate_hz: int, channels: int, pitch_hz: float = 120.0) -> Path:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = (8000 * np.sign(np.sin(2 * np.pi * pitch_hz * time))).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat(samples, channels).tobytes())
    return path


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize(("seconds", "rate_hz", "channels"), [(0.05, 8000, 1), (0.3, 16000, 1), (4.0, 44100, 2)])
def test_generate_reads_speech_of_any_length_rate_and_channels(
    seconds: float, rate_hz: int, channels: int, facegen: Facegen, run: Path, tmp_path: Path
) -> None:
    sound = write_sound(tmp_path / "my voice.wav", seconds, rate_hz, channels)
    out = tmp_path / "faces"
    assert facegen("generate", run, "--speech", sound, "--count", 3, "--out", out) == 0
    files = sorted(path.name for path in out.iterdir())
    faces = [f"my-voice_run_seed0_{number}.png" for number in (1, 2, 3)]
    assert files == ["faces.json", "grid.png", *faces]
    assert pixels(out / faces[0]).shape == (16, 16, 3)


def test_equal_seeds_draw_equal_faces(facegen: Facegen, run: Path, tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "a.wav", 1.0, 16000, 1)
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        assert facegen("generate", run, "--speech", sound, "--count", 1, "--seed", seed, "--out", tmp_path / name) == 0
    one, same, other = (pixels(next((tmp_path / name).glob("a_run_seed?_1.png"))) for name in ("one", "same", "other"))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_several_voices_share_one_picture(facegen: Facegen, run: Path, tmp_path: Path) -> None:
    sounds = [write_sound(tmp_path / f"{name}.wav", 0.5, 16000, 1, pitch) for name, pitch in (("a", 90), ("b", 220))]
    assert facegen("generate", run, "--speech", *sounds, "--count", 2, "--out", tmp_path / "both.png") == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["both.png"]


def test_run_may_stand_after_a_list_of_values(facegen: Facegen, run: Path, tmp_path: Path) -> None:
    sounds = [write_sound(tmp_path / f"{name}.wav", 0.5, 16000, 1) for name in "ab"]
    assert facegen("generate", "--count", 1, "--out", tmp_path / "both.jpg", "--speech", *sounds, run) == 0
    assert pixels(tmp_path / "both.jpg").shape[0] > 2 * 128


def test_the_suffix_of_out_gives_the_kind_of_file(
    facegen: Facegen, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = write_sound(tmp_path / "secret voice.wav", 0.5, 16000, 1)
    for name, kind in (("x.png", "PNG"), ("x.jpg", "JPEG"), ("x.gif", "GIF")):
        out = tmp_path / name
        assert facegen("generate", run, "--speech", sound, "--count", 3, "--size", 64, "--out", out) == 0
        assert f"{out} (enlarged from 16 to 64 pixels)" in capsys.readouterr().out
        with Image.open(out) as written:
            assert written.format == kind and getattr(written, "n_frames", 1) == (3 if kind == "GIF" else 1)
        assert b"trainedAlgorithmicMedia" in out.read_bytes() and b"secret" not in out.read_bytes()
    assert facegen("generate", run, "--speech", sound, "--count", 2, "--out", tmp_path / "x.mp4") == 0
    assert sorted(path.name for path in tmp_path.glob("x.*")) == ["x.gif", "x.jpg", "x.mp4", "x.png"]


def test_new_faces_replace_those_of_an_earlier_call(facegen: Facegen, run: Path, tmp_path: Path) -> None:
    sound, out = write_sound(tmp_path / "a.wav", 0.5, 16000, 1), tmp_path / "faces"
    assert facegen("generate", run, "--speech", sound, "--count", 12, "--out", out) == 0
    assert len(list(out.glob("a_run_seed0_??.png"))) == 12
    (out / "my own.png").write_bytes(b"kept")
    assert facegen("generate", run, "--speech", sound, "--count", 2, "--size", 32, "--out", out) == 0
    faces = ["a_run_seed0_1.png", "a_run_seed0_2.png"]
    assert sorted(path.name for path in out.iterdir()) == [*faces, "faces.json", "grid.png", "my own.png"]
    assert pixels(out / faces[0]).shape == (32, 32, 3)


def test_a_size_below_that_of_the_faces_and_a_file_for_a_folder_are_refused(
    facegen: Facegen, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = write_sound(tmp_path / "a.wav", 0.5, 16000, 1)
    (tmp_path / "x.png").mkdir()
    for out, message in ((sound, "is a file; give a folder"), (tmp_path / "x.png", "is a folder, and its name")):
        assert facegen("generate", run, "--speech", sound, "--out", out) == 1
        assert message in capsys.readouterr().err
    assert facegen("generate", run, "--speech", sound, "--size", 8) == 2


def test_match_probabilities_sum_to_one(
    facegen: Facegen, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = []
    for number in range(3):
        faces.append(tmp_path / f"{number}.png")
        Image.effect_noise((40, 30), 80).convert("RGB").save(faces[-1])
    sounds = [write_sound(tmp_path / f"{name}.wav", 0.5, 16000, 1, pitch) for name, pitch in (("a", 90), ("b", 220))]
    capsys.readouterr()
    assert facegen("match", run, "--speech", sounds[0], "--faces", *faces, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["direction"] == "v2f"
    assert list(printed["rows"][0]["probabilities"]) == [str(face) for face in faces]
    assert sum(printed["rows"][0]["probabilities"].values()) == pytest.approx(1)
    assert facegen("match", run, "--speech", *sounds, "--faces", faces[0], "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["direction"], len(printed["rows"][0]["probabilities"])) == ("f2v", 2)
    assert facegen("match", run, "--speech", *sounds, "--faces", *faces) == 0
    assert "chance 33.3%" in capsys.readouterr().out


def test_run_folder_is_self_contained(facegen: Facegen, run: Path, tmp_path: Path) -> None:
    moved = run.rename(tmp_path / "moved")
    try:
        sound = write_sound(tmp_path / "a.wav", 1.0, 16000, 1)
        assert facegen("generate", moved, "--speech", sound, "--count", 1, "--out", tmp_path / "faces") == 0
    finally:
        moved.rename(run)


def test_evaluate_prints_a_table_and_writes_a_picture(
    facegen: Facegen, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facegen("evaluate", run, "--num-clips", 24) == 0
    printed = capsys.readouterr().out
    assert "V-F 10-way, generated" in printed and "judge Frechet distance" in printed
    assert (run / "evaluation" / "heldout_people.png").exists()
    report = json.loads((run / "evaluation" / "heldout_people.json").read_text())
    assert report["num_clips"] == 24 and report["split"] == "heldout_people"


def test_faults_of_used_files_are_reported(
    facegen: Facegen, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = write_sound(tmp_path / "a.wav", 1.0, 16000, 2)
    with wave.open(str(sound), "rb") as file:
        samples = np.frombuffer(file.readframes(16000), "<i2").reshape(-1, 2).copy()
    samples[:, 1] *= -1
    with wave.open(str(sound), "wb") as file:
        file.setparams((2, 2, 16000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    face = tmp_path / "face.png"
    Image.fromarray(np.arange(1024, dtype=np.uint16).reshape(32, 32) * 4).save(face)
    heard = f"Warning: {sound}: has channels of opposite phase; only one is used"
    scaled = "uses only part of its value range, and is scaled by that part"
    seen = f"Warning: {face}: {scaled} (white is 4095 instead of 65535)"
    capsys.readouterr()
    assert facegen("generate", run, "--speech", sound, "--count", 1, "--out", tmp_path / "faces") == 0
    assert heard in capsys.readouterr().err
    assert facegen("interpolate", run, "--speech", sound, "--seconds", 0.5, "--out", tmp_path / "between") == 0
    assert heard in capsys.readouterr().err
    assert facegen("match", run, "--speech", sound, "--faces", face, "--json") == 0
    out, err = capsys.readouterr()
    assert heard in err and seen in err and json.loads(out)["rows"]
