"""A really full disk: one message, nothing lost, and the same call succeeds after space is freed."""

import hashlib
import os
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tiny_runs import Facegen, settings

RECIPE = ("speech_relid", "--preset", "small")
DISK_BYTES = 64 * 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    call = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(call, capture_output=True).returncode:
        pytest.skip("mounting a file system is not permitted")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    Image.effect_noise((24, 24), 60).convert("RGB").save(tmp_path / "face.png")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(range(200)) * 100)
    lines = ["identity,face,speech", *(f"person {number},face.png,sound.wav" for number in range(4))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def fill(disk: Path, spare_bytes: int) -> Path:
    """Leave this much space."""
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free - spare_bytes, 1))
    return filler


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "filler"
    }


def expect_one_message(code: int, capsys: pytest.CaptureFixture[str], place: Path) -> None:
    message = capsys.readouterr().err
    assert code == 1 and "Traceback" not in message, message
    errors = [line for line in message.splitlines() if "no space is left on the disk" in line]
    assert len(errors) == 1 and str(place) in errors[0] and "free some space" in errors[0], message


def test_training_stops_at_the_last_checkpoint_and_resumes(
    facegen: Facegen, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ("train", *RECIPE, *settings(train__steps=3), "--out")
    assert facegen(*train, tmp_path / "whole") == 0
    whole = tmp_path / "whole" / "checkpoints" / "train-00000003"
    size = sum(path.stat().st_size for path in whole.iterdir())
    checkpoints = disk / "run" / "checkpoints"
    filler = fill(disk, 2 * size + size // 2)  # the match stage, and not every checkpoint of the train stage
    capsys.readouterr()
    expect_one_message(facegen(*train, disk / "run"), capsys, disk / "run")
    kept = [path.name for path in checkpoints.iterdir() if not path.name.startswith(".")]
    assert kept, "the checkpoint before must be there"
    filler.unlink()
    assert facegen(*train, disk / "run", "--resume") == 0
    assert not list(checkpoints.glob(".*"))
    own, reference = digests(checkpoints / "train-00000003"), digests(whole)
    assert {name: own[name] for name in own if name.endswith("tensors")} == {
        name: reference[name] for name in reference if name.endswith("tensors")
    }


def test_other_commands_leave_what_was_there(
    facegen: Facegen, disk: Path, media: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert facegen("train", *RECIPE, *settings(), "--out", run) == 0
    (disk / "evaluations").mkdir()
    calls = {
        "generate": ("generate", run, "--speech", media / "sound.wav", "--count", 2, "--out", disk / "faces"),
        "pack": ("pack", media / "t.csv", "--image-pixels", 16, "--overwrite", "--out", disk / "corpus"),
        "export": ("export", run, disk / "model.safetensors"),
        "evaluate": ("evaluate", run, "--split", "heldout_people", "--out", disk / "evaluations"),
    }
    for call in calls.values():
        assert facegen(*call) == 0
    before = digests(disk)
    filler = fill(disk, 0)
    capsys.readouterr()
    for call in calls.values():
        expect_one_message(facegen(*call), capsys, disk)
        assert digests(disk) == before
    filler.unlink()
    for call in calls.values():
        assert facegen(*call) == 0
