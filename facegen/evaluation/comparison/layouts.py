"""Layouts of a comparison: every figure, or a paper's table with rows of our runs."""

import math
from collections.abc import Callable, Mapping, Sequence

from facegen.core.evidence import Figure
from facegen.evaluation.comparison.association import matching, retrieval, verification
from facegen.evaluation.comparison.compare import Column, obstacles
from facegen.evaluation.comparison.comparison_table import Cell, ComparisonTable, Mark
from facegen.evaluation.comparison.published import (
    CHOI,
    FIGURES,
    NOT_RECOVERED,
    TABLE_2,
    TABLE_3,
    THESIS,
    ScoreRow,
)
from facegen.evaluation.figures import by_key
from facegen.evaluation.report import number

Layout = Callable[[Sequence[Column]], ComparisonTable]
_SCORES = {
    "Inception Score (ours)": "fidelity.inception.score.generated",
    "identity score (ours)": "identity.score.generated",
    "real faces": "identity.score.real",
    "identity accuracy": "identity.accuracy.generated",
    "identities drawn": "identity.identities.generated",
    "diversity": "diversity.share_of_real",
}
"""{head of a column: key of its figure} in the thesis tables."""
_SCORE_NOTE = (
    "The identity score is the formula of the Inception Score with the people of the corpus as classes, in the judge's "
    "features. Identity scores and Inception Scores are not comparable. Our Inception Scores are of other people and "
    "sizes of image than the thesis'; they need Inception's weights (`facegen evaluate --inception-weights`)."
)
_LABELS_NOTE = "The labels of this table's rows are not recovered; these are the models that section V-A compares."
_MARKS_NOTE = (
    "Intervals: 95%, people resampled. ~: not distinguishable from the best of its row, as the intervals overlap. "
    "Nothing is marked in a row whose chance levels differ."
)


def all_figures(columns: Sequence[Column]) -> ComparisonTable:
    """Arrange one row per figure, one column per run; mark the best of a row and those not distinguishable from it."""
    reasons = obstacles(columns)
    figures_of = [by_key(column.report) for column in columns]
    keys = list(dict.fromkeys(key for figures in figures_of for key in figures))
    published = any(key in FIGURES for key in keys)
    rows = []
    for key in keys:
        figures = [by_report.get(key) for by_report in figures_of]
        label = next(figure.label for figure in figures if figure is not None)
        marks: list[Mark] = [""] * len(figures) if reasons else marks_of(figures)
        row = [Cell(label), *map(Cell.of, figures, marks), Cell(", ".join(map(number, _chances(figures))))]
        rows.append([*row, Cell(FIGURES.get(key, ""))] if published else row)
    head = ["figure", *(column.label for column in columns), "chance"]
    notes = [*reasons, _MARKS_NOTE]
    if published:
        notes.append(
            f"{CHOI}: on AVSpeech or as named, by the run's own match stage; comparable in order of magnitude only."
        )
    title = f"{len(columns)} evaluations" if len(columns) > 1 else columns[0].report.heading
    return ComparisonTable(title, [*head, CHOI] if published else head, rows, notes)


def _chances(figures: Sequence[Figure | None]) -> list[float]:
    """Return the different chance levels of a row."""
    return list(dict.fromkeys(figure.chance for figure in figures if figure is not None and figure.chance is not None))


def marks_of(figures: Sequence[Figure | None]) -> list[Mark]:
    """Mark the best of a row, and the figures whose intervals overlap with it.

    Rows without a better direction, without intervals or with different chance levels have no marks.
    """
    known = [
        (figure.value, place)
        for place, figure in enumerate(figures)
        if figure is not None and figure.better and figure.low is not None and math.isfinite(figure.value)
    ]
    marks: list[Mark] = [""] * len(figures)
    if len(known) < 2 or len(_chances(figures)) > 1:
        return marks
    higher = any(figure is not None and figure.better == "higher" for figure in figures)
    _, best = max(known) if higher else min(known)
    marks[best] = "best"
    for _, place in known:
        if place != best and _overlap(figures[place], figures[best]):
            marks[place] = "~"
    return marks


def _overlap(one: Figure | None, other: Figure | None) -> bool:
    bounds = [(figure.low, figure.high) for figure in (one, other) if figure is not None]
    (low, high), (other_low, other_high) = bounds
    if low is None or high is None or other_low is None or other_high is None:
        return False
    return low <= other_high and other_low <= high


def table_2(columns: Sequence[Column]) -> ComparisonTable:
    """Arrange the thesis' Table II, names to faces, with the run of each row's recipe."""
    return _scores(columns, TABLE_2, f"{THESIS}, Table II: names to faces")


def table_3(columns: Sequence[Column]) -> ComparisonTable:
    """Arrange the thesis' Table III, speech to faces, with the run of each row's recipe."""
    return _scores(columns, TABLE_3, f"{THESIS}, Table III: speech to faces", _LABELS_NOTE)


def _scores(
    columns: Sequence[Column], published: Sequence[ScoreRow], title: str, *notes_before: str
) -> ComparisonTable:
    rows = []
    for row in published:
        score = NOT_RECOVERED if row.mean is None else f"{row.mean:.3f} ± {row.deviation:.3f}"
        ours = [column for column in columns if column.recipe == row.recipe]
        for column in ours:
            figures = by_key(column.report)
            cells = [Cell.of(figures.get(key)) for key in _SCORES.values()]
            rows.append([Cell(row.name), Cell(score), Cell(column.name), Cell(column.report.split), *cells])
        if not ours:
            rows.append([Cell(row.name), Cell(score), *[Cell("-")] * (2 + len(_SCORES))])
    recipes = [row.recipe for row in published]
    others = dict.fromkeys(column.name for column in columns if column.recipe not in recipes)
    notes = [*notes_before, _SCORE_NOTE, *obstacles(columns)]
    if others:
        notes.append(f"not in this table: {', '.join(others)}; the recipes of its rows are {', '.join(recipes)}")
    return ComparisonTable(title, ["method", "Inception Score (thesis)", "run", "split", *_SCORES], rows, notes)


LAYOUTS: Mapping[str, Layout] = {
    "figures": all_figures, "table-2": table_2, "table-3": table_3, "matching": matching, "retrieval": retrieval,
    "verification": verification,
}  # fmt: skip
