"""Training in one process, or in several processes started by `torchrun`.

Gradients are averaged after `backward()`, not by DDP's hooks, because gradient penalties differentiate twice.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from facegen.core.batch import Batch, Terms
from facegen.core.errors import TrainingError
from facegen.training.devices import choose_device
from facegen.training.freezing import set_training_mode
from facegen.training.joint_batch import join_batch_norms, joint_labels, joint_rows


class LostProcessError(TrainingError):
    """Another process of the training has stopped or cannot be reached."""


@dataclass(frozen=True)
class Distributed:
    """This process and its device, among all processes.

    Attributes:
        rank: number of this process.
        size: number of processes.
        device: of this process.
    """

    rank: int
    size: int
    device: torch.device

    @classmethod
    def join(cls, device: str) -> "Distributed":
        """Join the processes that torchrun started, or run alone.

        Args:
            device: value of [run] device.
        Raises:
            TrainingError: this machine does not have the device, or several processes cannot share it.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        own_device = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")), size)
        if size > 1 and not dist.is_initialized():
            # With two backends, messages between processes need not wait for the devices.
            dist.init_process_group("cpu:gloo,cuda:nccl" if own_device.type == "cuda" else "gloo")
        return cls(int(os.environ.get("RANK", "0")), size, own_device)

    @property
    def is_main_process(self) -> bool:
        """True for the process that writes files and reports progress."""
        return self.rank == 0

    def place(self, *modules: nn.Module | None) -> None:
        """Move modules to this process's device, images with their channels last, and into training mode.

        Sub-modules whose weights are all fixed stay in evaluation mode. With several processes, batch norms that train
        take the statistics of all rows.
        """
        for module in modules:
            if module is not None:
                if self.size > 1:
                    join_batch_norms(module)
                module.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        set_training_mode(*modules)

    def average_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over processes."""
        if self.size > 1:
            self._average([weight.grad for weight in weights if weight.grad is not None])

    def average_terms(self, terms: Terms) -> Terms:
        """Average every scalar over processes; the result is the same on all of them."""
        if self.size == 1 or not terms:
            return terms
        stacked = torch.stack([terms[name].float() for name in sorted(terms)])
        self._average([stacked])
        return dict(zip(sorted(terms), stacked.unbind(), strict=True))

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by those of the first process."""
        if self.size > 1:
            with self.connected():
                for tensor in tensors:
                    dist.broadcast(tensor, 0)

    def joint(self, batch: Batch, *values: Tensor | None) -> tuple[Batch, tuple[Tensor | None, ...]]:
        """Return the rows of all processes: labels and pairs of a batch, and values (B, ...) that keep their gradient.

        Several processes leave faces, speech and names out of the batch.
        """
        if self.size == 1:
            return batch, values
        with self.connected():
            return joint_labels(batch), tuple(None if value is None else joint_rows(value) for value in values)

    def _average(self, tensors: list[Tensor]) -> None:
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with self.connected():
            dist.all_reduce(flat)
        flat.div_(self.size)
        start = 0
        for tensor in tensors:
            tensor.copy_(flat[start : start + tensor.numel()].view_as(tensor))
            start += tensor.numel()

    def largest(self, number: int) -> int:
        """Return the largest of the processes' numbers."""
        if self.size == 1:
            return number
        largest = torch.tensor(number)
        with self.connected():
            dist.all_reduce(largest, op=dist.ReduceOp.MAX)
        return int(largest)

    def wait(self) -> None:
        """Wait until every process has called this."""
        if self.size > 1:
            with self.connected():
                dist.barrier()

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Explain a connection that ends.

        Raises:
            LostProcessError: another process was killed, failed, or cannot be reached.
        """
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not _is_lost_connection(error):
                raise
            raise LostProcessError(
                f"process {self.rank} of {self.size} lost the connection to another process, which was killed, failed, "
                f"or is on a machine that cannot be reached; what that process printed last says which "
                f"({str(error).splitlines()[0][:200]})"
            ) from error


def _is_lost_connection(error: RuntimeError) -> bool:
    """Tell errors of gloo, NCCL and the store, by which processes find each other, from those of tensors."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)
