"""Terms of a part, under its name: in the log, and in the errors that it raises."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from facegen.core.batch import Terms
from facegen.core.errors import RecipeError
from facegen.core.part_faults import source_of


def part_terms(part: str, prefix: str, compute: Callable[..., Terms], *arguments: Any) -> Terms:
    """Compute the terms of a part and prefix their names.

    An exception gets a note with the name of the part, so that a dry run can tell which part failed.

    Args:
        part: table and name in the recipe, such as "[objective] relid".
        prefix: of the names in the log, such as "discriminator/relid/".
        compute, arguments: method of the part that returns the terms, and what it is called with.
    Raises:
        RecipeError: a term is no scalar.
    """
    plugin = source_of(getattr(compute, "__self__", None))
    try:
        terms = compute(*arguments)
        for name, term in terms.items():
            if term.ndim:
                raise RecipeError(
                    f"{part}: its term '{name}' has shape {tuple(term.shape)}; a term is a scalar, (){plugin}"
                )
    except Exception as error:
        error.add_note(part)
        raise
    return {f"{prefix}{name}": term for name, term in terms.items()}


def backward(phase: str, terms: Terms, parts: Mapping[str, object]) -> None:
    """Compute the gradients of the sum of terms.

    Args:
        phase: whose terms, for the error.
        terms: already weighted.
        parts: {prefix of its terms: part that returned them}.
    Raises:
        RecipeError: no term, or no term of a plugin's part, depends on a weight that learns.
    """
    if not any(term.requires_grad for term in terms.values()):
        names = ", ".join(terms) or "there is none"
        plugins = "".join(map(source_of, parts.values()))
        raise RecipeError(
            f"{phase}: no loss depends on a weight that learns ({names}){plugins}; choose another objective"
        )
    for prefix, part in parts.items():
        own = [name for name in terms if name.startswith(prefix)]
        if own and source_of(part) and not any(terms[name].requires_grad for name in own):
            raise RecipeError(
                f"{phase}: no weight that learns affects {', '.join(own)}{source_of(part)}; is a result detached?"
            )
    sum_terms(terms).backward()


def sum_terms(terms: Terms) -> Tensor:
    """Add named, already weighted terms in float32: the loss."""
    return torch.stack([term.float() for term in terms.values()]).sum()


def failed_part(error: BaseException, otherwise: str) -> str:
    """Name the part in which an exception was raised."""
    notes: list[str] = getattr(error, "__notes__", [])
    return notes[0] if notes else otherwise
