"""`check_part`: the whole contract of a part."""

from collections.abc import Callable
from typing import Any

import torch

from facegen.core.batch import DataSpec
from facegen.core.describe.docstrings import toml_value
from facegen.core.describe.layers import engine_arguments
from facegen.core.kinds import KINDS
from facegen.core.registry import registry
from facegen.testing.declaration import check_declaration
from facegen.testing.detectors import check_detector
from facegen.testing.executors import check_executor
from facegen.testing.expect import about, collecting, expect, repeatable
from facegen.testing.loggers import check_logger
from facegen.testing.losses import check_matcher, check_objective, check_penalty
from facegen.testing.networks import (
    check_augmentation,
    check_conditioner,
    check_discriminator,
    check_generator,
    check_transform,
)
from facegen.testing.outside import check_dataset, check_metric
from facegen.testing.recognisers import check_recogniser
from facegen.testing.samples import CONDITION_DIM, SMALL_DATA

_CHECKS: dict[str, Callable[[Any, DataSpec], None]] = {
    "dataset": check_dataset,
    "conditioner": check_conditioner,
    "transform": check_transform,
    "generator": check_generator,
    "discriminator": check_discriminator,
    "objective": check_objective,
    "penalty": check_penalty,
    "augmentation": check_augmentation,
    "matcher": check_matcher,
    "metric": check_metric,
    "recogniser": check_recogniser,
    "detector": check_detector,
    "executor": check_executor,
}


def check_part(kind: str, part: str | type, data: DataSpec = SMALL_DATA, **settings: Any) -> None:
    """Check that a part keeps the contract of its kind.

    Args:
        kind: such as "objective".
        part: its class, or its installed name.
        data: the corpus that it is built for.
        settings: as in a recipe; others have their defaults.
    Raises:
        AssertionError: the part breaks the contract; the message names the part, its settings and all faults: those of
            its results first, then those of its declaration.
    """
    loaded: Any = registry().find(kind, part).load() if isinstance(part, str) else part
    given = ", ".join(f"{name} = {toml_value(value)}" for name, value in settings.items())
    interface = KINDS[kind].interface_class()
    results: list[str] = []
    declaration: list[str] = []
    with about(f"{kind} {loaded.__name__}({given})"), repeatable():
        expect(issubclass(loaded, interface), f"is no subclass of facegen.{interface.__name__}")
        with collecting(declaration):
            check_declaration(kind, loaded)
        try:
            with collecting(results):
                _check_results(kind, loaded, data, settings)
        except Exception:
            if not declaration:
                raise
        faults = list(dict.fromkeys([*results, *declaration]))
        if faults:
            raise AssertionError("\n  ".join(faults))


def _check_results(kind: str, part: Any, data: DataSpec, settings: dict[str, Any]) -> None:
    if kind == "logger":  # each of its checks is a process with a logger of its own
        check_logger(lambda run: part(run, **settings))
        return
    supplied = engine_arguments(kind, part, data, CONDITION_DIM)
    if KINDS[kind].interface not in ("Dataset", "Metric"):
        _build_on_meta(part, supplied, settings)
    _CHECKS[kind](part(*supplied, **settings), data)


def _build_on_meta(part: type, supplied: tuple[Any, ...], settings: dict[str, Any]) -> None:
    try:
        with torch.device("meta"):
            part(*supplied, **settings)
    except Exception as error:
        raise AssertionError(
            f"cannot be built on the meta device, on which facegen builds every part before training: {error}"
        ) from error
