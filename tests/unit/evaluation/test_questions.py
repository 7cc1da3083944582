"""Every figure stands under a question."""

from pathlib import Path

import pytest
from reports import report, share

from facegen.core.registry import registry
from facegen.evaluation.questions import figure_names, question_of

BUILT_IN = [name for name, part in registry().parts["metric"].items() if part.source.package == "facegen"]


@pytest.mark.parametrize("metric", BUILT_IN)
def test_every_metric_that_is_built_in_has_a_question(metric: str) -> None:
    assert question_of(metric, "a figure") != "other", f"say in questions.py which question {metric} answers"


def test_some_figures_answer_another_question_than_their_metric() -> None:
    assert question_of("diversity", "face distance, one voice, other noise") == "variety"
    assert question_of("diversity", "face distance, to the true face") == "belonging"
    assert question_of("fidelity", "recall, judge") == "variety"
    assert question_of("my_plugin", "recall of something") == "other"


def test_names_are_in_order_and_stand_once() -> None:
    one = report(Path(), "train", {"matching": [share("b", 0.5), share("a", 0.5)], "mine": [share("c", 0.5)]})
    other = report(Path(), "heldout_people", {"matching": [share("a", 0.5), share("d", 0.5)]})
    names = figure_names([one, other])
    assert (names["belonging"], names["other"], names["faces"]) == (["b", "a", "d"], ["c"], [])
