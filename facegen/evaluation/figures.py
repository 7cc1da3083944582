"""Figures of a report, measured by the recipe's metrics and identified by keys."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from facegen.core.describe.docstrings import toml_value
from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.recipe.part_config import PartConfig
from facegen.core.recipe.unique_names import unique_names

if TYPE_CHECKING:
    from facegen.evaluation.report import Report


def metric_names(metrics: Sequence[PartConfig]) -> list[str]:
    """Name the metrics of a report by their types, with a number from the second of a type on."""
    return unique_names(metric.name for metric in metrics)


def measure_metric(name: str, metric: Metric, evidence: Evidence, judge_is_unfit: str = "") -> list[Figure]:
    """Measure one metric, and complete its figures.

    Args:
        name: name of the metric in the recipe; the first part of each figure's key.
        metric: the metric.
        evidence: its input.
        judge_is_unfit: reason to withhold the figures of the judge; "" if there is none.
    Returns:
        Figures with unique keys, numbers of people, and a note on each figure without a number.
    """
    num_people = len(evidence.person.unique())
    figures = metric.measure(evidence)
    keys = unique_names(".".join(filter(None, (name, figure.key))) for figure in figures)
    return [
        _completed(replace(figure, key=key), num_people, judge_is_unfit)
        for key, figure in zip(keys, figures, strict=True)
    ]


def _completed(figure: Figure, num_people: int, judge_is_unfit: str) -> Figure:
    figure = replace(figure, num_people=num_people) if figure.num_people is None else figure
    if figure.by_judge and judge_is_unfit:
        return replace(Figure.missing(figure.key, figure.label, judge_is_unfit), num_people=figure.num_people)
    if not math.isfinite(figure.value) and not figure.note:
        return replace(figure, note=f"not available: the metric returned {figure.value}")
    return figure


def with_own_labels(figures: Mapping[str, list[Figure]], metrics: Sequence[PartConfig]) -> dict[str, list[Figure]]:
    """Make the labels of figures unique where two metrics have one type.

    If a further metric of a type has labels of the first one, its labels end with the settings in which it differs:
    "retrieval R@1, L1 (max_gallery = 100)".

    Args:
        figures: {metric: its figures}, in the recipe's order.
        metrics: the recipe's metrics, in the same order.
    """
    labelled: dict[str, list[Figure]] = {}
    firsts: dict[str, PartConfig] = {}
    taken: set[str] = set()
    for (name, measured), metric in zip(figures.items(), metrics, strict=True):
        first = firsts.setdefault(metric.name, metric)
        if any(figure.label in taken for figure in measured):
            differing = _differing(metric, first)
            measured = [replace(figure, label=f"{figure.label} ({differing})") for figure in measured]
        labelled[name] = measured
        taken.update(figure.label for figure in measured)
    return labelled


def _differing(metric: PartConfig, first: PartConfig) -> str:
    """Format the settings in which a metric differs from the first one of its type, as TOML."""
    values, others = metric.values, first.values
    return ", ".join(f"{key} = {toml_value(value)}" for key, value in values.items() if value != others[key])


def by_key(report: "Report") -> dict[str, Figure]:
    """Return all figures of a report by key, in order."""
    return {figure.key: figure for figures in report.figures.values() for figure in figures}
