"""Devices by name, on machines that have them and on machines that do not."""

import pytest
import torch

from facegen.core.errors import RecipeError, TrainingError
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import check_recipe
from facegen.training.devices import choose_device, device_of_finished, device_problem

ABSENT = pytest.mark.parametrize("name", ["cuda", "cuda:3", "mps", "xpu"])


class Listening(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def say(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a CPU only."""
    for module in (torch.cuda, torch.xpu, torch.backends.mps):
        monkeypatch.setattr(module, "is_available", lambda: False)


@pytest.fixture
def two_gpus(bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two CUDA devices."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@ABSENT
def test_an_absent_device_is_refused_with_what_to_do(name: str, bare: None) -> None:
    with pytest.raises(TrainingError, match=rf"\[run\] device = '{name}': torch finds no .*--set run.device=cpu"):
        choose_device(name)


@ABSENT
def test_a_finished_run_is_used_on_what_there_is(name: str, bare: None) -> None:
    listening = Listening()
    assert device_of_finished(name, listening) == torch.device("cpu")
    assert listening.messages == [f"the run was trained on {name}, which this machine does not have; cpu is used"]


def test_the_devices_of_a_machine_with_two(two_gpus: None) -> None:
    listening = Listening()
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("cuda:1") == device_of_finished("cuda:1", listening) == torch.device("cuda", 1)
    assert choose_device("cuda", local_rank=1, num_processes=2) == torch.device("cuda", 1)
    assert device_of_finished("cuda:2", listening) == torch.device("cuda", 0)
    assert listening.messages == ["the run was trained on cuda:2, which this machine does not have; cuda is used"]
    with pytest.raises(TrainingError, match=r"'cuda:2': this machine does not have it; it has cuda:0, cuda:1, or use"):
        choose_device("cuda:2")
    with pytest.raises(TrainingError, match=r"process 2 of this machine has no device of its own: torch finds 2"):
        choose_device("cuda", local_rank=2, num_processes=3)


def test_several_processes_do_not_share_a_device(two_gpus: None) -> None:
    assert "2 processes cannot train on it together" in device_problem("cuda:0", 2)
    assert device_problem("cpu", 2) == device_problem("cuda", 2) == ""


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", "mps:0", ""])
def test_other_names_are_refused_by_the_recipe(name: str) -> None:
    tables = {"run": {"device": name}, "data": {"type": "synthetic"}, "conditioner": {"type": "one_hot"},
              "discriminator": {"type": "projection"}, "match": {"type": "softmax"}}  # fmt: skip
    with pytest.raises(RecipeError, match=r"must be 'auto', 'cpu', 'cuda', 'cuda:N', 'mps' or 'xpu'"):
        check_recipe(tables, "x.toml")
