import errno
import itertools
import json
import math
import os
import resource
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from faults import Killed, failing
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from facegen.core.errors import CheckpointError
from facegen.core.files import restore_folders
from facegen.training.runs.checkpoint import load_module, read_state, read_step, require_network, save_checkpoint
from facegen.training.runs.optimiser_state import load_optimiser


def trained(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Conv2d(4, 4, 3).to(memory_format=torch.channels_last)
    )
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    (network[1](network[0](torch.randn(8, 3))).square().sum() + network[2](torch.randn(1, 4, 5, 5)).sum()).backward()
    optimiser.step()
    return network, optimiser


def test_weights_and_optimiser_come_back_bit_by_bit(tmp_path: Path) -> None:
    network, optimiser = trained(0)
    save_checkpoint(tmp_path / "c", {"stage": "s", "step": 7}, {"net": network}, {"opt": optimiser})
    other, other_optimiser = trained(1)
    load_module(tmp_path / "c", "net", other)
    load_optimiser(tmp_path / "c", "opt", other_optimiser)
    assert read_state(tmp_path / "c").step == 7
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    mine, theirs = optimiser.state_dict()["state"], other_optimiser.state_dict()["state"]
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[i][field], theirs[i][field]) for i in mine for field in mine[i])
    lying = [(weight.stride(), other_optimiser.state[weight]["exp_avg"].stride()) for weight in other.parameters()
             if weight in other_optimiser.state]  # fmt: skip
    assert lying and all(weight == moment for weight, moment in lying)


@pytest.mark.parametrize("error", [Killed(), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_stopped_anywhere_the_old_or_the_new_checkpoint_is_whole(tmp_path: Path, error: BaseException) -> None:
    old, new = trained(0), trained(1)
    saved = [network.state_dict()["0.weight"] for network, _ in (old, new)]
    for last in itertools.count():
        folder = tmp_path / str(last) / "c"
        save_checkpoint(folder, {"step": 0}, {"net": old[0]}, {"opt": old[1]})
        with failing(last, error) as disk, suppress(type(error)):
            save_checkpoint(folder, {"step": 1}, {"net": new[0]}, {"opt": new[1]})
        restore_folders(folder.parent)
        step, (network, optimiser) = read_step(folder), trained(2)
        load_module(folder, "net", network)
        load_optimiser(folder, "opt", optimiser)
        assert torch.equal(network.state_dict()["0.weight"], saved[step])
        if not disk.failed:
            break
    assert step == 1 and last > 10


def test_a_full_disk_is_an_os_error_and_leaves_nothing(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: .*/c'"):
            save_checkpoint(tmp_path / "c", {}, {"net": nn.Linear(100, 100)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_written_weights_follow_the_umask(tmp_path: Path) -> None:
    network, optimiser = trained(0)
    before = os.umask(0o027)
    try:
        save_checkpoint(tmp_path / "c", {}, {"net": network}, {"opt": optimiser})
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "c").iterdir()}
    assert modes == dict.fromkeys(("net.safetensors", "opt.safetensors", "state.json"), 0o640)


def test_damage_is_explained(tmp_path: Path) -> None:
    network, optimiser = trained(0)
    save_checkpoint(tmp_path / "c", {}, {"net": network}, {"opt": optimiser})
    with pytest.raises(CheckpointError, match="holds another network than the recipe's"):
        load_module(tmp_path / "c", "net", nn.Linear(3, 5))
    weights = tmp_path / "c" / "net.safetensors"
    weights.write_bytes(weights.read_bytes()[:50])
    with pytest.raises(CheckpointError, match="the checkpoint is damaged"):
        load_module(tmp_path / "c", "net", network)
    with pytest.raises(CheckpointError, match="is this folder a checkpoint"):
        read_state(tmp_path)
    (tmp_path / "c" / "state.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(CheckpointError, match="format 99; this facegen reads format 2: train the run again"):
        read_state(tmp_path / "c")


def test_a_head_that_only_one_side_has_is_left_alone(tmp_path: Path) -> None:
    one = nn.ModuleDict({"trunk": nn.Linear(2, 2), "psi": nn.Linear(2, 1)})
    other = nn.ModuleDict({"trunk": nn.Linear(2, 2), "classes": nn.Linear(2, 5)})
    before = other["classes"].weight.clone()
    save_checkpoint(tmp_path / "c", {}, {"net": one}, {})
    load_module(tmp_path / "c", "net", other, shared_only=True)
    assert torch.equal(other["trunk"].weight, one["trunk"].weight)
    assert torch.equal(other["classes"].weight, before)
    with pytest.raises(CheckpointError, match="holds another network"):
        load_module(tmp_path / "c", "net", nn.ModuleDict({"trunk": nn.Linear(2, 3)}), shared_only=True)


def with_first_value(tensor: Tensor, value: float) -> Tensor:
    changed = tensor.clone()
    changed.view(-1)[0] = value
    return changed


@pytest.mark.parametrize(
    "change, complaint",
    [
        (lambda weight: with_first_value(weight, math.nan), "holds NaN or infinity in 1 of 12 places"),
        (lambda weight: with_first_value(weight, -math.inf), "holds NaN or infinity in 1 of 12 places"),
        (lambda weight: weight[:3].clone(), r"is float32 \(3, 3\) instead of float32 \(4, 3\)"),
        (lambda weight: weight.half(), r"is float16 \(4, 3\) instead of float32 \(4, 3\)"),
        (lambda weight: weight.int(), r"is int32 \(4, 3\) instead of float32 \(4, 3\)"),
    ],
    ids=["nan", "infinite", "shape", "half", "integer"],
)
def test_a_wrong_tensor_is_named_and_nothing_is_loaded(
    tmp_path: Path, change: Callable[[Tensor], Tensor], complaint: str
) -> None:
    network, _ = trained(0)
    save_checkpoint(tmp_path / "c", {}, {"net": network}, {})
    path = tmp_path / "c" / "net.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "0.weight": change(tensors["0.weight"])}, path)
    other, _ = trained(1)
    before = {key: value.clone() for key, value in other.state_dict().items()}
    with pytest.raises(CheckpointError, match=rf"net\.safetensors: .*tensor '0\.weight' {complaint}.*; \w+ "):
        load_module(tmp_path / "c", "net", other)
    assert all(torch.equal(before[key], value) for key, value in other.state_dict().items())


def test_tensors_that_are_missing_or_unknown_are_named(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c", {}, {"net": nn.ModuleDict({"a": nn.Linear(2, 2)})}, {})
    with pytest.raises(CheckpointError) as refused:
        load_module(tmp_path / "c", "net", nn.ModuleDict({"b": nn.Linear(2, 2)}))
    message = str(refused.value)
    assert "tensor 'a.bias' is unknown; tensor 'a.weight' is unknown; tensor 'b.bias' is missing; and 1 more" in message


@pytest.mark.parametrize(
    "key, value, complaint",
    [
        ("0.exp_avg", torch.full((4, 3), math.nan), "holds NaN or infinity in 12 of 12 places"),
        ("0.exp_avg", torch.zeros(2, 3), r"is float32 \(2, 3\) and belongs to a weight of shape \(4, 3\)"),
        ("99.exp_avg", torch.zeros(2), r"is float32 \(2,\) and belongs to an unknown weight"),
        ("what.exp_avg", torch.zeros(2), r"is float32 \(2,\) and belongs to an unknown weight"),
    ],
    ids=["nan", "shape", "number", "name"],
)
def test_a_wrong_value_of_an_optimiser_is_named(tmp_path: Path, key: str, value: Tensor, complaint: str) -> None:
    network, optimiser = trained(0)
    save_checkpoint(tmp_path / "c", {}, {"net": network}, {"opt": optimiser})
    path = tmp_path / "c" / "opt.safetensors"
    save_file({**load_file(path), key: value}, path)
    with pytest.raises(CheckpointError, match=rf"opt\.safetensors: tensor '{key}' {complaint}"):
        load_optimiser(tmp_path / "c", "opt", optimiser)


@pytest.mark.parametrize("state, reason", [({}, "is missing"), ({"step": "4"}, '= "4": must be a valid integer')])
def test_a_checkpoint_without_its_step_is_refused(tmp_path: Path, state: dict[str, object], reason: str) -> None:
    save_checkpoint(tmp_path / "c", state, {}, {})
    with pytest.raises(CheckpointError, match=rf"state\.json: step {reason}"):
        read_step(tmp_path / "c")


def test_a_pipe_or_a_file_of_another_size_is_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    with (tmp_path / "vast.safetensors").open("wb") as file:
        file.truncate(2**40)  # takes no space
    with pytest.raises(CheckpointError, match="is no file: the checkpoint is damaged"):
        load_module(tmp_path, "pipe", nn.Linear(2, 2))
    with pytest.raises(CheckpointError, match="is no file: the checkpoint is damaged"):
        require_network(tmp_path, "pipe", nn.Linear(2, 2))
    with pytest.raises(CheckpointError, match="has 1048576 MiB, and the recipe's network at most 64 MiB"):
        load_module(tmp_path, "vast", nn.Linear(2, 2))
