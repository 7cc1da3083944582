"""Devices by name: what a recipe may name, what this machine has, and what a finished run falls back to."""

import torch

from facegen.core.errors import TrainingError
from facegen.core.progress import Observer

_ABSENT = {
    "cuda": "torch finds no CUDA device on this machine; install a CUDA build of torch and the driver",
    "mps": "torch finds no Metal device on this machine; it needs an Apple GPU and macOS",
    "xpu": "torch finds no XPU device on this machine; install an XPU build of torch and the driver",
}
_OTHERWISE = "or use device = 'auto' or 'cpu' (--set run.device=cpu, also with --resume)"


def choose_device(name: str, local_rank: int = 0, num_processes: int = 1) -> torch.device:
    """Return the device of a process.

    Args:
        name: value of [run] device; "auto" is CUDA where there is one, and the CPU elsewhere.
        local_rank: number of this process on its machine; "cuda" gives each process a device of its own.
        num_processes: number of processes that train together.
    Raises:
        TrainingError: this machine does not have the device, or several processes cannot share it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    problem = device_problem(name, num_processes)
    if problem:
        raise TrainingError(problem)
    if name == "cuda":
        if local_rank >= torch.cuda.device_count():
            raise TrainingError(
                f"[run] device = 'cuda': process {local_rank} of this machine has no device of its own: torch finds "
                f"{torch.cuda.device_count()}; start as many processes as there are devices"
            )
        return torch.device("cuda", local_rank)
    return torch.device(name)


def device_problem(name: str, num_processes: int = 1) -> str:
    """Explain why a device cannot be used here; "" if it can."""
    kind, _, index = name.partition(":")
    if kind == "cpu":
        return ""
    if num_processes > 1 and name != "cuda":
        return (
            f"[run] device = '{name}': {num_processes} processes cannot train on it together; use device = 'cuda', "
            f"which gives each process its own, or 'cpu'"
        )
    if _num_devices(kind) == 0:
        return f"[run] device = '{name}': {_ABSENT[kind]}, {_OTHERWISE}"
    if index and int(index) >= _num_devices(kind):
        names = ", ".join(f"{kind}:{number}" for number in range(_num_devices(kind)))
        return f"[run] device = '{name}': this machine does not have it; it has {names}, {_OTHERWISE}"
    return ""


def device_of_finished(name: str, observer: Observer | None = None) -> torch.device:
    """Return the device for the use of a finished run: its own, or another one where this machine lacks that.

    Args:
        name: value of [run] device.
        observer: gets a message about another device.
    """
    if name == "auto" or not device_problem(name):
        return choose_device(name)
    device = choose_device("auto")
    if observer is not None:
        observer.say(f"the run was trained on {name}, which this machine does not have; {device.type} is used")
    return device


def _num_devices(kind: str) -> int:
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    backend = torch.cuda if kind == "cuda" else torch.xpu
    return backend.device_count() if backend.is_available() else 0
