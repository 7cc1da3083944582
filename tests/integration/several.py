"""Program of each process of test_processes.py; `torchrun` starts it with a folder and overrides of the recipe."""

import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_runs import RECIPES

from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import read_recipe
from facegen.training import train as training
from facegen.training.distributed import Distributed
from facegen.training.loop import Interrupted
from facegen.training.trainer import Trainer


def main(folder: Path, overrides: list[str]) -> None:
    """Average some numbers, train until one process gets a signal, resume, and save the weights of this process."""
    torch.set_num_threads(1)
    distributed = Distributed.join("cpu")
    results = averages(distributed)
    trainers: list[Trainer] = []

    class Watched(Trainer):
        def match(self) -> None:
            trainers.append(self)
            super().match()

    training.Trainer = Watched  # type: ignore[misc]
    recipe = read_recipe(RECIPES / "speech_relid.toml", preset="small", overrides=overrides)
    interruption = Interruption()
    interruption.signal_number = signal.SIGTERM if distributed.rank == 1 else 0
    try:
        training.train(recipe, folder / "run", resume=True, observer=Observer(), interruption=interruption)
    except Interrupted as stopped:
        results["stopped"] = torch.tensor([stopped.signal_number, stopped.step])
    training.train(recipe, folder / "run", resume=True, observer=Observer(), interruption=Interruption())
    networks = trainers[-1].networks
    for name, network in {"face_pipeline": networks.face_pipeline, "discriminator": networks.discriminator}.items():
        assert network is not None
        results |= {f"{name}.{key}": weight.detach().contiguous() for key, weight in network.named_parameters()}
    save_file(results, folder / f"process_{distributed.rank}.safetensors")


def averages(distributed: Distributed) -> dict[str, torch.Tensor]:
    """Average gradients and terms that differ between the processes."""
    first, second, unused = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    first.grad = torch.tensor([1.0, 2.0]) * (distributed.rank + 1)
    second.grad = torch.tensor([10.0, -4.0]) if distributed.rank else torch.tensor([0.0, 2.0])
    distributed.average_gradients([first, unused, second])
    terms = distributed.average_terms(
        {"loss": torch.tensor(3.0 + distributed.rank), "accuracy": torch.tensor(float(distributed.rank))}
    )
    return {
        "averages": torch.cat([first.grad, second.grad, terms["loss"][None], terms["accuracy"][None]]),
        "largest": torch.tensor(distributed.largest(7 * distributed.rank)),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
