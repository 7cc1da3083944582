"""Questions that a report answers, and the figures that belong to each."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from facegen.evaluation.figures import by_key

if TYPE_CHECKING:
    from facegen.evaluation.report import Report

Question = Literal["faces", "variety", "belonging", "other"]

QUESTIONS: Mapping[Question, str] = {
    "faces": "Are the faces good?",
    "variety": "Do they vary?",
    "belonging": "Do they belong to the voice, the name or the text that drew them?",
    "other": "Further figures",
}
_OF_METRIC: Mapping[str, Question] = {
    "detection": "faces",
    "fidelity": "faces",
    "frechet": "faces",
    "sharpness": "faces",
    "diversity": "variety",
    "memorisation": "variety",
    "people_covered": "variety",
    "correlation": "belonging",
    "factors": "belonging",
    "identity": "belonging",
    "matching": "belonging",
    "preference": "belonging",
    "readings": "belonging",
    "retrieval": "belonging",
    "verification": "belonging",
}
_OF_FIGURE: Mapping[str, Question] = {
    "diversity.face_distance.to_the_true_face": "belonging",
    "fidelity.*.coverage": "variety",
    "fidelity.*.recall": "variety",
    "identity.identities.*": "variety",
    "identity.score.*": "faces",
}
"""Patterns of the keys of figures that answer another question than the rest of their metric."""
_NUMBER = re.compile(r"_\d+$")


def question_of(key: str) -> Question:
    """Return the question that a figure answers; "other" for a metric that is not built in."""
    metric, _, rest = key.partition(".")
    # A second metric of one type has a number behind its name.
    metric = metric if metric in _OF_METRIC else _NUMBER.sub("", metric)
    for pattern, question in _OF_FIGURE.items():
        if fnmatchcase(f"{metric}.{rest}", pattern):
            return question
    return _OF_METRIC.get(metric, "other")


def is_built_in(key: str) -> bool:
    """Return whether a figure is of a metric that facegen brings."""
    return question_of(key) != "other"


def figure_keys(reports: "Sequence[Report]") -> dict[Question, list[str]]:
    """Group the keys of all figures of some reports by question, in order."""
    keys: dict[Question, list[str]] = {question: [] for question in QUESTIONS}
    for key in dict.fromkeys(key for report in reports for key in by_key(report)):
        keys[question_of(key)].append(key)
    return keys
