"""Questions of a report: every figure belongs to one."""

from pathlib import Path

import pytest
from reports import report, share

from facegen.core.registry import registry
from facegen.evaluation.verdicts.questions import figure_keys, question_of

BUILT_IN = [name for name, part in registry().parts["metric"].items() if part.source.package == "facegen"]


@pytest.mark.parametrize("metric", BUILT_IN)
def test_every_metric_that_is_built_in_has_a_question(metric: str) -> None:
    assert question_of(f"{metric}.a_figure") != "other", f"say in questions.py which question {metric} answers"


@pytest.mark.parametrize("key, question", [
    ("diversity.face_distance.one_voice_other_noise", "variety"),
    ("diversity.face_distance.to_the_true_face", "belonging"),
    ("fidelity.judge.recall", "variety"),
    ("fidelity.judge.density", "faces"),
    ("fidelity", "faces"),
    ("identity.score.generated.dlib_faces", "faces"),
    ("identity.identities.generated", "variety"),
    ("identity_2.identities.generated", "variety"),
    ("people_covered.share_of_real", "variety"),
    ("my_plugin.recall", "other"),
])  # fmt: skip
def test_some_figures_answer_another_question_than_their_metric(key: str, question: str) -> None:
    assert question_of(key) == question


def test_keys_are_in_order_and_stand_once() -> None:
    one = report(Path(), "train", {
        "matching": [share("matching.b", 0.5), share("matching.a", 0.5)], "mine": [share("mine.c", 0.5)],
    })  # fmt: skip
    other = report(Path(), "heldout_people", {"matching": [share("matching.a", 0.5), share("matching.d", 0.5)]})
    keys = figure_keys([one, other])
    assert keys["belonging"] == ["matching.b", "matching.a", "matching.d"]
    assert (keys["other"], keys["faces"]) == (["mine.c"], [])
