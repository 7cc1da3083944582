"""Area under the ROC curve and equal error rate of weighted scores, for many sets of weights at once."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Rates = Callable[[Tensor, Tensor], Tensor]


def rates_of(own: Tensor, other: Tensor) -> Rates:
    """Sort scores once; return a function from weights to area and equal error rate.

        AUC = P(s+ > s-) + P(s+ = s-) / 2
        EER = share of false accepts where it equals that of false rejects, linear between the points of the ROC curve

    Args:
        own: (P,) scores of pairs of one person; a higher score fits better.
        other: (M,) scores of pairs of two people.
    Returns:
        a function of weights (R, P) and (R, M), which returns (R, 2): AUC and EER; NaN if a side has no weight.
    """
    scores, order = torch.cat([own, other]).double().sort(descending=True, stable=True)
    is_own = order < len(own)
    # Equal scores are one threshold.
    ends = torch.cat([torch.nonzero(scores.diff())[:, 0], torch.tensor([len(scores) - 1])])

    def rates(own_weights: Tensor, other_weights: Tensor) -> Tensor:
        weights = torch.cat([own_weights, other_weights], dim=1)[:, order]
        true_rate = _share_above(weights * is_own, ends)
        false_rate = _share_above(weights * ~is_own, ends)
        area = (false_rate.diff(dim=1) * (true_rate[:, 1:] + true_rate[:, :-1]) / 2).sum(1)
        return torch.stack([area, _equal_error(false_rate, 1 - true_rate)], dim=1)

    return rates


def _share_above(weights: Tensor, ends: Tensor) -> Tensor:
    """Compute the share of weight above each threshold, from the highest on: (R, N), (T,) -> (R, T + 1)."""
    sums = weights.cumsum(1)
    return nn.functional.pad(sums[:, ends] / sums[:, -1:], (1, 0))


def _equal_error(false_accepts: Tensor, false_rejects: Tensor) -> Tensor:
    """Find the crossing of an increasing and a decreasing rate: (R, T), (R, T) -> (R,)."""
    excess = false_accepts - false_rejects  # from -1 to 1
    after = (excess >= 0).int().argmax(dim=1, keepdim=True).clamp(min=1)
    before = after - 1
    low, high = excess.gather(1, before), excess.gather(1, after)
    share = -low / (high - low)
    rates = torch.lerp(false_accepts.gather(1, before), false_accepts.gather(1, after), share)
    return rates[:, 0]
