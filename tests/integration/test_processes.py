"""One run by several processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import RECIPES, settings

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def torchrun(*words: object, home: Path) -> "subprocess.CompletedProcess[str]":
    surroundings = os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(home / "cache")}
    return subprocess.run(
        [*TORCHRUN, *map(str, words)], cwd=home, env=surroundings, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, torch.Tensor]]:
    """Weights and averages of two processes that train one run together."""
    home = tmp_path_factory.mktemp("processes")
    done = torchrun(Path(__file__).with_name("several.py"), home, *settings()[1::2], home=home)
    assert done.returncode == 0, done.stderr
    return [load_file(home / f"process_{rank}.safetensors") for rank in range(2)]


def test_gradients_and_terms_are_averaged_over_processes(processes: list[dict[str, torch.Tensor]]) -> None:
    for process in processes:
        assert process["averages"].tolist() == [1.5, 3.0, 5.0, -1.0, 3.5, 0.5]


def test_all_processes_stop_after_the_same_step(processes: list[dict[str, torch.Tensor]]) -> None:
    for process in processes:
        assert process["largest"].item() == 7
        assert process["stopped"].tolist() == [signal.SIGTERM, 1]


def test_networks_stay_equal_on_different_rows(processes: list[dict[str, torch.Tensor]]) -> None:
    first, second = processes
    assert first.keys() == second.keys() and len(first) > 20
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_main_process_alone_prints_and_writes(tmp_path: Path) -> None:
    command = ("-m", "facegen", "train", RECIPES / "speech_relid.toml", "--preset", "small")
    done = torchrun(*command, *settings(), "--out", tmp_path / "run", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Run: ") == 1
    assert done.stderr.count("faces of fixed people") == 1
    logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(entry["stage"], entry["step"]) for entry in logged if entry["stage"] != "monitor"] == [
        ("match", 1), ("match", 2), ("train", 1), ("train", 2)
    ]  # fmt: skip
    assert all(len(list(stage.iterdir())) == 1 for stage in (tmp_path / "run").glob("events/*"))


def test_two_processes_equal_one_with_the_joint_batch(tmp_path: Path) -> None:
    done = torchrun(Path(__file__).with_name("joint.py"), tmp_path, home=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (load_file(tmp_path / f"joint_{rank}.safetensors") for rank in range(2))
    cases = [name for name in first if not name.endswith("change")]
    assert len(cases) == 7
    for name in cases:
        assert max(first[name], second[name]) < 1e-5, (name, done.stdout)
        assert first[f"{name}, change"] > 1e-4, f"{name}: nothing was learnt"


def test_a_killed_process_ends_the_run_with_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    words = ("train", RECIPES / "speech_relid.toml", "--preset", "small", *settings(train__steps=3), "--out", "run")
    killed = torchrun(Path(__file__).with_name("killed.py"), *words, home=tmp_path)
    assert killed.returncode != 0
    message = " ".join(killed.stderr.split())
    assert "process 0 of 2 lost the connection to another process" in message
    assert "the last good checkpoint is run/checkpoints/train-00000001" in message
    assert "start all 2 processes again with --resume" in message
    assert "Traceback" not in killed.stderr.split("torch/distributed")[0]
    assert [path.name for path in (tmp_path / "run" / "checkpoints").glob("train-*")] == ["train-00000001"]
    resumed = torchrun("-m", "facegen", *words, "--resume", home=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "run" / "checkpoints" / "train-00000003").is_dir()
