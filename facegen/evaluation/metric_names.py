"""Names of the metrics of a report, and of their figures, where a recipe asks one type twice."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from facegen.core.describe.docstrings import toml_value
from facegen.core.evidence import Figure
from facegen.core.recipe.part_config import PartConfig
from facegen.core.recipe.unique_names import unique_names


def metric_names(metrics: Sequence[PartConfig]) -> list[str]:
    """The names under which a report keeps metrics: their types, the second of a type numbered."""
    return unique_names(metric.name for metric in metrics)


def told_apart(figures: Mapping[str, list[Figure]], metrics: Sequence[PartConfig]) -> dict[str, list[Figure]]:
    """Give figures of two metrics of one type names of their own.

    Where a further metric of a type measures what the first one does, all its figures are followed by the settings in
    which it differs: "retrieval R@1, L1 (max_gallery = 100)". The first one's names stay, so that verdicts and
    comparisons find them.

    Args:
        figures: by metric, in the recipe's order.
        metrics: as the recipe chose them, in the same order.
    """
    apart: dict[str, list[Figure]] = {}
    firsts: dict[str, PartConfig] = {}
    taken: set[str] = set()
    for (name, measured), metric in zip(figures.items(), metrics, strict=True):
        first = firsts.setdefault(metric.name, metric)
        if any(figure.name in taken for figure in measured):
            differing = _differing(metric, first)
            measured = [replace(figure, name=f"{figure.name} ({differing})") for figure in measured]
        apart[name] = measured
        taken.update(figure.name for figure in measured)
    return apart


def _differing(metric: PartConfig, first: PartConfig) -> str:
    """The settings in which a metric differs from the first one of its type, in TOML's form."""
    values, others = metric.values, first.values
    return ", ".join(f"{key} = {toml_value(value)}" for key, value in values.items() if value != others[key])
