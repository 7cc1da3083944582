"""Runs of a sweep: combinations, names and messages."""

import pytest

from facegen.core.errors import RecipeError
from facegen.training.sweep_plan import PlannedRun, plan_runs


def test_every_combination_is_a_run_named_by_what_differs() -> None:
    overrides = ["objective.type=relid,relativistic", "train.steps=100"]
    assert plan_runs("speech", overrides, (0, 1)) == [
        PlannedRun(f"type-{name}_seed-{seed}", (f"objective.type={name}", "train.steps=100", f"run.seed={seed}"))
        for name in ("relid", "relativistic")
        for seed in (0, 1)
    ]


@pytest.mark.parametrize("overrides, seeds, names", [
    ([], (), ["speech"]),
    ([], (3,), ["speech"]),
    (["train.generator.learning_rate=1e-4,2e-4"], (), ["learning_rate-1e-4", "learning_rate-2e-4"]),
    (["match.steps=1,2", "train.steps=3"], (), ["steps-1", "steps-2"]),
    (["match.steps=1,2", "train.steps=3,4"], (),
     [f"match.steps-{a}_train.steps-{b}" for a in (1, 2) for b in (3, 4)]),
    (["conditioner.channels=[8, 8],[16, 16]"], (), ["channels-8-8", "channels-16-16"]),
    (["data.path=a/b,a b"], (), ["path-a-b", "path-a-b_2"]),
    (['condition.name="a,b",c'], (), ["name-a-b", "name-c"]),
    (["penalty.r1.r1_gamma={ start = 1, end = 2, steps = 3 },5"], (),
     ["r1_gamma-start-1-end-2-steps-3", "r1_gamma-5"]),
    (["a.b=" + 60 * "x" + ",y"], (), ["b-" + 40 * "x", "b-y"]),
])  # fmt: skip
def test_names_are_short_and_unique(overrides: list[str], seeds: tuple[int, ...], names: list[str]) -> None:
    assert [run.name for run in plan_runs("speech", overrides, seeds)] == names


@pytest.mark.parametrize("overrides, seeds, problem", [
    (["objective.type"], (), "must be TABLE.KEY=VALUE,VALUE,..."),
    (["objective.type=relid,"], (), "must be TABLE.KEY=VALUE,VALUE,..."),
    (["run.seed=1,2"], (0, 1), "--set run.seed: appears twice; write its values behind one another: run.seed=A,B"),
    (["train.steps=1,1"], (), "train.steps = 1, 1: has a value twice"),
    ([], (4, 4), "run.seed = 4, 4: has a value twice"),
])  # fmt: skip
def test_what_is_no_sweep_is_refused(overrides: list[str], seeds: tuple[int, ...], problem: str) -> None:
    with pytest.raises(RecipeError) as raised:
        plan_runs("speech", overrides, seeds)
    assert problem in str(raised.value)


def test_the_number_of_runs_is_bounded_before_they_are_listed() -> None:
    many = ",".join(map(str, range(1, 101)))
    with pytest.raises(
        RecipeError, match=r"100 of train\.steps, 100 of match\.steps, 100 of run\.seed make 1,000,000 runs"
    ):
        plan_runs("speech", [f"train.steps={many}", f"match.steps={many}"], tuple(range(100)))
