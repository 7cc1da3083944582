"""Rates of the full-size adversarial step on a GPU: ours in bf16 against a plain one in float32, and the loader."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch

from benchmarks.networks import gan_step
from benchmarks.plain_step import PlainStep
from facegen.core.batch import Batch, DataSpec
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import Recipe, read_recipe
from facegen.core.recipe.tables import DataSettings
from facegen.data.loading.loader import Loader
from facegen.data.loading.rows import Rows
from facegen.data.synthetic.speakers import Synthetic
from facegen.training.build import build_networks
from facegen.training.check.cost_meter import CostMeter
from facegen.training.check.dry_run import blank_batch, dry_gan_step
from facegen.training.distributed import Distributed
from facegen.training.gan import GanStep

RECIPE = Path(__file__).parents[1] / "recipes" / "speech_relid.toml"


@dataclass(frozen=True)
class Size:
    """Size of the measurement.

    Attributes:
        pixels, width: of faces and networks.
        batches: numbers of rows.
        steps: number of timed steps.
        matrix: side of the square matrices whose product sets the limit.
    """

    pixels: int = 128
    width: int = 64
    batches: Sequence[int] = (64, 128, 256)
    steps: int = 12
    matrix: int = 8192


QUICK = Size(16, 4, (4,), 2, 128)


def matrix_rate(size: Size, device: torch.device) -> float:
    """Measure bf16 products of matrices, in floating-point operations a second."""
    left, right = (torch.randn(size.matrix, size.matrix, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * size.matrix**3 / _seconds(lambda number: left @ right, size.steps, device)


def step_rates(size: Size, rows: int, device: torch.device) -> dict[str, float]:
    """Measure faces a second of a step without R1, with a given encoding; and what a face takes.

    Returns:
        "ours" and "plain" in faces a second, "loader" of ours with batches of the loader, "gflop" of a face
    """
    recipe = read_recipe(RECIPE, overrides=[f"data.image_pixels={size.pixels}", f"generator.width={size.width}",
                                            f"discriminator.width={size.width}"])  # fmt: skip
    batch = Batch.blank(_spec(size), rows, device=device)
    batch = batch.with_faces(torch.rand_like(batch.faces) * 2 - 1)
    sides = {name: _step(recipe, size, batch, is_plain=name == "plain") for name in ("ours", "plain")}
    loader = _loader(size, rows, device)
    sides["loader"] = lambda number, ours=sides["ours"]: ours(number, loader.batch(number))
    rates = {name: rows / _seconds(step, size.steps, device) for name, step in sides.items()}
    return rates | {"gflop": _gflop(recipe, _spec(size), rows)}


def _spec(size: Size) -> DataSpec:
    return DataSpec(size.pixels, speech_samples=96000, columns=frozenset({"faces", "speech", "identity"}))


def _seconds(work: Callable[[int], object], steps: int, device: torch.device) -> float:
    """Return the seconds of a call: the median of three runs of several calls, after a warm-up."""

    def run() -> float:
        start = time.perf_counter()
        for number in range(steps):
            work(number)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return (time.perf_counter() - start) / steps

    run()
    return median(run() for _ in range(3))


def _step(recipe: Recipe, size: Size, batch: Batch, *, is_plain: bool) -> Callable[..., object]:
    """Return the engine's step or the plain one, on the batch or on one of the loader, with given encodings."""
    networks, distributed = build_networks(recipe, _spec(size)), Distributed(0, 1, batch.faces.device)
    networks.encoders.freeze()
    networks = replace(networks, penalties={})
    kind, layers, precision = (PlainStep, "plain", "fp32") if is_plain else (GanStep, "ours", "auto")
    step = gan_step(recipe, networks, kind, layers, distributed, precision)
    encoding = torch.randn(len(batch), networks.encoders.condition_dim, device=batch.faces.device)

    def run(number: int, loaded: Batch = batch) -> None:
        # The plain step does not round convolutions to TF32.
        with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=not is_plain):
            step(loaded, encoding, number)

    return run


def _gflop(recipe: Recipe, data: DataSpec, rows: int) -> float:
    """Count the operations of a step without R1, on the meta device, for each face."""
    with torch.device("meta"):
        networks = build_networks(recipe, data)
        assert recipe.train is not None
        step = dry_gan_step(recipe.train, networks, data)
        encoding = torch.zeros(rows, networks.encoders.condition_dim)
        meter = CostMeter([])
        with meter:
            step(blank_batch(data, rows, 1), encoding, 1)
    return meter.flops / rows / 1e9


def _loader(size: Size, rows: int, device: torch.device) -> Loader:
    settings = DataSettings(image_pixels=size.pixels, speech_seconds=0.1)
    corpus = Synthetic(
        settings, num_people=2 * rows, num_heldout_people=2, clips_per_person=1, frames_per_clip=1, clip_seconds=0.1
    )  # fmt: skip
    return Loader(Rows(corpus, settings, "train", frozenset(), device, Observer()), rows, 1, 0, frozenset())
