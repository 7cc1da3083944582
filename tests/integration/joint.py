"""Program of each process of test_processes.py: train on half of the rows in two processes, and on all in one."""

import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.recipe.recipe import check_recipe
from facegen.testing.samples import SMALL_DATA, sample_batch
from facegen.training.build import Networks, build_networks
from facegen.training.distributed import Distributed
from facegen.training.ema import EMA
from facegen.training.gan import GanStep, gan_weights
from facegen.training.match import MatchStep, match_modules, match_weights

DATA = replace(SMALL_DATA, image_pixels=16, speech_samples=8192)
ROWS, STEPS, RATE = 6, 3, 0.02
RUN = {"run": {"name": "joint", "seed": 0, "device": "cpu"}, "data": {"type": "synthetic"}}
VOICE = {"type": "mel_spectrogram", "condition_dim": 8, "channels": [4, 4, 4, 4, 8, 8]}
FACES = {"type": "projection", "width": 4, "max_width": 8}
GAN = {
    "batch norm": {
        "conditioner": {"type": "one_hot", "condition_dim": 4}, "generator": {"type": "dcgan", "width": 4},
        "discriminator": {"type": "dcgan", "width": 4, "norm": "batch"}, "objective": {"type": "least_squares"},
        "penalty": [{"type": "r1", "r1_gamma": 0.1}],
    },
    "relid": {
        "conditioner": {**VOICE, "trained": "generator"}, "generator": {"type": "adain", "width": 4},
        "discriminator": {**FACES, "spectral_norm": True}, "penalty": [{"type": "r1", "r1_gamma": 1.0}],
        "objective": {"type": "relid", "form": "separate", "num_negatives": 3},
    },
    "began": {
        "conditioner": {"type": "one_hot", "condition_dim": 4}, "generator": {"type": "began", "num_filters": 4},
        "discriminator": {"type": "autoencoder", "num_filters": 4}, "objective": {"type": "began"},
    },
}  # fmt: skip
MATCH = {
    "strangers": {"type": "softmax", "num_candidates": 4},
    "in batch": {"type": "softmax", "in_batch": True},
    "labels": {"type": "joint_classification"},
    "averages": {"type": "projection_heads", "dropout": 0.0, "input_noise": 0.0},
}


def batches(step: int) -> tuple[Batch, Batch, Batch]:
    """Return the rows of both processes, some of unknown sex, and all of them."""
    halves = [sample_batch(DATA, ROWS, num_mismatched=3, seed=10 * step + rank) for rank in range(2)]
    halves[0].attributes["sex"][:4] = -1  # type: ignore[index]
    first, second = halves
    joint: dict[str, Any] = {"attributes": {"sex": torch.cat([half.attributes["sex"] for half in halves])}}
    for name in (field.name for field in fields(Batch)):
        values = getattr(first, name), getattr(second, name)
        if isinstance(values[0], Tensor):
            joint[name] = torch.cat([values[0], values[1] + ROWS if name == "mismatched_rows" else values[1]])
    return first, second, replace(first, clip_names=None, **joint)


def results(networks: Networks, logs: Mapping[str, Tensor], average: torch.nn.Module | None) -> dict[str, Tensor]:
    modules = {
        "pipeline": networks.face_pipeline, "encoders": networks.encoders, "discriminator": networks.discriminator,
        "matcher": networks.matcher, "average": average,
        **{name: objective for name, objective in networks.objectives.items()},
    }  # fmt: skip
    return dict(logs) | {
        f"{name}.{key}": value.detach().double().clone()
        for name, module in modules.items()
        if module is not None
        for key, value in module.state_dict().items()
    }


def train_gan(tables: Mapping[str, Any], distributed: Distributed, part: int) -> dict[str, Tensor]:
    """Train on a part of the rows: those of process 0 or 1, or all (2)."""
    recipe = check_recipe({**RUN, **tables, "train": {"steps": STEPS, "batch_size": ROWS}}, "joint.toml")
    networks = build_networks(recipe, DATA)
    pipeline = networks.face_pipeline
    assert pipeline is not None and recipe.train is not None
    distributed.place(pipeline, networks.discriminator, *networks.objectives.values())
    random = torch.Generator().manual_seed(1)
    noises = [torch.randn(2 * ROWS, pipeline.noise_dim, generator=random) for _ in range(STEPS)]
    own = (slice(ROWS), slice(ROWS, None), slice(None))[part]
    pipeline.noise = lambda num, device: noises.pop(0)[own]  # type: ignore[method-assign, assignment]
    # Plain gradient descent: Adam divides by the size of a gradient, and so enlarges differences of tiny ones.
    optimisers = {side: torch.optim.SGD(weights, RATE) for side, weights in gan_weights(networks).items()}
    step = GanStep(
        networks, optimisers, critic_trains_conditioner=recipe.train.critic_trains_conditioner,
        num_identities=DATA.num_identities, distributed=distributed, precision="fp32",
    )  # fmt: skip
    average, logs = EMA(pipeline, 100.0), {}
    for number in range(STEPS):
        log = step(batches(number)[part], None, number)
        images = 2 * ROWS
        average.update(pipeline, images, (number + 1) * images)
        logs |= {f"{number} {name}": value.double() for name, value in log.items()}
    return results(networks, logs, average.module)


def train_match(matcher: Mapping[str, Any], distributed: Distributed, part: int) -> dict[str, Tensor]:
    """Train on a part of the rows, as `train_gan`."""
    tables = {**RUN, "conditioner": VOICE, "discriminator": FACES, "match": {**matcher, "batch_size": ROWS}}
    recipe = check_recipe(tables, "joint.toml")
    networks, settings = build_networks(recipe, DATA), recipe.config("matcher").engine
    distributed.place(*match_modules(networks).values())
    optimiser = torch.optim.SGD(match_weights(settings, networks), RATE)
    step = MatchStep(settings, networks, optimiser, distributed=distributed, precision="fp32")
    logs: dict[str, Tensor] = {}
    for number in range(STEPS):
        log = step(batches(number)[part], None)
        logs |= {f"{number} {name}": value.double() for name, value in log.items()}
    return results(networks, logs, None)


def main(folder: Path) -> None:
    """Save the largest difference of every case."""
    torch.set_num_threads(1)
    pair = Distributed.join("cpu")
    alone = Distributed(0, 1, pair.device)
    differences: dict[str, Tensor] = {}
    for train, cases in ((train_gan, GAN), (train_match, MATCH)):
        for name, tables in cases.items():
            together = train(tables, pair, pair.rank)  # type: ignore[operator]
            joint = train(tables, alone, 2)  # type: ignore[operator]
            assert together.keys() == joint.keys()
            # Of large values, their share. M of BEGAN is for people: it averages an absolute value of averages.
            far = {
                key: (together[key] - joint[key]).abs().max() / joint[key].abs().max().clamp(min=1)
                for key in joint
                if not key.endswith("/convergence")
            }
            worst = max(far, key=lambda key: float(far[key]))
            print(pair.rank, name, worst, float(far[worst]))
            differences[name] = far[worst]
            differences[f"{name}, change"] = max(
                (joint[key] - value).abs().max() for key, value in train_start(tables, train is train_match).items()
            )
    save_file(differences, folder / f"joint_{pair.rank}.safetensors")


def train_start(tables: Mapping[str, Any], matches: bool) -> dict[str, Tensor]:
    """Return the discriminator's weights before the first step."""
    stage = {"conditioner": VOICE, "discriminator": FACES, "match": {**tables, "batch_size": ROWS}}
    whole = {**RUN, **(stage if matches else {**tables, "train": {"steps": STEPS, "batch_size": ROWS}})}
    discriminator = build_networks(check_recipe(whole, "joint.toml"), DATA).discriminator
    assert discriminator is not None
    return {f"discriminator.{name}": weight.detach().double() for name, weight in discriminator.named_parameters()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
