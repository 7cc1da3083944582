"""Statistics of readings of faces, such as age and sex, with intervals over people."""

import torch
from torch import Tensor

from facegen.core.statistics import Bootstrap, Estimate


def agreement(votes: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Compare a yes or no about several faces of a row with the truth of the row.

    Args:
        votes: (N, Z) 0 or 1; NaN where a face is not read. Every row has one that is.
        truth: (N,) 0 or 1.
    Returns:
        two (N,): the share of the row's faces that agree, and whether the majority does; equal numbers count half.
    """
    yes = votes.double().nanmean(1)
    single = torch.where(truth > 0.5, yes, 1 - yes)
    return single, (torch.sign(single - 0.5) + 1) / 2


def balanced_share(hits: Tensor, group: Tensor, people: Bootstrap) -> Estimate:
    """Estimate the mean over groups of the share of hits in each, so that large groups do not weigh more.

    Args:
        hits: (N,) in [0, 1].
        group: (N,) group of each row.
        people: people of the rows.
    """
    member = (group[:, None] == group.unique()).double()
    sums, sizes = people.sums(member * hits.double()[:, None]), people.sums(member)
    # A resample without anybody of a group is NaN, and left out.
    return people.estimate(lambda weights: ((weights @ sums) / (weights @ sizes)).mean(1))


def rank_correlation(one: Tensor, other: Tensor, people: Bootstrap) -> Estimate:
    """Estimate Spearman's correlation of (N,) values.

    Ranks are those of all rows; resamples weight the rows.
    """
    x, y = _ranks(one), _ranks(other)
    sums = people.sums(torch.stack([x, y, x * x, y * y, x * y], dim=1))

    def statistic(weights: Tensor) -> Tensor:
        mx, my, xx, yy, xy = ((weights @ sums) / (weights @ people.num_rows)[:, None]).unbind(1)
        return (xy - mx * my) / ((xx - mx * mx) * (yy - my * my)).sqrt()

    return people.estimate(statistic)


def median_difference(one: Tensor, other: Tensor, people: Bootstrap) -> Estimate:
    """Estimate the median of (N,) values minus that of other (N,) values of the same rows."""

    def statistic(weights: Tensor) -> Tensor:
        of_row = weights[:, people.of]
        return _medians(one, of_row) - _medians(other, of_row)

    return people.estimate(statistic)


def spread_ratio(values: Tensor, reference: Tensor, people: Bootstrap | None = None) -> Estimate:
    """Estimate the standard deviation of values over that of a reference.

    Args:
        values: (N,)
        reference: (M,)
        people: people of the rows of both; None where the rows are not the same, for no interval.
    """
    if people is None:
        return Estimate(float(values.double().std() / reference.double().std()), None, None)
    centred = [one.double() - one.double().mean() for one in (values, reference)]
    sums = people.sums(torch.stack([power for one in centred for power in (one, one * one)], dim=1))

    def statistic(weights: Tensor) -> Tensor:
        x, xx, y, yy = ((weights @ sums) / (weights @ people.num_rows)[:, None]).unbind(1)
        return ((xx - x * x).clamp(min=0) / (yy - y * y)).sqrt()

    return people.estimate(statistic)


def _medians(values: Tensor, weights: Tensor) -> Tensor:
    """Compute medians of (N,) values under (R, N) weights, which are whole numbers: (R,)."""
    values, order = values.double().sort()
    above = weights[:, order].cumsum(1)
    half = above[:, -1:] / 2
    last = len(values) - 1
    middle = [torch.searchsorted(above, half, right=right).clamp(max=last)[:, 0] for right in (False, True)]
    return (values[middle[0]] + values[middle[1]]) / 2


def _ranks(values: Tensor) -> Tensor:
    """Return ranks from 0; equal values share their mean rank."""
    values = values.double()
    less = (values[None] < values[:, None]).sum(1)
    not_more = (values[None] <= values[:, None]).sum(1)
    return (less + not_more - 1).double() / 2
