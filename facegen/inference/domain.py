"""Warnings about voices, sentences and faces that lie far outside of a run's training data."""

from collections.abc import Sequence

from torch import Tensor

from facegen.core.distribution import Distribution
from facegen.core.progress import Observer

FAR_SHARE = 0.999
"""A row is far outside if this share of the training rows that were held back is nearer."""
EDGE_SHARE, MAX_AT_EDGE = 0.99, 0.1
"""Many rows are outside if more than a tenth of them, instead of a hundredth, are beyond 99% of the training rows."""
_MAX_NAMED = 3


def warn_outside(
    distribution: Distribution | None, features: Tensor, labels: Sequence[str], noun: str, observer: Observer
) -> None:
    """Warn about each row that lies far outside of the training data; of many rows, name the first ones.

    Args:
        distribution: that of the training rows; None if the run has none.
        features: (N, d) features of the rows.
        labels: name of each row.
        noun: what the rows are, such as "voice".
        observer: receives the warning.
    """
    if distribution is None or features.shape[1:] != distribution.mean.shape:
        return
    shares = distribution.share_nearer(features)
    ratios = distribution.distance(features) / distribution.distances.median().clamp(min=1e-30)
    far = [row for row, share in enumerate(shares.tolist()) if share >= FAR_SHARE]
    for row in far[:_MAX_NAMED]:
        place = _place(float(shares[row]), len(distribution.distances), noun)
        observer.warn(
            f"{labels[row]}: {place} ({float(ratios[row]):.1f} times their median distance); the run was trained on "
            f"nothing like it, and what it makes of it means little"
        )
    if len(far) > _MAX_NAMED:
        observer.warn(f"{len(far) - _MAX_NAMED} further {noun}s lie as far from the training {noun}s")


def _place(share: float, num: int, noun: str) -> str:
    beyond = f"all {num} of them that were compared" if share >= 1 else f"{share:.1%} of them"
    return f"it is further from the training {noun}s than {beyond}"


def note_outside(distribution: Distribution | None, features: Tensor, noun: str) -> str:
    """Describe rows of a corpus of which many lie at the edge of the training data or beyond; "" otherwise."""
    if distribution is None or features.shape[1:] != distribution.mean.shape or not len(features):
        return ""
    share = float((distribution.share_nearer(features) > EDGE_SHARE).double().mean())
    if share <= MAX_AT_EDGE:
        return ""
    return (
        f"{share:.0%} of the {noun}s are further from the training {noun}s than {EDGE_SHARE:.0%} of them are; the run "
        f"was trained on others than these"
    )
