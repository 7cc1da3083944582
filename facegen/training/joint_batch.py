"""Sums over processes that gradients pass through, and what is computed with them over the joint batch."""

from dataclasses import replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn.modules.batchnorm import _BatchNorm

from facegen.core.batch import Batch

_PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class _Sum(torch.autograd.Function):
    """Sum over processes. Its gradient is the sum of the gradients of all processes, so it can be differentiated twice.

    Every process then has the gradient of the sum of all processes' losses, whose weights are averaged afterwards.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor) -> Tensor:
        summed = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Any) -> Tensor:
        summed: Tensor = _Sum.apply(gradients[0])
        return summed


def joint_rows(values: Tensor) -> Tensor:
    """Concatenate the rows of all processes, in their order: (B, ...) -> (processes * B, ...)."""
    blocks = [torch.zeros_like(values)] * dist.get_world_size()
    blocks[dist.get_rank()] = values
    joint: Tensor = _Sum.apply(torch.cat(blocks))
    return joint


def joint_labels(batch: Batch) -> Batch:
    """Return the rows of all processes, without their faces, speech and names, which stay where they are."""
    first = dist.get_rank() * len(batch)

    def joint(values: Tensor | None) -> Tensor | None:
        return None if values is None else joint_rows(values)

    return replace(
        batch,
        clip=joint_rows(batch.clip),
        identity=joint_rows(batch.identity),
        mismatched_rows=joint_rows(batch.mismatched_rows + first),
        attributes={name: joint_rows(batch.attributes[name]) for name in sorted(batch.attributes)},
        faces=batch.faces.new_empty(len(batch) * dist.get_world_size(), 3, 0, 0),
        text=joint(batch.text), caption=joint(batch.caption), frame=joint(batch.frame),
        speech=None, clip_names=None, identity_image=None,
    )  # fmt: skip


class JointBatchNorm(_BatchNorm):
    """Batch norm whose statistics in training mode are those of the rows of all processes.

    Unlike `nn.SyncBatchNorm` it runs on CPUs, too, and can be differentiated twice, as penalties do. In evaluation mode
    it is an ordinary batch norm.
    """

    def _check_input_dim(self, input: Tensor) -> None: ...

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        values = input.float()
        dims = [dim for dim in range(values.ndim) if dim != 1]
        own = torch.stack([values.mean(dims), values.var(dims, correction=0)])
        means, variances = joint_rows(own[None]).unbind(1)
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        self._update(mean.detach(), variance.detach(), len(means) * values.numel() // values.shape[1])
        shape = (1, -1, *(1,) * (values.ndim - 2))
        normalised = (values - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normalised = normalised * self.weight.view(shape) + self.bias.view(shape)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _update(self, mean: Tensor, variance: Tensor, num: int) -> None:
        """Move the running statistics, the variance without bias, as batch norm does."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (num / (num - 1)), share)


def join_batch_norms(module: nn.Module) -> None:
    """Make every batch norm of a module a `JointBatchNorm`; weights, buffers and their names stay."""
    for part in module.modules():
        if type(part) in _PLAIN:
            part.__class__ = JointBatchNorm
