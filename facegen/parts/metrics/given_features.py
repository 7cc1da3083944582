"""torch-fidelity's metrics, applied to features of any network."""

from functools import cache
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from facegen.core import optional_imports

_NAME = "facegen-given"
_LARGEST_SEED = 2**32


class _Rows(Dataset[Tensor]):
    """Data set with one row per item, as torch-fidelity requires."""

    def __init__(self, rows: Tensor) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Tensor:
        return self._rows[row]


def inception_score(logits: Tensor, *, num_splits: int, seed: int) -> tuple[float, float]:
    """Compute mean and deviation over splits of exp E KL(p(y|x) || p(y)).

    Args:
        logits: (N, classes)
        num_splits: number of splits, at most N.
        seed: random seed of the order of the rows.
    Source:
        Salimans et al. 2016, by torch-fidelity.
    """
    scores = _measure(logits, None, isc=True, isc_splits=num_splits, rng_seed=seed % _LARGEST_SEED)
    return scores["inception_score_mean"], scores["inception_score_std"]


def kernel_distance(
    fake: Tensor, real: Tensor, *, num_subsets: int, subset_size: int, seed: int
) -> tuple[float, float]:
    """Compute mean and deviation over subsets of the unbiased squared MMD under the kernel (x . y / d + 1)^3.

    Args:
        fake, real: (N, d), (M, d)
        num_subsets: number of random subsets.
        subset_size: number of rows of each side in a subset, at most N and M.
        seed: random seed of the subsets.
    Source:
        Binkowski et al. 2018, by torch-fidelity.
    """
    distances = _measure(
        fake, real, kid=True, kid_subsets=num_subsets, kid_subset_size=subset_size, rng_seed=seed % _LARGEST_SEED
    )
    return distances["kernel_inception_distance_mean"], distances["kernel_inception_distance_std"]


def precision_recall(fake: Tensor, real: Tensor, *, num_neighbours: int) -> tuple[float, float]:
    """Compute precision and recall: generated faces among real ones, and real faces among generated ones.

    Args:
        fake, real: (N, d), (M, d), more than `num_neighbours` of each.
        num_neighbours: k.
    Source:
        Kynkaanniemi et al. 2019, by torch-fidelity.
    """
    shares = _measure(fake, real, prc=True, prc_neighborhood=num_neighbours)
    return shares["precision"], shares["recall"]


def _measure(fake: Tensor, real: Tensor | None, **options: Any) -> dict[str, float]:
    """Compute torch-fidelity's metrics that `options` select."""
    rows = {"input1": _Rows(fake)} if real is None else {"input1": _Rows(fake), "input2": _Rows(real)}
    # Without `save_cpu_ram`, torch-fidelity starts processes to read rows that are in memory already.
    values: dict[str, float] = optional_imports.torch_fidelity().calculate_metrics(
        **rows, **options, feature_extractor=_registered(), batch_size=1024, cuda=False, cache=False, save_cpu_ram=True,
        verbose=False,
    )  # fmt: skip
    return values


@cache
def _registered() -> str:
    """Register a feature extractor that returns its input; return its name."""
    fidelity = optional_imports.torch_fidelity()

    base: Any = fidelity.FeatureExtractorBase

    class Given(base):
        def __init__(self, name: str, features_list: list[str], **_: object) -> None:
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("features",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "features"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, rows: Tensor) -> tuple[Tensor]:
            return (rows,)

    fidelity.register_feature_extractor(_NAME, Given)
    return _NAME
