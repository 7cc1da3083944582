"""Losses of two processes, averaged, are those of one process with all rows; docs/scaling.md lists the exceptions."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from facegen.core.batch import Batch, Condition
from facegen.core.critic import Critic, Phase
from facegen.core.registry import registry
from facegen.testing.samples import ROWS, SMALL_DATA, sample_batch, sample_condition, sample_discriminator

NOT_EQUAL = {"feature_matching", "manifold_interpolation", "relativistic_average"}
OBJECTIVES = sorted(registry().parts["objective"])
HALVES = (slice(ROWS), slice(ROWS, None))


def two_batches() -> Batch:
    first, second = (sample_batch(num_mismatched=3, seed=seed) for seed in (0, 1))
    joint = {
        name: torch.cat([getattr(first, name), getattr(second, name) + (ROWS if name == "mismatched_rows" else 0)])
        for name in (field.name for field in fields(Batch))
        if isinstance(getattr(first, name), Tensor)
    }
    sex = torch.cat([first.attributes["sex"], second.attributes["sex"]])
    return replace(first, attributes={"sex": sex}, clip_names=None, **joint)  # type: ignore[arg-type]


def half(batch: Batch, rows: slice) -> Batch:
    parts = {
        name: getattr(batch, name)[rows] for name in (field.name for field in fields(Batch))
        if isinstance(getattr(batch, name), Tensor)
    }  # fmt: skip
    parts["mismatched_rows"] = parts["mismatched_rows"] - (rows.start or 0)
    return replace(batch, attributes={"sex": batch.attributes["sex"][rows]}, **parts)  # type: ignore[arg-type]


def critic(phase: Phase, batch: Batch, condition: Tensor, fakes: Tensor, heads: dict[str, int]) -> Critic:
    discriminator = sample_discriminator(heads)
    paint = torch.linspace(-1, 1, 3 * condition.shape[1]).view(-1, 3)
    return Critic(
        phase, batch, Condition(condition, condition, condition, {}), discriminator, fakes,
        draw=lambda rows: torch.tanh(rows @ paint)[:, :, None, None].expand(-1, -1, 64, 64),
        num_identities=SMALL_DATA.num_identities,
    )  # fmt: skip


@pytest.mark.parametrize("name", OBJECTIVES)
def test_mean_of_two_processes_is_the_loss_of_the_joint_batch(name: str) -> None:
    objective = registry().find("objective", name).load()(SMALL_DATA)
    batch, condition = two_batches(), torch.cat([sample_condition(seed=seed).critic for seed in (0, 1)])
    fakes = torch.tanh(torch.randn(2 * ROWS, 3, 64, 64, generator=torch.Generator().manual_seed(2)))
    differences = []
    for phase, terms in (
        ("discriminator", objective.discriminator_terms), ("generator", objective.generator_terms)
    ):  # fmt: skip
        joint = terms(critic(phase, batch, condition, fakes, objective.heads))
        apart = [
            terms(critic(phase, half(batch, rows), condition[rows], fakes[rows], objective.heads)) for rows in HALVES
        ]
        differences += [(joint[key] - (apart[0][key] + apart[1][key]) / 2).abs().item() for key in joint]
    assert differences
    assert (max(differences) > 1e-5) == (name in NOT_EQUAL), differences


def test_the_documentation_lists_the_exceptions() -> None:
    text = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    assert all(f"`{name}`" in text for name in NOT_EQUAL)
