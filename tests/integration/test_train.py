"""Whole runs at a tiny size: both stages, resumed, interrupted, killed."""

import json
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import RECIPES, Facegen, settings, start

from facegen.core.files import LOCK, file_lock

RECIPE = RECIPES / "speech_relid.toml"


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    folder = run / "checkpoints" / f"train-{step:08d}"
    return {f"{file.stem}.{key}": value for file in sorted(folder.glob("*.safetensors"))
            for key, value in load_file(file).items()}  # fmt: skip


def assert_same_weights(first: Path, second: Path, step: int) -> None:
    one, other = weights(first, step), weights(second, step)
    assert one.keys() == other.keys()
    assert [key for key in one if not torch.equal(one[key], other[key])] == []


def test_a_run_logs_both_stages_and_draws(facegen: Facegen, tmp_path: Path) -> None:
    assert facegen("train", RECIPE, "--preset", "small", *settings(), "--out", tmp_path / "run") == 0
    logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {entry["stage"] for entry in logged} >= {"match", "train", "monitor"}
    assert (tmp_path / "run" / "samples" / "step_00000002.png").stat().st_size > 1000


def test_a_stopped_run_goes_on_bit_by_bit(facegen: Facegen, tmp_path: Path) -> None:
    # Apart: runs in one folder would share their match stage.
    whole, parts = tmp_path / "whole" / "run", tmp_path / "parts" / "run"
    sizes = settings(train__steps=4, train__checkpoint_steps=2, match__steps=3)
    assert facegen("train", RECIPE, "--preset", "small", *sizes, "--out", whole) == 0
    for name, when in (("match", 2), ("train", 2)):
        stop_after(name, when, sizes, parts)
    assert facegen("train", RECIPE, "--preset", "small", *sizes, "--out", parts, "--resume") == 0
    assert_same_weights(whole, parts, 4)
    steps = [
        (entry["stage"], entry["step"]) for entry in map(json.loads, (parts / "log.jsonl").read_text().splitlines())
    ]
    assert steps == sorted(set(steps), key=steps.index)


def stop_after(stage: str, step: int, sizes: list[str], out: Path) -> None:
    """Ask for a stop right after a step, as Ctrl-C would."""
    from facegen.core.interruption import Interruption
    from facegen.core.progress import Observer
    from facegen.core.recipe.recipe import read_recipe
    from facegen.training.loop import Interrupted
    from facegen.training.train import train

    interruption = Interruption()

    class Asking(Observer):
        current = ""

        def start(self, stage: str, total: int, done: int = 0) -> None:
            self.current = stage

        def advance(self, done: int, values: object = None) -> None:
            if self.current == stage and done == step - 1:
                interruption.signal_number = signal.SIGINT

    recipe = read_recipe(RECIPE, preset="small", overrides=sizes[1::2])
    with pytest.raises(Interrupted):
        train(recipe, out, resume=True, observer=Asking(), interruption=interruption)


@pytest.mark.slow
def test_a_killed_run_goes_on_bit_by_bit(facegen: Facegen, tmp_path: Path) -> None:
    sizes = settings(train__steps=60, train__checkpoint_steps=3, train__sample_steps=60, train__monitor_steps=60)
    whole, killed = tmp_path / "whole" / "run", tmp_path / "killed" / "run"
    assert facegen("train", RECIPE, "--preset", "small", *sizes, "--out", whole) == 0
    process = start("train", RECIPE, "--preset", "small", *sizes, "--out", killed, cwd=tmp_path)
    deadline = time.monotonic() + 300
    while not list(killed.glob("checkpoints/train-*")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert facegen("train", RECIPE, "--preset", "small", *sizes, "--out", killed, "--resume") == 0
    assert_same_weights(whole, killed, 60)


def test_sigterm_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    sizes = settings(train__steps=100000, train__checkpoint_steps=100000, train__sample_steps=100000)
    run = tmp_path / "run"
    process = start("train", RECIPE, "--preset", "small", *sizes, "--out", run, cwd=tmp_path)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if (run / "log.jsonl").exists() and '"train"' in (run / "log.jsonl").read_text():
            break
        time.sleep(0.05)
    process.terminate()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM, output
    assert "a checkpoint is saved. Resume with --resume." in output
    assert len(list(run.glob("checkpoints/train-*"))) == 1


def test_a_run_is_not_overwritten_nor_continued_with_another_recipe(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert facegen("train", RECIPE, "--preset", "small", *settings(), "--out", out) == 0
    assert facegen("train", RECIPE, "--preset", "small", *settings(), "--out", out) == 1
    assert "holds a run already; resume it with --resume" in capsys.readouterr().err
    other = settings(train__batch_size=9)
    assert facegen("train", RECIPE, "--preset", "small", *other, "--out", out, "--resume") == 1
    assert "differ in train.batch_size" in capsys.readouterr().err
    with file_lock(out / LOCK):
        assert facegen("train", RECIPE, "--preset", "small", *settings(), "--out", out, "--resume") == 1
    assert "another process is training this run; wait for it, or stop it" in capsys.readouterr().err


def test_a_match_stage_is_taken_over(facegen: Facegen, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert facegen("train", RECIPE, "--preset", "small", *settings(), "--out", first) == 0
    sizes = settings(match__run=f"'{first}'", train__steps=3)
    assert facegen("train", RECIPE, "--preset", "small", *sizes, "--out", second) == 0
    for name in ("encoders", "discriminator", "matcher"):
        one, other = (load_file(run / "checkpoints" / "match" / f"{name}.safetensors") for run in (first, second))
        assert all(torch.equal(one[key], other[key]) for key in one)
