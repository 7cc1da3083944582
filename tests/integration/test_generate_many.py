"""`facegen generate` of more faces than are held in memory: in blocks, into a folder, and on after an interruption."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_runs import REPOSITORY, Facegen

from facegen.cli import bulk_output, generate
from facegen.data.media import generated_media
from facegen.inference import bulk, face_pictures

VOICE = REPOSITORY / "tests" / "models" / "synthetic_voice.wav"
WORDS = ("generate", "speech-64", "--speech", VOICE, VOICE, "--count", 5, "--out")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "MOST_AT_ONCE", 6)
    monkeypatch.setattr(bulk, "BLOCK_FACES", 2)


def pictures(folder: Path) -> dict[str, np.ndarray]:
    return {path.name: np.asarray(Image.open(path)) for path in sorted(folder.glob("synthetic*.png"))}


def test_an_interrupted_call_goes_on(
    facegen: Facegen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert facegen(*WORDS, whole) == 0
    assert "draw faces 10/10 (100%)" in capsys.readouterr().err
    faces = pictures(whole)
    assert len(faces) == 10 and len({face.tobytes() for face in faces.values()}) == 5, "one voice, given twice"
    assert (whole / "grid.png").exists()

    saved, save = [], generated_media.save_picture

    def interrupted(picture: Image.Image, path: Path, mark: object) -> None:
        if len(saved) == 5:
            raise KeyboardInterrupt
        saved.append(path)
        save(picture, path, mark)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(generated_media, "save_picture", interrupted)
        assert facegen(*WORDS, stopped) == 130
    printed = " ".join(capsys.readouterr().err.split())
    assert f"Interrupted: 5 of 10 faces are in {stopped}; the same command draws the others." in printed
    assert len(pictures(stopped)) == 5
    times = {path: path.stat().st_mtime_ns for path in saved[:4]}
    assert facegen(*WORDS, stopped) == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times, "whole blocks are not drawn again"
    again = pictures(stopped)
    assert again.keys() == faces.keys()
    assert all(np.array_equal(again[name], faces[name]) for name in faces)


def test_the_python_interface_draws_the_same_faces(facegen: Facegen, tmp_path: Path) -> None:
    from facegen import load

    assert facegen(*WORDS, tmp_path / "out") == 0
    faces = pictures(tmp_path / "out")
    sampled = load("speech-64").sample(speech=VOICE, count=5)
    assert len(faces) == 10, "five of the same voice, twice"
    for one, other in zip(sampled, list(faces.values())[:5], strict=True):
        assert np.abs(np.asarray(one).astype(int) - other).max() <= 1


def test_another_seed_replaces_the_faces(facegen: Facegen, tmp_path: Path) -> None:
    assert facegen(*WORDS, tmp_path / "out") == 0
    (tmp_path / "out" / "my own.png").write_bytes(b"kept")
    assert facegen(*WORDS, tmp_path / "out", "--seed", 1) == 0
    names = pictures(tmp_path / "out").keys()
    assert len(names) == 10 and all("_seed1_" in name for name in names)
    assert (tmp_path / "out" / "my own.png").exists()


def test_many_faces_in_one_file_are_refused(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facegen(*WORDS, tmp_path / "x.png") == 1
    assert "10 are asked for; give a folder, or lower --count" in capsys.readouterr().err
    assert bulk_output.MOST_AT_ONCE == 1000


def test_few_but_very_large_faces_are_drawn_in_blocks_too(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_pictures, "MAX_DRAWN_PIXELS", 3 * 256**2)
    words = ("generate", "speech-64", "--speech", VOICE, "--count", 4, "--size", 256, "--out")
    assert facegen(*words, tmp_path / "x.png") == 1
    assert "at most 0 million are held at once" in capsys.readouterr().err
    assert facegen(*words, tmp_path / "out") == 0
    assert "draw faces 4/4 (100%)" in capsys.readouterr().err
    assert [face.shape for face in pictures(tmp_path / "out").values()] == [(256, 256, 3)] * 4
    with Image.open(tmp_path / "out" / "grid.png") as grid:
        assert grid.width < 4 * 256, "the grid is not enlarged as the faces are"
