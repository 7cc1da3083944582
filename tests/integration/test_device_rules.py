"""A step of every recipe stays on its device: no value is read on the host, and no tensor of another device is touched.

The meta device stands for a GPU. Both phases, penalties, backward pass and optimisers run, on all shipped recipes and
so on nearly every conditioner, generator, discriminator and objective.
"""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from shipped_recipes import overrides_of
from tiny_runs import RECIPES
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from facegen.core.recipe.recipe import Recipe, read_recipe
from facegen.training.build import Networks, build_networks
from facegen.training.check.dry_run import blank_batch, dry_gan_step, dry_match_step
from facegen.training.runs.earlier_runs import find_draft
from facegen.training.train import open_dataset

WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "equal"}
"""Operations whose result has a shape or a value that the host must know."""


class DeviceRules(TorchDispatchMode):
    """Refusal of operations that wait for the device, or touch a tensor of another one."""

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        name = function._schema.name.partition("::")[2]
        masks = [
            value for value in tree_leaves(arguments[1:]) if isinstance(value, Tensor) and value.dtype == torch.bool
        ]
        waits = name in WAITING or (name.startswith("index") and masks)  # a mask has as many rows as its values say
        assert not waits, f"{function} reads a value on the host: {_place()}"
        result = function(*arguments, **(keywords or {}))
        for value in tree_leaves((arguments, keywords, result)):
            if isinstance(value, Tensor):
                assert value.device.type == "meta", f"{function} touches the {value.device.type}: {_place()}"
        return result


def _place() -> str:
    frames = [frame for frame in traceback.extract_stack() if "/facegen/" in frame.filename]
    if not frames:
        return "outside of facegen"
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: {frames[-1].line}"


def networks_of(name: str, speaker_weights: Path) -> tuple[Recipe, Networks]:
    path = RECIPES / f"{name}.toml"
    recipe = read_recipe(path, preset="small", overrides=overrides_of(path, speaker_weights))
    data = open_dataset(recipe).spec
    with torch.device("meta"):
        return recipe, build_networks(recipe, data, find_draft(recipe, data, None))


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_a_step_stays_on_the_device(name: str, speaker_weights: Path) -> None:
    recipe, networks = networks_of(name, speaker_weights)
    data = open_dataset(recipe).spec
    matcher = recipe.optional_config("matcher")
    if matcher is not None and networks.matcher is not None:
        match = dry_match_step(matcher.engine, networks)
        rows = blank_batch(data, 4, networks.matcher.num_mismatched)
        with DeviceRules():
            match(rows, None)
    if recipe.train is not None and networks.face_pipeline is not None:
        train = dry_gan_step(recipe.train, networks, data)
        batch = blank_batch(data, 4, networks.num_mismatched)
        with DeviceRules():
            train(batch, None, 0)
            train.extra_discriminator_step(batch, None, 0)
    assert matcher is not None or recipe.train is not None


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda values: values.sum().item(), "reads a value on the host"),
        (lambda values: values[values > 0], "reads a value on the host"),
        (lambda values: values + torch.zeros(3), "touches the cpu"),
        (lambda values: torch.zeros(3, device="cpu").to(values.device), "touches the cpu"),
    ],
)
def test_the_rules_find_a_fault(fault: Callable[[Tensor], object], message: str) -> None:
    with pytest.raises(AssertionError, match=message), DeviceRules():
        fault(torch.ones(3, device="meta"))
