"""The engine's step against the plain one, for every objective: both move every weight alike."""

import copy

import pytest
import torch
from torch import Tensor

from benchmarks.plain_step import AttachedStep, PlainStep, use_plain_layers
from facegen.core.batch import Batch, DataSpec
from facegen.core.recipe.recipe import check_recipe
from facegen.core.registry import registry
from facegen.training.build import Networks, build_networks
from facegen.training.distributed import Distributed
from facegen.training.gan import GanStep, gan_weights

ALONE = Distributed(0, 1, torch.device("cpu"))
NUM_PEOPLE, NUM_ROWS, RATE = 6, 6, 0.1
DATA = DataSpec(16, identities=tuple("abcdef"), columns=frozenset({"faces", "identity"}))
PROJECTION = {"type": "projection", "width": 4, "max_width": 8, "negative_slope": 0.2}
AUTOENCODER = {"type": "autoencoder", "num_filters": 4, "hidden_dim": 4}
R1 = {"type": "r1", "r1_gamma": 0.7}
R2 = {"type": "r2", "r2_gamma": 0.7}
SETTINGS: dict[str, dict[str, object]] = {"relid": {"form": "separate", "num_negatives": 2}}
"""Settings of objectives whose defaults leave something out."""
BESIDE = {"auxiliary_classifier", "feature_matching", "manifold_interpolation", "reconstruction"}
"""Objectives that do not train the discriminator's score; a second one beside them does."""
OBJECTIVES = [
    part.name
    for part in registry().parts["objective"].values()
    if part.source.package == "facegen"
]  # fmt: skip


def networks_of(objective: str, penalties: list[dict[str, object]]) -> Networks:
    objectives = [{"type": objective, **SETTINGS.get(objective, {})}]
    objectives += [{"type": "non_saturating"}] if objective in BESIDE else []
    recipe = check_recipe(
        {
            "data": {"type": "synthetic"},
            "conditioner": [{"type": "one_hot", "condition_dim": 6, "trained": "generator"}],
            "generator": {"type": "adain", "noise_dim": 5, "width": 4, "max_width": 8},
            "discriminator": AUTOENCODER if objective == "began" else PROJECTION,
            "objective": objectives,
            "penalty": penalties,
            "train": {"steps": 10},
        },
        "test.toml",
    )
    torch.manual_seed(1)
    networks = build_networks(recipe, DATA)
    assert networks.face_pipeline is not None
    return networks


def step_of(kind: type[GanStep], networks: Networks) -> GanStep:
    """Return a step of plain gradient descent, in which the change of a weight is proportional to its gradient."""
    ALONE.place(networks.face_pipeline, networks.discriminator, networks.discriminator_encoders)
    optimisers = {side: torch.optim.SGD(weights, RATE) for side, weights in gan_weights(networks).items()}
    return kind(
        networks, optimisers, critic_trains_conditioner=True, num_identities=NUM_PEOPLE, distributed=ALONE,
        precision="fp32",
    )  # fmt: skip


def rows(num_mismatched: int) -> Batch:
    torch.manual_seed(3)
    blank = Batch.blank(DATA, NUM_ROWS, num_mismatched)
    return blank.with_faces(torch.rand_like(blank.faces) * 2 - 1)


def weights_of(networks: Networks) -> dict[str, Tensor]:
    assert networks.face_pipeline is not None and networks.discriminator is not None
    modules = {"generator": networks.face_pipeline, "discriminator": networks.discriminator}
    return {f"{side}.{name}": weight for side, module in modules.items() for name, weight in module.named_parameters()}


@pytest.mark.parametrize("penalties", [[], [R1], [R1, R2]], ids=["alone", "r1", "r1 and r2"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_weight_moves_as_in_the_plain_step(objective: str, penalties: list[dict[str, object]]) -> None:
    if objective == "began" and penalties:
        pytest.skip("an autoencoder has no score that a penalty could differentiate")
    ours = networks_of(objective, penalties)
    before, theirs = copy.deepcopy(ours), copy.deepcopy(ours)
    assert theirs.face_pipeline is not None and theirs.discriminator is not None
    batch = rows(2 if objective == "relid" else 1)
    for kind, networks in ((GanStep, ours), (PlainStep, theirs)):
        step = step_of(kind, networks)
        if kind is PlainStep:
            use_plain_layers(theirs.face_pipeline)
            use_plain_layers(theirs.discriminator)
        torch.manual_seed(11)
        step(batch, None, 0)
    assert differing_moves(before, ours, theirs) == []


def test_gradients_that_are_not_used_change_nothing() -> None:
    ours = networks_of("least_squares", [])
    before, theirs = copy.deepcopy(ours), copy.deepcopy(ours)
    for kind, networks in ((GanStep, ours), (AttachedStep, theirs)):
        step = step_of(kind, networks)
        torch.manual_seed(11)
        step(rows(1), None, 0)
    assert differing_moves(before, ours, theirs) == []


def differing_moves(before: Networks, ours: Networks, theirs: Networks) -> list[str]:
    """Name the weights that two steps move differently, beyond rounding.

    Raises:
        AssertionError: most weights do not move, so that nothing is compared.
    """
    start, expected = weights_of(before), weights_of(theirs)
    differing, num_moved = [], 0
    for name, weight in weights_of(ours).items():
        moved, due = weight - start[name], expected[name] - start[name]
        if not (moved - due).norm() <= 1e-3 * due.norm() + 1e-7:  # also where one is NaN
            differing.append(name)
        num_moved += bool(due.norm() > 0)
    assert num_moved > len(start) / 2, "nothing was trained, so that nothing was compared"
    return differing
