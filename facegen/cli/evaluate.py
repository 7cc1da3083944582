"""`facegen evaluate`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from facegen.cli.completion import complete_run
from facegen.cli.console import console, watching, when_interrupted
from facegen.cli.evaluation_summary import show_report
from facegen.core.readable_files import real_path
from facegen.core.recipe.tables import EvaluationSplit, JudgeKind
from facegen.core.text.json_text import json_text

if TYPE_CHECKING:
    from facegen.evaluation.report import Report
    from facegen.evaluation.verdicts.verdict import Verdict

SIGNAL_EXIT = 128
INCEPTION_WEIGHTS, EXTRACTORS = "FACEGEN_INCEPTION_WEIGHTS", "FACEGEN_EXTRACTORS"


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Packed corpus to evaluate on; all of another corpus than the run's is a test set.  [default: the run's]",
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(get_args(EvaluationSplit)),
    help="Split to evaluate; may be repeated.  [default: the recipe's]",
)
@click.option("--num-clips", type=click.IntRange(min=20), help="Maximum number of rows.  [default: the recipe's]")
@click.option(
    "--judge",
    type=click.Choice(get_args(JudgeKind)),
    help="Encoders of another seed, or the run's own match stage, as in Choi et al.: self-judged.  "
    "[default: the recipe's]",
)
@click.option(
    "--judge-seed",
    type=click.IntRange(min=0),
    help="Random seed of the judge.  [default: the recipe's]",
)
@click.option(
    "--judge-start",
    type=click.Path(path_type=Path),
    help="Run whose match stage initialises the judge; for small corpora.",
)
@click.option(
    "--recogniser",
    "recognisers",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help="Recogniser in addition to the recipe's, such as dlib_faces; may be repeated.",
)
@click.option(
    "--against",
    multiple=True,
    shell_complete=complete_run,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Run to compare with: the share of faces that the judge prefers to its faces; may be repeated.",
)
@click.option(
    "--inception-weights",
    envvar=INCEPTION_WEIGHTS,
    metavar="PATH",
    show_envvar=True,
    help="File of the weights for Inception Score and FID, or none.  [default: torch's cache, else a download]",
)
@click.option(
    "--extractor",
    "extractors",
    multiple=True,
    metavar="NAME[=PATH]",
    help="Network of the metric fidelity in addition to Inception, such as dinov2-vit-b-14, with the file of its "
    "weights; may be repeated.  [default of PATH: torch's cache, else a download]",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the reports.  [default: RUN/evaluation; for a model file, NAME-evaluation beside it]",
)  # fmt: skip
@click.option("--full", is_flag=True, help="Print every figure with its note, instead of about ten.")
@click.option("--json", "as_json", is_flag=True, help="Print the complete reports as JSON.")
def command(
    run: Path,
    data: Path | None,
    splits: tuple[str, ...],
    num_clips: int | None,
    judge: str | None,
    judge_seed: int | None,
    judge_start: Path | None,
    recognisers: tuple[str, ...],
    against: tuple[Path, ...],
    inception_weights: str | None,
    extractors: tuple[str, ...],
    out: Path | None,
    full: bool,
    as_json: bool,
) -> int:
    """Measure the faces of RUN, by default on people that it was not trained on.

    The judge is a second pair of encoders with another seed, which the run was not trained with. It is trained once
    per corpus, which takes as long as the run's match stage, and stored beside the corpus. With --judge own, the run's
    own match stage judges, and the report is named self-judged. The table and the pictures
    of each split are written to RUN/evaluation; report.html in that folder shows all splits evaluated so far. For a
    model that ships with facegen, the folder NAME-evaluation is in the working directory.
    """
    from facegen.training.loop import Interrupted
    from facegen.training.runs.open_run import run_folder

    against = tuple(run_folder(other) for other in against)
    if inception_weights is not None:
        os.environ[INCEPTION_WEIGHTS] = inception_weights  # the metric `fidelity` reads this variable
    if extractors:
        os.environ[EXTRACTORS] = ",".join(extractors)  # so does this one
    options: dict[str, object] = {"num_clips": num_clips, "judge": judge, "judge_seed": judge_seed}
    options["judge_start"] = None if judge_start is None else str(real_path(run_folder(judge_start)))
    overrides = {key: value for key, value in options.items() if value is not None}
    try:
        reports, page, verdicts = _evaluate_splits(run, splits, data, overrides, recognisers, against, out)
    except Interrupted as stopped:
        console.print(f"Stopped at step {stopped.step} of the judge's training; the same command resumes it.")
        return SIGNAL_EXIT + stopped.signal_number
    if as_json:
        plain = [
            {**report.to_json(), "verdicts": [asdict(item) for item in verdicts[report.name]]} for report in reports
        ]
        click.echo(json_text(plain if len(splits) > 1 else plain[0], indent=1))
        return 0
    for report in reports:
        show_report(report, verdicts[report.name], full=full)
    console.print(f"Report: {page}", soft_wrap=True)
    return 0


def _evaluate_splits(
    run: Path,
    splits: Sequence[str],
    data: Path | None,
    overrides: Mapping[str, object],
    recognisers: Sequence[str],
    against: Sequence[Path],
    out: Path | None,
) -> tuple[list["Report"], Path | None, dict[str, "Sequence[Verdict]"]]:
    """Evaluate each split, or the recipe's if there is none; return the reports, report.html and {report: verdicts}."""
    from facegen.core.interruption import Interruption
    from facegen.evaluation.evaluate import evaluate
    from facegen.evaluation.evaluation_folder import evaluation_folder
    from facegen.evaluation.render.write import write_pages
    from facegen.evaluation.run_report import collect
    from facegen.training.runs.open_run import open_run_or_model

    reports: list[Report] = []
    page, verdicts = None, {}
    kept = "what is finished, such as judges and splits, is kept; the same command goes on"
    with when_interrupted(lambda: kept), watching() as observer:
        try:
            for split in splits or (None,):
                report = evaluate(
                    run,
                    data=data,
                    overrides=overrides if split is None else {**overrides, "split": split},
                    recognisers=recognisers,
                    against=against,
                    out=out,
                    observer=observer,
                    interruption=Interruption(),
                )
                reports.append(report)
        finally:
            # The page also shows the splits that were evaluated before a later one failed.
            if reports:
                collected = collect(open_run_or_model(run), observer, out or evaluation_folder(run))
                page = write_pages(collected, observer)
                verdicts = {report.name: collected.verdicts.get(report.name, ()) for report in reports}
    return reports, page, verdicts
