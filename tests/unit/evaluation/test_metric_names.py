"""Two metrics of one type: both are kept, and their figures bear different names."""

from facegen.core.evidence import Figure
from facegen.core.recipe.recipe import check_recipe
from facegen.evaluation.metric_names import metric_names, told_apart

TABLES = {
    "data": {"type": "synthetic"},
    "conditioner": {"type": "one_hot"},
    "discriminator": {"type": "projection"},
    "match": {"type": "softmax"},
}


def chosen(*metrics: dict):
    return check_recipe({**TABLES, "metric": list(metrics)}, "a.toml").configs["metric"]


def figures(*names: str) -> list[Figure]:
    return [Figure(name, float(place)) for place, name in enumerate(names)]


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
    apart = told_apart(measured, metrics)
    assert {name: [figure.name for figure in kept] for name, kept in apart.items()} == {
        "retrieval": ["R@1", "R@2"],
        "matching": ["V-F"],
        "retrieval_2": ["R@1 (max_gallery = 100)", "R@2 (max_gallery = 100)"],
        "retrieval_3": ["R@1 (num_nearest = [1, 3])", "R@3 (num_nearest = [1, 3])"],
    }
    assert [figure.value for figure in apart["retrieval_2"]] == [0.0, 1.0]


def test_figures_of_different_names_stay_as_they_are():
    metrics = chosen({"type": "matching", "num_candidates": [2]}, {"type": "matching", "num_candidates": [10]})
    measured = {"matching": figures("2-way"), "matching_2": figures("10-way")}
    assert told_apart(measured, metrics) == measured
