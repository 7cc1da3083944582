"""Settings that change during training."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from facegen.core.errors import RecipeError


class Ramp(BaseModel):
    """Setting that changes from one value to another: `{ start = 2.0, end = 0.2 }` in a recipe.

    Attributes:
        start, end: first and last value.
        steps: number of steps of the change; by default until the stage ends.
        begin_step: the step at which the change begins.
        shape: "linear", "cosine" (half a period), or "jump" (to `end` at its last step).
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    start: float
    end: float
    steps: Annotated[int, Field(ge=1)] | None = None
    begin_step: Annotated[int, Field(ge=0)] = 0
    shape: Literal["linear", "cosine", "jump"] = "linear"

    def at(self, step: int, stage_steps: int) -> float:
        """Return the value at a step of a stage of so many steps."""
        steps = self.steps or max(stage_steps - self.begin_step, 1)
        progress = min(max((step - self.begin_step) / steps, 0.0), 1.0)
        if self.shape == "cosine":
            progress = (1 - math.cos(math.pi * progress)) / 2
        elif self.shape == "jump":
            progress = float(progress >= 1.0)
        return self.start + progress * (self.end - self.start)


class Schedule(nn.Module):
    """Value of a setting of type `float | Ramp`, in a buffer that the engine fills before each step.

    A captured graph reads the new value from the buffer, and no value is copied to the host.
    """

    value: Tensor

    def __init__(self, setting: float | Ramp) -> None:
        super().__init__()
        self.setting = setting
        first = setting.start if isinstance(setting, Ramp) else float(setting)
        self.register_buffer("value", torch.tensor(first), persistent=False)

    @property
    def is_zero(self) -> bool:
        """True for the number 0, whose terms may be left out; never for a ramp: each step has the same terms."""
        return self.setting == 0

    def advance(self, step: int, stage_steps: int) -> None:
        """Fill the buffer for a step of a stage of so many steps."""
        if isinstance(self.setting, Ramp):
            self.value.fill_(self.setting.at(step, stage_steps))


def require_weights(
    part: str, settings: Mapping[str, float | Ramp], *, below: float = math.inf, at_most: float = math.inf
) -> None:
    """Check the limits of ramps; those of numbers are in the part's signature.

    Raises:
        RecipeError: a ramp starts or ends below 0, at or above `below`, or above `at_most`.
    """
    limits = {"less than": below, "at most": at_most}
    allowed = " and ".join(["at least 0", *(f"{word} {limit:g}" for word, limit in limits.items() if limit < math.inf)])
    problems = [
        f"{part}: {name}.{end} = {value}: must be {allowed}"
        for name, setting in settings.items()
        if isinstance(setting, Ramp)
        for end, value in (("start", setting.start), ("end", setting.end))
        if not (0 <= value < below and value <= at_most)
    ]
    if problems:
        raise RecipeError(*problems)


def advance_schedules(module: nn.Module, step: int, stage_steps: int) -> None:
    """Fill every schedule in a module for a step of a stage of so many steps."""
    for part in module.modules():
        if isinstance(part, Schedule):
            part.advance(step, stage_steps)
