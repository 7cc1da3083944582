"""Limits of the networks of a recipe, enforced while they are built on the meta device, before memory is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.nn.parameter import is_lazy

from facegen.core.errors import RecipeError

MAX_WEIGHTS = 2**31
"""Largest number of weights of one part: 8 GiB, and four times that while it is trained with Adam."""
MAX_TENSORS = 20_000
"""Largest number of tensors of one part; the deepest network of the shipped recipes has 200."""
_OVERFLOW = ("overflow", "numel", "out of range", "too large", "can't allocate", "int64")
"""Words of torch's errors about a size beyond its integers, or beyond memory."""


@contextmanager
def build_limits() -> Iterator[None]:
    """Refuse a part that becomes too large while the block builds it.

    Raises:
        RecipeError: the part has too many weights or tensors, or one of its sizes is beyond torch's integers.
    """
    num_weights = num_tensors = 0

    def count(module: nn.Module, name: str, tensor: Tensor | None) -> None:
        nonlocal num_weights, num_tensors
        # A lazy weight has no size yet; the dry run refuses it.
        num_weights += 0 if tensor is None or is_lazy(tensor) else tensor.numel()
        num_tensors += 1
        if num_weights > MAX_WEIGHTS:
            raise RecipeError(
                f"has {num_weights:,} weights or more; at most {MAX_WEIGHTS:,} are allowed; choose smaller widths"
            )
        if num_tensors > MAX_TENSORS:
            raise RecipeError(f"has more than {MAX_TENSORS:,} tensors of weights; choose fewer layers")

    hooks = [register_module_parameter_registration_hook(count), register_module_buffer_registration_hook(count)]
    try:
        yield
    except (RuntimeError, OverflowError, TypeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not any(word in str(error) for word in _OVERFLOW):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RecipeError(f"is too large to be built ({reason}); choose smaller sizes") from error
    finally:
        for hook in hooks:
            hook.remove()
