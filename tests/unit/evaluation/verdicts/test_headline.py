"""About ten figures of a report, by key and by kind of run."""

import math
from pathlib import Path
from typing import Any

from reports import report

from facegen.core.evidence import Figure
from facegen.evaluation.report import Report
from facegen.evaluation.verdicts.headline import DRAWS, MATCHES, SELF_JUDGED, Keys, headline_figures


def measured(*keys: str, missing: tuple[str, ...] = (), **changes: Any) -> Report:
    figures: dict[str, list[Figure]] = {}
    for key in (*keys, *missing):
        value = math.nan if key in missing else 0.5
        figures.setdefault(key.partition(".")[0], []).append(Figure(key, key, value))
    return report(Path(), "heldout_people", figures, **changes)


def firsts(keys: Keys) -> list[str]:
    return [names[0] for names in keys]


def shown(given: Report) -> list[str]:
    return [figure.key for figure in headline_figures(given)]


def test_each_kind_of_run_has_ten_figures_of_its_own() -> None:
    every = dict.fromkeys(key for keys in (DRAWS, MATCHES, SELF_JUDGED) for names in keys for key in names)
    assert shown(measured(*every)) == firsts(DRAWS)
    assert shown(measured(*every, step=None)) == firsts(MATCHES)
    assert shown(measured(*every, self_judged=True)) == firsts(SELF_JUDGED)
    assert len(DRAWS) == len(MATCHES) == len(SELF_JUDGED) == 10


def test_the_next_best_figure_replaces_one_without_a_number() -> None:
    given = measured(
        "frechet.judge.distance", "matching.v2f.2.generated",
        missing=("fidelity.inception.fid.distance", "matching.v2f.10.generated", "sharpness.detail"),
    )  # fmt: skip
    assert shown(given) == ["frechet.judge.distance", "matching.v2f.2.generated"]


def test_what_was_asked_for_is_always_shown() -> None:
    given = measured(*firsts(DRAWS), "preference.over.other_run", "mine.score", "mine.other", "factors.age.real")
    assert shown(given) == [*firsts(DRAWS), "preference.over.other_run", "mine.score"]


def test_a_recipe_with_few_metrics_is_filled_up() -> None:
    assert shown(measured("retrieval.r1.l1", "retrieval.r1.l2", "identity.score.real")) == [
        "retrieval.r1.l1", "identity.score.real",
    ]  # fmt: skip
