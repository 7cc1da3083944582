"""Layouts of the association of voices and faces: matching, retrieval and verification beside published values."""

import math
from collections.abc import Sequence

from facegen.core.evidence import Figure
from facegen.evaluation.comparison.compare import Column, obstacles
from facegen.evaluation.comparison.comparison_table import Cell, ComparisonTable
from facegen.evaluation.comparison.published import (
    CHOI,
    GALLERY_SIZE,
    MATCHING,
    NOT_RECOVERED,
    RETRIEVAL,
    VERIFICATION,
    MatchingRow,
    VerificationRow,
)
from facegen.evaluation.figures import by_key
from facegen.evaluation.report import number

_ACCURACIES = {"V-F 2-way": "v2f.2", "F-V 2-way": "f2v.2", "V-F 10-way": "v2f.10", "F-V 10-way": "f2v.10"}
"""{head of a column: part of the key with direction and number of candidates}."""
_RATES = {"EER": "eer", "AUC": "auc", "EER, same sex": "eer.same_sex", "AUC, same sex": "auc.same_sex"}
"""{head of a column: part of the key with rate and group of pairs}."""
_NEAREST, _DISTANCES = (1, 2, 5, 10), {"L1": "l1", "L2": "l2", "CD": "cosine"}
_OTHER_CORPORA = "Published values are of other people and corpora. -: not reported, or not recovered."


def matching(columns: Sequence[Column]) -> ComparisonTable:
    """Arrange matching accuracies of our runs and of published methods."""
    rows = []
    for column in columns:
        figures = by_key(column.report)
        for kind in ("real", "generated"):
            cells = [Cell.of(figures.get(f"matching.{part}.{kind}")) for part in _ACCURACIES.values()]
            if any(cell.figure is not None for cell in cells):
                rows.append([Cell(column.name), Cell(kind), *cells, Cell(_source(column))])
    rows += [_published_row(row) for row in MATCHING]
    chances = [Cell(number(0.5))] * 2 + [Cell(number(0.1))] * 2
    rows.append([Cell("guessing"), Cell(""), *chances, Cell("")])
    head = ["method", "faces", *_ACCURACIES, "source"]
    return ComparisonTable("Matching voices and faces", head, rows, [*obstacles(columns), _OTHER_CORPORA])


def _published_row(row: MatchingRow) -> list[Cell]:
    cells = []
    for part in _ACCURACIES.values():
        value = row.accuracy.get(part)
        cells.append(Cell("-" if value is None else number(value)))
    return [Cell(row.name), Cell(row.faces), *cells, Cell(row.source)]


def verification(columns: Sequence[Column]) -> ComparisonTable:
    """Arrange equal error rates and areas under the ROC curve of our runs and of published methods."""
    rows = []
    for column in columns:
        figures = by_key(column.report)
        for kind in ("real", "generated"):
            cells = [Cell.of(figures.get(f"verification.{kind}.{part}")) for part in _RATES.values()]
            if any(cell.figure is not None for cell in cells):
                rows.append([Cell(column.name), Cell(f"{kind} faces"), *cells, Cell(_source(column))])
    rows += [_published_rates(row) for row in VERIFICATION]
    rows.append([Cell("guessing"), Cell(""), *[Cell(number(0.5))] * len(_RATES), Cell("")])
    notes = [
        *obstacles(columns), _OTHER_CORPORA,
        "A challenge's score is the mean of its equal error rates. The rates say nothing about identifying a person.",
    ]  # fmt: skip
    return ComparisonTable("Verification of voices and faces", ["method", "pairs", *_RATES, "source"], rows, notes)


def _published_rates(row: VerificationRow) -> list[Cell]:
    rates = [Cell("-" if part not in row.rates else number(row.rates[part])) for part in _RATES.values()]
    return [Cell(row.name), Cell(row.pairs), *rates, Cell(row.source)]


def retrieval(columns: Sequence[Column]) -> ComparisonTable:
    """Arrange Choi's Table 3: recall at 1, 2, 5 and 10 of the true face, by three distances."""
    rows, sizes = [], {}
    for column in columns:
        figures = by_key(column.report)
        for name, key in _DISTANCES.items():
            recalls = [figures.get(f"retrieval.r{num}.{key}") for num in _NEAREST]
            sizes[column.label] = size = _gallery_size(recalls)
            cells = [Cell(column.name), Cell(name), *map(Cell.of, recalls), Cell("-" if size is None else str(size))]
            rows.append([*cells, Cell(_source(column))])
    for published in RETRIEVAL:
        recalled = [Cell(NOT_RECOVERED)] * len(_NEAREST)
        rows += [
            [Cell(published), Cell(name), *recalled, Cell(str(GALLERY_SIZE)), Cell(f"{CHOI}, Table 3")]
            for name in _DISTANCES
        ]
    for size in dict.fromkeys([*filter(None, sizes.values()), GALLERY_SIZE]):
        chances = [Cell(number(min(num / size, 1.0))) for num in _NEAREST]
        rows.append([Cell("guessing"), Cell(""), *chances, Cell(str(size)), Cell("")])
    notes = [*obstacles(columns), *(_gallery_note(label, size) for label, size in sizes.items() if size)]
    head = ["method", "distance", *(f"R@{num}" for num in _NEAREST), "gallery", "source"]
    return ComparisonTable(f"{CHOI}, Table 3: retrieval of the true face", head, rows, list(filter(None, notes)))


def _gallery_size(recalls: Sequence[Figure | None]) -> int | None:
    """Compute the size of the gallery from the chance of a recall."""
    for num, recall in zip(_NEAREST, recalls, strict=True):
        if recall is not None and recall.chance and math.isfinite(recall.value) and recall.chance < 1:
            return round(num / recall.chance)
    return None


def _gallery_note(label: str, size: int) -> str:
    if size == GALLERY_SIZE:
        return ""
    return (
        f"{label}: the gallery has {size} faces instead of {GALLERY_SIZE}; the split has no more people, or the "
        f"metric's max_gallery or num_clips is lower"
    )


def _source(column: Column) -> str:
    return f"{column.report.split} of {column.report.corpus}; {column.report.judge}"
