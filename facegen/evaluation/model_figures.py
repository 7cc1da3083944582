"""Figures of a run's evaluations, as a model file stores them."""

from facegen.core.errors import CheckpointError
from facegen.core.evidence import Figure
from facegen.core.model_schema import EvaluationSummary, FigureSummary
from facegen.core.progress import Observer
from facegen.core.text.json_text import finite
from facegen.evaluation.report import Report
from facegen.evaluation.run_report import NAME
from facegen.training.runs.run import Run


def summarise_evaluations(run: Run, observer: Observer) -> list[EvaluationSummary]:
    """Read every report of a run that is not self-judged; one that is damaged is left out with a warning."""
    summaries = []
    for path in sorted((run.path / "evaluation").glob("*.json")):
        if path.stem == NAME:
            continue
        try:
            report = Report.read(path)
            if not report.self_judged:
                summaries.append(_summary(report))
        except CheckpointError as error:
            observer.warn(f"{error}; it is left out of the model file")
    return summaries


def _summary(report: Report) -> EvaluationSummary:
    figures = [figure for metric in report.figures.values() for figure in metric]
    return EvaluationSummary(
        split=report.split,
        own_corpus=report.name == report.split,
        step=report.step,
        num_clips=report.num_clips,
        num_people=report.num_people,
        figures=tuple(_figure(figure) for figure in figures),
    )


def _figure(figure: Figure) -> FigureSummary:
    return FigureSummary(
        key=figure.key, label=figure.label[:200], value=finite(figure.value), low=figure.low, high=figure.high,
        chance=figure.chance,
    )  # fmt: skip
