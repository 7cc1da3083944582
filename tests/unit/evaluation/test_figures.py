"""Figures of a report: keys begin with the metric, two metrics of one type are both kept, and figures are complete."""

import math

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.recipe.recipe import check_recipe
from facegen.evaluation.figures import measure_metric, metric_names, with_own_labels
from facegen.testing.samples import sample_evidence

TABLES = {
    "data": {"type": "synthetic"},
    "conditioner": {"type": "one_hot"},
    "discriminator": {"type": "projection"},
    "match": {"type": "softmax"},
}


def chosen(*metrics: dict):
    return check_recipe({**TABLES, "metric": list(metrics)}, "a.toml").configs["metric"]


def figures(*labels: str) -> list[Figure]:
    return [Figure(f"m.{place}", label, float(place)) for place, label in enumerate(labels)]


def test_a_second_metric_of_a_type_is_numbered():
    metrics = chosen({"type": "retrieval"}, {"type": "matching"}, {"type": "retrieval", "max_gallery": 100})
    assert metric_names(metrics) == ["retrieval", "matching", "retrieval_2"]


def test_figures_that_both_have_are_followed_by_what_differs():
    metrics = chosen(
        {"type": "retrieval", "max_gallery": 50},
        {"type": "matching"},
        {"type": "retrieval", "max_gallery": 100},
        {"type": "retrieval", "max_gallery": 50, "num_nearest": [1, 3]},
    )
    measured = dict(
        zip(
            metric_names(metrics),
            [figures("R@1", "R@2"), figures("V-F"), figures("R@1", "R@2"), figures("R@1", "R@3")],
            strict=True,
        )
    )
    apart = with_own_labels(measured, metrics)
    assert {name: [figure.label for figure in kept] for name, kept in apart.items()} == {
        "retrieval": ["R@1", "R@2"],
        "matching": ["V-F"],
        "retrieval_2": ["R@1 (max_gallery = 100)", "R@2 (max_gallery = 100)"],
        "retrieval_3": ["R@1 (num_nearest = [1, 3])", "R@3 (num_nearest = [1, 3])"],
    }
    assert [figure.value for figure in apart["retrieval_2"]] == [0.0, 1.0]


def test_figures_of_different_names_stay_as_they_are():
    metrics = chosen({"type": "matching", "num_candidates": [2]}, {"type": "matching", "num_candidates": [10]})
    measured = {"matching": figures("2-way"), "matching_2": figures("10-way")}
    assert with_own_labels(measured, metrics) == measured


class Given(Metric):
    """A metric that returns given figures."""

    def __init__(self, *figures: Figure) -> None:
        self.figures = list(figures)

    def measure(self, evidence: Evidence) -> list[Figure]:
        return self.figures


def test_keys_begin_with_the_metric_and_differ():
    given = [Figure("v2f.2", "a", 0.5), Figure("v2f.2", "b", 0.6), Figure.missing("", "c", "no faces")]
    measured = measure_metric("matching_2", Given(*given), sample_evidence())
    assert [figure.key for figure in measured] == ["matching_2.v2f.2", "matching_2.v2f.2_2", "matching_2"]


def test_a_figure_says_on_how_many_people_it_rests_and_why_it_is_missing():
    given = [Figure("a", "a", 0.5), Figure("b", "b", 0.5, num_people=3), Figure("c", "c", math.nan)]
    measured = measure_metric("mine", Given(*given), sample_evidence(40))
    assert [figure.num_people for figure in measured] == [40, 3, 40]
    assert [figure.note for figure in measured] == ["", "", "not available: the metric returned nan"]


def test_figures_of_an_unfit_judge_are_withheld_and_others_are_not():
    given = [Figure("a", "a", 0.5, 0.4, 0.6), Figure("b", "b", 0.5, by_judge=False)]
    withheld, unaffected = measure_metric("mine", Given(*given), sample_evidence(), "it learnt from drawings")
    assert math.isnan(withheld.value) and (withheld.low, withheld.high) == (None, None)
    assert withheld.note == "not available: it learnt from drawings"
    assert unaffected.value == 0.5
