"""The Frechet distance of FID from features, against torch-fidelity's: both sides in one run, on equal threads.

    OMP_NUM_THREADS=1 python benchmarks/fid_distance.py

Features have correlations and a falling spectrum, as those of a network. torch-fidelity takes the eigenvalues of the
product of both covariances; facegen takes those of a symmetric matrix, or, with fewer faces than features, the singular
values of a matrix of faces. Seconds are processor time of all threads, so that other work on the machine counts little.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from facegen.core import optional_imports
from facegen.core.statistics import frechet_distance

TOLERANCE = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="+", default=[5000, 1000], help="numbers of faces of each set")
    parser.add_argument("--features", type=int, default=2048, help="number of features per face")
    parser.add_argument("--rounds", type=int, default=3, help="number of measurements of each side, in turn")
    options = parser.parse_args()
    table = Table("faces", "torch-fidelity, s", "ours, s", "times faster", "relative difference", box=None)
    for num in options.faces:
        real, fake = features(num, options.features, seed=0), features(num, options.features, seed=1, shift=0.05)
        sides: dict[str, Callable[[Tensor, Tensor], float]] = {"theirs": torch_fidelity, "ours": frechet_distance}
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        distances: dict[str, float] = {}
        for _ in range(options.rounds):
            for side, distance in sides.items():
                start = time.process_time()
                distances[side] = distance(real, fake)
                seconds[side].append(time.process_time() - start)
        theirs, ours = (statistics.median(seconds[side]) for side in sides)
        difference = abs(distances["ours"] - distances["theirs"]) / distances["theirs"]
        table.add_row(f"{num}", f"{theirs:.2f}", f"{ours:.2f}", f"{theirs / ours:.1f}", f"{difference:.1e}")
        if difference > TOLERANCE:
            sys.exit(f"the two sides differ: {distances}")
    Console().print(table)


def torch_fidelity(first: Tensor, second: Tensor) -> float:
    """Return the distance by torch-fidelity's own functions for the statistics and the distance."""
    optional_imports.torch_fidelity()
    module = sys.modules["torch_fidelity.metric_fid"]
    # torch-fidelity's features are float32; numpy's covariance of them is float64, as ours.
    statistics_of_both = [module.fid_features_to_statistics(features.float()) for features in (first, second)]
    return float(module.fid_statistics_to_metric(*statistics_of_both, False)["frechet_inception_distance"])


def features(num: int, dim: int, seed: int, shift: float = 0.0) -> Tensor:
    """Draw non-negative features whose spectrum falls with the square root of the index: (num, dim) float32."""
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=torch.Generator().manual_seed(99)) / dim**0.5
    spectrum = torch.arange(1, dim + 1).float().rsqrt()
    return (torch.randn(num, dim, generator=random) * spectrum @ mixing + shift).relu()


if __name__ == "__main__":
    main()
