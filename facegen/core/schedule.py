"""Weights that change while training goes on."""

import math
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn


class Ramp(BaseModel):
    """A setting that moves from one value to another: `{ start = 2.0, end = 0.2, steps = 1000 }` in a recipe.

    Attributes:
        start, end: the values before and after.
        steps: how many steps the way takes.
        begin_step: the step at which it starts.
        shape: straight, along half a cosine, or all at once at its end.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    start: float
    end: float
    steps: Annotated[int, Field(ge=1)]
    begin_step: Annotated[int, Field(ge=0)] = 0
    shape: Literal["linear", "cosine", "jump"] = "linear"

    def at(self, step: int) -> float:
        """The value at a step."""
        share = min(max((step - self.begin_step) / self.steps, 0.0), 1.0)
        if self.shape == "cosine":
            share = (1 - math.cos(math.pi * share)) / 2
        elif self.shape == "jump":
            share = float(share >= 1.0)
        return self.start + share * (self.end - self.start)


class Schedule(nn.Module):
    """A setting typed `float | Ramp`, as a buffer that the engine fills before each step.

    A buffer, so that a captured graph reads the new value, and so that the value needs no copy to the host.
    """

    value: Tensor

    def __init__(self, setting: float | Ramp) -> None:
        super().__init__()
        self.setting = setting
        self.register_buffer("value", torch.tensor(self.at(0)), persistent=False)

    def at(self, step: int) -> float:
        """The value at a step, as a number."""
        return self.setting.at(step) if isinstance(self.setting, Ramp) else float(self.setting)

    def advance(self, step: int) -> None:
        """Fill the buffer for a step."""
        if isinstance(self.setting, Ramp):
            self.value.fill_(self.setting.at(step))


def advance_schedules(module: nn.Module, step: int) -> None:
    """Fill every schedule below a module for a step."""
    for part in module.modules():
        if isinstance(part, Schedule):
            part.advance(step)
