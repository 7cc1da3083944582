"""Rates of the full-size adversarial step on a GPU: ours in bf16 against a plain one in float32, and the loader."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import Recipe, read_recipe
from facegen.core.recipe.tables import DataSettings
from facegen.data.loading.loader import Loader
from facegen.data.loading.rows import Rows
from facegen.data.synthetic.speakers import Synthetic
from facegen.parts.layers.folded import ConvPool2d, UpsampleConv2d
from facegen.training.build import Networks, build_networks
from facegen.training.check.cost_meter import CostMeter
from facegen.training.check.dry_run import blank_batch, dry_gan_step
from facegen.training.distributed import Distributed
from facegen.training.gan import GanStep, gan_weights
from facegen.training.optimisers import build_optimiser

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
    sides = {"ours": _ours(recipe, size, batch), "plain": _plain(recipe, size, batch)}
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


def _networks(recipe: Recipe, size: Size) -> Networks:
    networks = build_networks(recipe, _spec(size))
    networks.encoders.freeze()
    return networks


def _ours(recipe: Recipe, size: Size, batch: Batch) -> Callable[..., object]:
    """Return the engine's step, on the batch or on one of the loader, with encodings that are given."""
    networks, distributed = _networks(recipe, size), Distributed(0, 1, batch.faces.device)
    distributed.place(networks.face_pipeline, networks.discriminator, *networks.objectives.values())
    assert recipe.train is not None
    optimisers = {
        side: build_optimiser(getattr(recipe.train, side), weights) for side, weights in gan_weights(networks).items()
    }
    step = GanStep(
        networks, optimisers, critic_trains_conditioner=False, num_identities=0, distributed=distributed,
        precision="auto",
    )  # fmt: skip
    encoding = _encoding(networks, batch)
    return lambda number, loaded=batch: step(loaded, encoding, 1)


def _encoding(networks: Networks, batch: Batch) -> Tensor:
    return torch.randn(len(batch), networks.encoders.condition_dim, device=batch.faces.device)


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


class _Pool(ConvPool2d):
    def forward(self, input: Tensor) -> Tensor:
        return functional.avg_pool2d(functional.conv2d(input, self.weight, self.bias, padding=1), 2)


class _Upsample(UpsampleConv2d):
    def forward(self, input: Tensor) -> Tensor:
        larger = functional.interpolate(input, scale_factor=2.0, mode="nearest")
        return functional.conv2d(larger, self.weight, self.bias, padding=1)


def _plain(recipe: Recipe, size: Size, batch: Batch) -> Callable[..., object]:
    """Return the step as it is written at first: one pass of the backbone a score, in float32 without TF32."""
    networks = _networks(recipe, size)
    pipeline, critic = networks.face_pipeline, networks.discriminator
    assert pipeline is not None and critic is not None
    players: dict[str, nn.Module] = {"generator": pipeline.generator, "discriminator": critic}
    for player in players.values():
        player.to(batch.faces.device).train()
        for module in player.modules():
            module.__class__ = {ConvPool2d: _Pool, UpsampleConv2d: _Upsample}.get(type(module), module.__class__)
    optimisers = {name: torch.optim.Adam(player.parameters(), 1e-4, (0.0, 0.99)) for name, player in players.items()}
    encoding = _encoding(networks, batch)
    stranger = encoding[batch.mismatched_rows[:, 0]]

    def score(faces: Tensor, condition: Tensor) -> Tensor:
        return critic.score(critic.features(faces), condition)

    def margin(winner: Tensor, loser: Tensor) -> Tensor:
        own = score(winner, encoding)
        return (own - score(loser, encoding)) + (own - score(winner, stranger))

    def descend(name: str, loss: Tensor) -> None:
        for optimiser in optimisers.values():
            optimiser.zero_grad()
        loss.backward()
        optimisers[name].step()

    def step(number: int) -> None:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            faces = pipeline.draw(encoding).detach()
            descend("discriminator", functional.softplus(-margin(batch.faces, faces)).mean())
            descend("generator", functional.softplus(-margin(pipeline.draw(encoding), batch.faces)).mean())

    return step
