import json
from pathlib import Path

import pytest
import torch
from torch import nn

from facegen.core.errors import CheckpointError
from facegen.training.checkpoint import load_module, load_optimiser, read_state, save_checkpoint


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
    assert read_state(tmp_path / "c")["step"] == 7
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    mine, theirs = optimiser.state_dict()["state"], other_optimiser.state_dict()["state"]
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[i][field], theirs[i][field]) for i in mine for field in mine[i])
    lying = [(weight.stride(), other_optimiser.state[weight]["exp_avg"].stride()) for weight in other.parameters()
             if weight in other_optimiser.state]  # fmt: skip
    assert lying and all(weight == moment for weight, moment in lying)


def test_nothing_half_written_is_ever_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, optimiser = trained(0)
    monkeypatch.setattr(
        "facegen.training.checkpoint.write_atomically", lambda *_: (_ for _ in ()).throw(OSError("full"))
    )
    with pytest.raises(OSError, match="full"):
        save_checkpoint(tmp_path / "c", {}, {"net": network}, {"opt": optimiser})
    assert not (tmp_path / "c").exists()


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
    with pytest.raises(CheckpointError, match="format 99; this facegen reads format 1"):
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
