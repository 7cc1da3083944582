"""The training step of facegen against a plain one, on the same networks: both in one run, alternating.

    python benchmarks/step.py [--pixels 128 --width 16 --batch-size 4 --rounds 5]

The plain step runs the discriminator's backbone once per score, generates the faces anew in the generator's phase,
computes gradients that are not used, and resamples beside its convolutions instead of inside them.
"""

import argparse
import copy
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec
from facegen.core.recipe.recipe import read_recipe
from facegen.parts.layers.folded import ConvPool2d, UpsampleConv2d
from facegen.training.build import Networks, build_networks
from facegen.training.distributed import Distributed
from facegen.training.gan import GanStep, gan_weights
from facegen.training.optimisers import build_optimiser

RECIPE = Path(__file__).parents[1] / "recipes" / "speech_relid.toml"
DISTRIBUTED = Distributed(0, 1, torch.device("cpu"))


class UnfoldedPool(ConvPool2d):
    """The computation of its parent class in two layers."""

    def forward(self, input: Tensor) -> Tensor:
        return functional.avg_pool2d(functional.conv2d(input, self.weight, self.bias, padding=1), 2)


class UnfoldedUpsample(UpsampleConv2d):
    """The computation of its parent class in two layers."""

    def forward(self, input: Tensor) -> Tensor:
        larger = functional.interpolate(input, scale_factor=2, mode="nearest")
        return functional.conv2d(larger, self.weight, self.bias, padding=1)


def unfold(network: nn.Module) -> None:
    """Replace fused convolutions by convolutions with separate resampling, in place."""
    for module in network.modules():
        if isinstance(module, ConvPool2d):
            module.__class__ = UnfoldedPool
        elif isinstance(module, UpsampleConv2d):
            module.__class__ = UnfoldedUpsample


def build(arguments: argparse.Namespace, penalised: bool) -> tuple[Networks, DataSpec]:
    """Build the networks of the relid recipe; encodings are given, so the encoder does not count."""
    overrides = [
        f"data.image_pixels={arguments.pixels}", f"generator.width={arguments.width}",
        f"discriminator.width={arguments.width}", "penalty.every_steps=1",
    ]  # fmt: skip
    recipe = read_recipe(RECIPE, preset="small", overrides=overrides)
    data = DataSpec(arguments.pixels, speech_samples=19200, columns=frozenset({"faces", "speech", "identity"}))
    networks = build_networks(recipe, data)
    networks.encoders.freeze()
    if not penalised:
        object.__setattr__(networks, "penalties", {})
    return networks, data


def ours(networks: Networks, batch: Batch, encoding: Tensor) -> Callable[[], object]:
    """Return the engine's step."""
    DISTRIBUTED.place(networks.face_pipeline, networks.discriminator)
    recipe = read_recipe(RECIPE)
    if recipe.train is None or networks.face_pipeline is None:
        raise SystemExit("the recipe does not train")
    optimisers = {
        side: build_optimiser(getattr(recipe.train, side), weights) for side, weights in gan_weights(networks).items()
    }
    step = GanStep(
        networks,
        optimisers,
        critic_trains_conditioner=False,
        num_identities=0,
        distributed=DISTRIBUTED,
        precision="fp32",
    )
    return lambda: step(batch, encoding, 0)


def plain(networks: Networks, batch: Batch, encoding: Tensor, penalised: bool) -> Callable[[], object]:
    """Return the plain step: one backbone pass per score, one generator pass per phase."""
    pipeline, critic = networks.face_pipeline, networks.discriminator
    if pipeline is None or critic is None:
        raise SystemExit("the recipe does not train")
    unfold(pipeline)
    unfold(critic)
    players = {"generator": pipeline.generator, "discriminator": critic}
    optimisers = {name: torch.optim.Adam(player.parameters(), 1e-4, (0.0, 0.99)) for name, player in players.items()}
    stranger = encoding[batch.mismatched_rows[:, 0]]

    def score(faces: Tensor, condition: Tensor) -> Tensor:
        return critic.score(critic.features(faces), condition)

    def margin(winner: Tensor, loser: Tensor) -> Tensor:
        own = score(winner, encoding)
        return (own - score(loser, encoding)) + (own - score(winner, stranger))

    def step() -> None:
        real = batch.faces.detach().requires_grad_(penalised)
        loss = functional.softplus(-margin(real, pipeline.draw(encoding).detach())).mean()
        if penalised:
            (gradient,) = torch.autograd.grad(score(real, encoding).sum(), real, create_graph=True)
            loss = loss + 0.5 * gradient.square().sum((1, 2, 3)).mean()
        descend("discriminator", loss)
        descend("generator", functional.softplus(-margin(pipeline.draw(encoding), batch.faces)).mean())

    def descend(name: str, loss: Tensor) -> None:
        for optimiser in optimisers.values():
            optimiser.zero_grad()
        loss.backward()
        optimisers[name].step()

    return step


def main() -> None:
    """Measure both sides, alternating, and print the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default in (("pixels", 128), ("width", 16), ("batch-size", 4), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    print("| step | plain, ms | ours, ms | ratio |\n|---|---|---|---|")
    for penalised in (False, True):
        networks, data = build(arguments, penalised)
        batch = Batch.blank(data, arguments.batch_size)
        torch.manual_seed(0)
        batch = batch.with_faces(torch.rand_like(batch.faces) * 2 - 1)
        encoding = torch.randn(arguments.batch_size, networks.encoders.condition_dim)
        steps = {
            "plain": plain(copy.deepcopy(networks), batch, encoding, penalised),
            "ours": ours(networks, batch, encoding),
        }
        times: dict[str, list[float]] = {name: [] for name in steps}
        for round_number in range(arguments.rounds + 1):
            for name, step in steps.items():
                start = time.process_time()
                step()
                if round_number:
                    times[name].append(1000 * (time.process_time() - start))
        slow, fast = median(times["plain"]), median(times["ours"])
        print(f"| {'with' if penalised else 'without'} R1 | {slow:.0f} | {fast:.0f} | {slow / fast:.2f} |")


if __name__ == "__main__":
    main()
