"""Three questions of a run, and which of them a figure answers."""

from collections.abc import Mapping, Sequence
from typing import Literal

from facegen.evaluation.report import Report

Question = Literal["faces", "variety", "belonging", "other"]

QUESTIONS: Mapping[Question, str] = {
    "faces": "Are the faces good?",
    "variety": "Do they vary?",
    "belonging": "Do they belong to the voice, the name or the text that drew them?",
    "other": "Further figures",
}
_OF_METRIC: Mapping[str, Question] = {
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
    "retrieval": "belonging",
}
_OF_FIGURE: Mapping[str, Question] = {
    "coverage": "variety",
    "recall": "variety",
    "identities drawn": "variety",
    "identity score": "faces",
    "face distance, to the true face": "belonging",
}
"""Beginnings of the names of figures that answer another question than the rest of their metric."""


def question_of(metric: str, figure: str) -> Question:
    """Which question a figure of a metric answers; "other" of a metric that is not built in."""
    for beginning, question in _OF_FIGURE.items():
        if metric in _OF_METRIC and figure.startswith(beginning):
            return question
    return _OF_METRIC.get(metric, "other")


def figure_names(reports: Sequence[Report]) -> dict[Question, list[str]]:
    """The names of all figures of some reports, in order, by the question that they answer."""
    found: dict[Question, list[str]] = {question: [] for question in QUESTIONS}
    for report in reports:
        for metric, figures in report.figures.items():
            for figure in figures:
                names = found[question_of(metric, figure.name)]
                if figure.name not in names:
                    names.append(figure.name)
    return found
