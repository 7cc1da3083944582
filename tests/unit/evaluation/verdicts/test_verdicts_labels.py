"""Labels of figures: no verdict, question, gap, published value or table depends on one."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from reports import report
from test_verdicts import figures as good_figures

from facegen.core.evidence import Figure
from facegen.core.recipe.default_parts import DEFAULT_METRICS
from facegen.core.registry import registry
from facegen.evaluation.comparison.compare import Column
from facegen.evaluation.comparison.layouts import LAYOUTS
from facegen.evaluation.figures import by_key, measure_metric
from facegen.evaluation.report import Report
from facegen.evaluation.verdicts.generalisation import find_gaps
from facegen.evaluation.verdicts.questions import figure_keys
from facegen.evaluation.verdicts.verdicts import judge_figures, verdicts
from facegen.testing.samples import rich_evidence

NUMBER = re.compile(r"-?\d+\.\d+|\d+")


@pytest.fixture(scope="module")
def measured() -> Mapping[str, list[Figure]]:
    """Return the figures of every default metric, on evidence with every optional part."""
    evidence, parts = rich_evidence(), registry().parts["metric"]
    return {name: measure_metric(name, parts[name].load()(), evidence) for name in DEFAULT_METRICS}


def relabelled(figures: Mapping[str, list[Figure]]) -> dict[str, list[Figure]]:
    """Return the same numbers under labels without meaning."""
    return {
        name: [replace(figure, label=f"{name} number {place}") for place, figure in enumerate(of_metric)]
        for name, of_metric in figures.items()
    }


def both(figures: Mapping[str, list[Figure]], split: str = "heldout_people") -> tuple[Report, Report]:
    return report(Path(), split, figures), report(Path(), split, relabelled(figures))


def test_keys_begin_with_the_metric_and_stand_once(measured: Mapping[str, list[Figure]]) -> None:
    keys = [(name, figure.key) for name, figures in measured.items() for figure in figures]
    assert len({key for _, key in keys}) == len(keys)
    for name, key in keys:
        assert key == name or key.startswith(f"{name}.")
        assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", key)


def test_labels_change_no_verdict(measured: Mapping[str, list[Figure]]) -> None:
    one, other = both(measured)
    first, second = verdicts(one, one), verdicts(other, other)
    assert [(verdict.kind, verdict.severity) for verdict in first] == [(v.kind, v.severity) for v in second]
    good = good_figures()
    renamed = {key: replace(figure, label="x") for key, figure in good.items()}
    assert [(v.kind, v.severity) for v in judge_figures(good)] == [(v.kind, v.severity) for v in judge_figures(renamed)]


def test_labels_change_no_question_and_no_gap(measured: Mapping[str, list[Figure]]) -> None:
    one, other = both(measured)
    assert figure_keys([one]) == figure_keys([other])
    pairs = [[known, unseen] for known, unseen in zip(both(measured, "train"), (one, other), strict=True)]
    gaps = [[(gap.key, gap.value, gap.low, gap.high) for gap in find_gaps(reports)] for reports in pairs]
    assert gaps[0] == gaps[1] != []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_labels_change_no_number_of_a_table(layout: str, measured: Mapping[str, list[Figure]]) -> None:
    tables, recipe = [], "speech_lsgan" if layout == "table-3" else "name_acgan"
    for same_numbers in both(measured):
        column = Column(Path(), same_numbers, recipe, recipe, recipe, None)
        rows = LAYOUTS[layout]([column]).rows
        tables.append([[cell.text for cell in row[1:]] for row in rows])
    assert tables[0] == tables[1]
    assert NUMBER.search(str(tables[0]))


def test_a_label_is_shown(measured: Mapping[str, list[Figure]]) -> None:
    _, other = both(measured)
    lines = other.to_markdown().splitlines()
    assert all(any(figure.label in line for line in lines) for figure in by_key(other).values())
