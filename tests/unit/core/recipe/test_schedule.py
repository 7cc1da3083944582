"""Settings that change with the step."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, Schedule, advance_schedules, require_weights


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        # start 2, end 0, from step 10 on, over 8 steps; at steps 0, 10, 12, 14, 18, 99
        ("linear", [2.0, 2.0, 1.5, 1.0, 0.0, 0.0]),
        ("cosine", [2.0, 2.0, 1 + 0.5**0.5, 1.0, 0.0, 0.0]),
        ("jump", [2.0, 2.0, 2.0, 2.0, 0.0, 0.0]),
    ],
)
def test_ramp(shape, values):
    ramp = Ramp(start=2.0, end=0.0, steps=8, begin_step=10, shape=shape)
    assert [ramp.at(step, 50) for step in (0, 10, 12, 14, 18, 99)] == pytest.approx(values, abs=1e-12)


@pytest.mark.parametrize(("begin_step", "values"), [(0, [2.0, 1.5, 1.0, 0.0]), (40, [2.0, 2.0, 2.0, 0.0])])
def test_without_a_number_of_steps_a_ramp_ends_with_its_stage(begin_step, values):
    ramp = Ramp(start=2.0, end=0.0, begin_step=begin_step)
    assert [ramp.at(step, 80) for step in (0, 20, 40, 80)] == values
    assert ramp.at(80, stage_steps=20) == 0.0
    assert Ramp(start=2.0, end=0.0, begin_step=80).at(80, stage_steps=20) == 2.0


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"begin_step": -1}, {"shape": "log"}, {"stop": 1.0}, {"steps": 2.5}])
def test_ramp_is_strict(wrong):
    with pytest.raises(ValidationError):
        Ramp(**{"start": 0.0, "end": 1.0, "steps": 10, **wrong})


def test_schedules_in_submodules_are_filled_in_place():
    inner = nn.Sequential(nn.Linear(1, 1), Schedule(Ramp(start=1.0, end=3.0, steps=4)))
    constant = Schedule(0.25)
    network = nn.ModuleList([inner, constant])
    before = inner[1].value
    assert (before.item(), constant.value.item()) == (1.0, 0.25)
    advance_schedules(network, 2, 100)
    assert inner[1].value is before and before.item() == 2.0
    assert constant.value.item() == 0.25


def test_the_value_moves_with_the_module_but_is_not_stored():
    schedule = Schedule(Ramp(start=1.0, end=3.0, steps=4)).to(torch.float64)
    assert schedule.value.dtype == torch.float64 and schedule.state_dict() == {}
    assert schedule.value == 1.0


def test_is_zero_holds_for_the_number_0_only():
    assert Schedule(0.0).is_zero and not Schedule(0.1).is_zero
    assert not Schedule(Ramp(start=0.0, end=1.0, steps=4)).is_zero


def test_ramps_of_weights_are_refused_all_at_once():
    ramps = {"one": Ramp(start=-1.0, end=2.0, steps=4), "two": Ramp(start=0.0, end=-0.5, steps=4), "three": 0.5}
    with pytest.raises(RecipeError) as error:
        require_weights("part", ramps)
    assert error.value.problems == (
        "part: one.start = -1.0: must be at least 0",
        "part: two.end = -0.5: must be at least 0",
    )
    require_weights("part", {"share": Ramp(start=0.0, end=0.99, steps=4)}, below=1)
    require_weights("part", {"share": Ramp(start=0.0, end=1.0, steps=4)}, at_most=1)
    with pytest.raises(RecipeError, match=r"^part: share\.end = 1\.5: must be at least 0 and at most 1$"):
        require_weights("part", {"share": Ramp(start=0.0, end=1.5, steps=4)}, at_most=1)
