"""Generalisation gaps between people and clips that a run was trained on and others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from facegen.core.evidence import Figure
from facegen.core.recipe.tables import Split
from facegen.evaluation.figures import by_key
from facegen.evaluation.report import Report

SPLITS: tuple[Split, ...] = ("train", "heldout_utterances", "heldout_people")
"""Own splits from known to unseen; "all" contains all of them and is not compared."""


@dataclass(frozen=True)
class Gap:
    """Difference of a figure between two splits.

    Attributes:
        key, label: key and label of the figure.
        known, unseen: names of the splits.
        here, there: the figure on the known and on the unseen split.
        value: the difference, here minus there.
        low, high: ends of its 95% interval.
    """

    key: str
    label: str
    known: str
    unseen: str
    here: Figure
    there: Figure
    value: float
    low: float
    high: float

    @property
    def is_significant(self) -> bool:
        """True if the interval excludes 0."""
        return self.low > 0 or self.high < 0


def own_splits(reports: Sequence[Report]) -> list[Report]:
    """Select the reports of the run's own corpus, from known to unseen."""
    own = {report.split: report for report in reports if report.name == report.split}
    return [own[split] for split in SPLITS if split in own]


def obstacle(one: Report, other: Report) -> str:
    """Explain why two reports of a run are not comparable; "" if they are."""
    for kind, first, second in (
        ("judges", one.judge_key, other.judge_key),
        ("corpora", one.corpus_key, other.corpus_key),
        ("checkpoints", one.step, other.step),
    ):
        if first != second:
            return f"{one.name} and {other.name} were measured with different {kind}; evaluate both again"
    return ""


def find_gaps(reports: Sequence[Report]) -> list[Gap]:
    """Compute the gap of every figure with a chance level and an interval, between each split and the next.

    The interval of the difference is that of independent estimates (Zou and Donner 2008): the people of
    `heldout_people` are not in the other two splits. These two share their people, so that their interval is too wide
    rather than too narrow. If the chance levels differ, as for galleries of different sizes, there is no gap.
    """
    splits = own_splits(reports)
    all_gaps = []
    for one, other in pairwise(splits):
        if obstacle(one, other):
            continue
        there = by_key(other)
        gaps = [_gap(figure, there.get(key), one.split, other.split) for key, figure in by_key(one).items()]
        all_gaps += [gap for gap in gaps if gap is not None]
    return all_gaps


def _gap(here: Figure, there: Figure | None, known: str, unseen: str) -> Gap | None:
    if there is None or here.low is None or here.high is None or there.low is None or there.high is None:
        return None
    if here.chance is None or there.chance is None or not math.isclose(here.chance, there.chance):
        return None
    if not (math.isfinite(here.value) and math.isfinite(there.value)):
        return None
    value = here.value - there.value
    below = math.hypot(here.value - here.low, there.high - there.value)
    above = math.hypot(here.high - here.value, there.value - there.low)
    return Gap(here.key, here.label, known, unseen, here, there, value, value - below, value + above)
