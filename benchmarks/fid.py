"""The Frechet distance of FID from features, against torch-fidelity's."""

import sys

import torch
from torch import Tensor

from benchmarks.harness import Comparison, Progress, Row, interleave
from facegen.core import optional_imports
from facegen.core.statistics import frechet_distance

TITLE = "Frechet distance"
TEXT = (
    "The distance of two sets of 2,048 features per face, whose spectrum falls as that of a network's, on one core. "
    "torch-fidelity takes the eigenvalues of the product of both covariances; facegen takes those of a symmetric "
    "matrix, or, with fewer faces than features, the singular values of a matrix of faces."
)
GOALS = {5000: 2.0, 1000: 8.0}
NUM_FEATURES = 2048
TOLERANCE = 1e-6


def measure(progress: Progress) -> list[Row]:
    """Measure both sides for several numbers of faces, and compare the distances."""
    rows: list[Row] = []
    for num_faces, goal in GOALS.items():
        real, fake = features(num_faces, seed=0), features(num_faces, seed=1, shift=0.05)
        distances: dict[str, float] = {}

        def theirs(real: Tensor = real, fake: Tensor = fake, into: dict[str, float] = distances) -> None:
            into["torch-fidelity"] = torch_fidelity(real, fake)

        def ours(real: Tensor = real, fake: Tensor = fake, into: dict[str, float] = distances) -> None:
            into["ours"] = frechet_distance(real, fake)

        case = f"{num_faces:,} faces of each set"
        seconds = interleave(case, {"torch-fidelity": theirs, "ours": ours}, 5, progress, warm_ups=0)
        difference = abs(distances["ours"] / distances["torch-fidelity"] - 1)
        if difference > TOLERANCE:
            raise RuntimeError(f"{case}: the two sides differ: {distances}")
        note = f"difference {difference:.0e}"
        rows.append(Comparison(case, "torch-fidelity", seconds["torch-fidelity"], seconds["ours"], goal, note))
    return rows


def torch_fidelity(first: Tensor, second: Tensor) -> float:
    """Return the distance by torch-fidelity's own functions for the statistics and the distance."""
    optional_imports.torch_fidelity()
    module = sys.modules["torch_fidelity.metric_fid"]
    # torch-fidelity's features are float32; numpy's covariance of them is float64, as ours.
    statistics_of_both = [module.fid_features_to_statistics(features.float()) for features in (first, second)]
    return float(module.fid_statistics_to_metric(*statistics_of_both, False)["frechet_inception_distance"])


def features(num: int, seed: int, shift: float = 0.0, dim: int = NUM_FEATURES) -> Tensor:
    """Draw non-negative features whose spectrum falls with the square root of the index: (num, dim) float32."""
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=torch.Generator().manual_seed(99)) / dim**0.5
    spectrum = torch.arange(1, dim + 1).float().rsqrt()
    return (torch.randn(num, dim, generator=random) * spectrum @ mixing + shift).relu()
