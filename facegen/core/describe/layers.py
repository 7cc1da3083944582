"""Layers of a part with shapes and parameter counts, from one pass on the meta device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facegen.core.batch import Batch, DataSpec
from facegen.core.interfaces import Conditioner, Discriminator, Generator
from facegen.core.logger_interface import RunInfo
from facegen.core.recipe.tables import DataSettings

PAPER_DATA = DataSpec(
    image_pixels=128,
    sample_rate_hz=16000,
    speech_samples=6 * 16000,
    text_dim=1024,
    caption_characters=201,
    identities=tuple(f"person{number}" for number in range(10)),
    attributes={"sex": 2},
    columns=frozenset({"faces", "identity", "speech", "caption", "text", "sex"}),
)
"""A corpus with every column, of the dimensions of Choi, Park and Lee 2020."""
PAPER_CONDITION_DIM = 128
ROWS = 2


@dataclass(frozen=True)
class Layer:
    """One row of a layer table: a layer, or a parameter that belongs to none.

    Attributes:
        name: path of the module in the part.
        layer: class of the module.
        shape: of its output, without the batch dimension.
        num_parameters: of its first call; 0 for later calls.
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    num_parameters: int


def engine_arguments(kind: str, part: type, data: DataSpec, condition_dim: int) -> tuple[Any, ...]:
    """Return the positional arguments that the engine supplies; a discriminator gets all heads that it supports."""
    if kind == "dataset":
        return (DataSettings(),)
    if kind in ("metric", "recogniser", "detector", "executor"):
        return ()
    if kind == "logger":
        return (RunInfo(Path("run"), {"run": {"name": "run"}}, {}),)
    if kind in ("transform", "generator"):
        return (data, condition_dim)
    if kind == "discriminator":
        return (data, condition_dim, all_heads(part, data, condition_dim))
    if kind == "matcher":
        return (data, condition_dim, condition_dim)
    return (data,)


def all_heads(part: type, data: DataSpec, condition_dim: int) -> dict[str, int]:
    """Return the width of every head that a discriminator supports, as usual methods ask for it."""
    widths = {"embed": condition_dim, "classify": data.num_identities + 1}
    supported_heads: frozenset[str] = part.supported_heads  # type: ignore[attr-defined]
    return {head: widths.get(head, 1) for head in sorted(supported_heads)}


def part_layers(
    kind: str,
    part: type,
    settings: Mapping[str, Any],
    data: DataSpec = PAPER_DATA,
    condition_dim: int = PAPER_CONDITION_DIM,
) -> list[Layer]:
    """List the layers of a conditioner, generator or discriminator in the order in which they run; [] for other kinds.

    Raises:
        Exception: any exception of a part that cannot be built or run on this corpus.
    """
    with torch.device("meta"):
        built = part(*engine_arguments(kind, part, data, condition_dim), **settings)
    batch = Batch.blank(data, ROWS, device="meta")
    condition = torch.zeros(ROWS, condition_dim, device="meta")
    if isinstance(built, Conditioner):
        return layer_table(built, lambda: built(batch))
    if isinstance(built, Generator):
        side = built.draft_pixels or data.image_pixels
        draft = torch.zeros(ROWS, 3, side, side, device="meta") if built.uses_draft else None
        noise = torch.zeros(ROWS, built.noise_dim, device="meta")
        return layer_table(built, lambda: built(noise, condition, draft))
    if isinstance(built, Discriminator):
        return layer_table(built, lambda: run_heads(built, batch.faces, condition))
    return []


def run_heads(discriminator: Discriminator, faces: Tensor, condition: Tensor) -> dict[str, Tensor]:
    """Run the backbone and every head that the discriminator supports."""
    features = discriminator.features(faces)
    heads: dict[str, Callable[[], Tensor]] = {
        "score": lambda: discriminator.score(features, condition),
        "score_unconditional": lambda: discriminator.score(features, None),
        "embed": lambda: discriminator.embed(features),
        "classify": lambda: discriminator.classify(features),
        "reconstruct": lambda: discriminator.reconstruct(features, condition),
    }
    return {head: heads[head]() for head in heads if head in discriminator.supported_heads}


def layer_table(module: nn.Module, run: Callable[[], object]) -> list[Layer]:
    """Record one row per call of a layer while `run` runs `module`; the counts add up to all of its parameters."""
    rows: list[Layer] = []
    counted: set[int] = set()

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def record(layer: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                new = {id(weight): weight.numel() for weight in _own_parameters(layer) if id(weight) not in counted}
                counted.update(new)
                class_name = type(layer).__name__.removeprefix("Parametrized")
                rows.append(Layer(name, class_name, tuple(output.shape[1:]), sum(new.values())))

        return record

    layers = [(name, layer) for name, layer in module.named_modules() if name and _is_layer(name, layer)]
    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    for name, weight in module.named_parameters():
        if id(weight) not in counted:
            rows.append(Layer(name, "Parameter", tuple(weight.shape), weight.numel()))
    return rows


def _is_layer(name: str, layer: nn.Module) -> bool:
    if "parametrizations" in name.split("."):
        return False
    return bool(_own_parameters(layer)) or not list(layer.children())


def _own_parameters(layer: nn.Module) -> list[nn.Parameter]:
    own = list(layer.parameters(recurse=False))
    parametrizations = getattr(layer, "parametrizations", None)
    return own + (list(parametrizations.parameters()) if isinstance(parametrizations, nn.Module) else [])
