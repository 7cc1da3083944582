"""Grades of generators with known faults by each metric, against the expected ones of stand_in_expectations.py.

    OMP_NUM_THREADS=1 python -m studies stand_ins --out runs/stand_ins --page docs/results/stand_ins.md

Trains each stand-in of tests/stand_ins for one step, which changes nothing, and evaluates it on synthetic speakers.
Then prints two tables: the grade of each generator by each metric, and the faults that the report names. Finished work
is not repeated without --again: call an interrupted study again to continue it. The exit code is 1 if the named faults
differ from the expected ones.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from facegen import __version__
from facegen.cli.console import watching
from facegen.cli.main import main as facegen
from facegen.core.files import write_file
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.data.loading.prepare import restore_faces
from facegen.data.media.generated_media import save_picture
from facegen.data.media.grids import grid
from facegen.data.media.marking import TRUE_FACES, Mark
from facegen.evaluation.evaluate import evaluate
from facegen.evaluation.evaluation_corpus import needs_of
from facegen.evaluation.figures import by_key
from facegen.evaluation.gathering.subjects import choose_subjects
from facegen.evaluation.render.write import write_run_report
from facegen.evaluation.report import Report
from facegen.evaluation.verdicts.quantities import MissingError
from facegen.evaluation.verdicts.verdict import UNDECIDED, Verdict
from facegen.evaluation.verdicts.verdicts import verdicts
from facegen.inference.load import load_face_pipeline
from facegen.training.face_pipeline import choose_noises, draw_each
from facegen.training.loop import Interrupted
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset
from studies.facegen_command import INTERRUPTED
from studies.stand_in_expectations import EXPECTED_KINDS, GENERATORS, ROWS, Row

TESTS = Path(__file__).parents[1] / "tests"
RECIPE = TESTS / "stand_ins" / "stand_in.toml"
SPLIT = "heldout_people"
NUM_SHOWN_VOICES, NUM_SHOWN_NOISES, SCALE = 3, 3, 3


def measure(name: str, out: Path, again: bool) -> int:
    """Train and evaluate a stand-in unless that is finished; return the exit code."""
    run = out / name
    if not (run / "run.json").exists() or Run.open(run).newest("train") is None:
        words = ["train", str(RECIPE), "--set", f"generator.type={name!r}", "--out", str(run), "--resume"]
        code = facegen(words)
        if code:
            return code
    if again or not (run / "evaluation" / f"{SPLIT}.json").exists():
        with watching() as observer:
            evaluate(run, overrides={"split": SPLIT}, observer=observer, interruption=Interruption())
            write_run_report(run, observer)
    return 0


def cell(row: Row, generator: str, report: Report) -> tuple[str, str]:
    """Return the grade of a generator with its number, and the expected grade, "" if they agree."""
    try:
        quantity = row.quantity(by_key(report))
    except MissingError:
        return "-", ""
    grade, expected = row.grade(quantity), row.expected(generator)
    interval = "" if quantity.low == quantity.high else f" ({quantity.low:.3g} to {quantity.high:.3g})"
    answer = f"{'**' + grade + '**' if grade != 'good' else grade} {quantity.value:.3g}{interval}"
    hit = expected == "open" or (grade != "undecided" and (grade == "good") == (expected == "good"))
    return (answer, "" if hit else expected)


def faults_of(report: Report) -> list[Verdict]:
    """Return the verdicts that name a fault, without undecided ones."""
    return [verdict for verdict in verdicts(report) if verdict.severity != "good" and verdict.kind != UNDECIDED]


def as_expected(name: str, report: Report) -> bool:
    """Tell whether the report names every expected fault, and none if none is expected."""
    kinds = {verdict.kind for verdict in faults_of(report)}
    return EXPECTED_KINDS[name] <= kinds and bool(EXPECTED_KINDS[name]) == bool(kinds)


def metric_table(reports: Mapping[str, Report]) -> tuple[list[str], list[str]]:
    """Return the lines of the table of grades, and of the list of unexpected grades."""
    lines = [f"| metric | quantity | {' | '.join(reports)} |", f"|{'---|' * (2 + len(reports))}"]
    surprises = []
    for row in ROWS:
        cells = []
        for name, report in reports.items():
            answer, expected = cell(row, name, report)
            cells.append(f"{answer} ✗" if expected else answer)
            if expected:
                reason = f"{expected}: {row.wrong[name]}" if name in row.wrong else expected
                learnt = f" But {row.learnt[name]}." if name in row.learnt else ""
                surprises.append(f"- `{row.metric}`, {row.reads}, of **{name}**: {answer}; expected {reason}.{learnt}")
        lines.append(f"| `{row.metric}` | {row.reads} | {' | '.join(cells)} |")
    return lines, surprises


def reason_table() -> list[str]:
    """Return the lines of the table of expectations and their reasons."""
    lines = ["| metric | quantity | warning from | bad from | measures | must detect | open |", f"|{'---|' * 7}"]
    for row in ROWS:
        must = "; ".join(f"{name}: {why}" for name, why in row.wrong.items())
        may = "; ".join(f"{name}: {why}" for name, why in row.open.items())
        side = "above" if row.bad >= row.warning else "below"
        limits = f"{side} {row.warning:g} | {side} {row.bad:g}"
        lines.append(f"| `{row.metric}` | {row.reads} | {limits} | {row.sees} | {must} | {may} |")
    return lines


def fault_table(reports: Mapping[str, Report]) -> list[str]:
    """Return the lines of the table of the faults that each report names."""
    lines = ["| generator | expected faults | named faults | |", "|---|---|---|---|"]
    for name, report in reports.items():
        faults = [f"**{verdict.kind}** ({verdict.severity}): {verdict.sentence}" for verdict in faults_of(report)]
        expected = ", ".join(sorted(EXPECTED_KINDS[name])) or "nothing"
        result = "as expected" if as_expected(name, report) else "✗"
        lines.append(f"| {name} | {expected} | {'<br>'.join(faults) or 'nothing'} | {result} |")
    return lines


@torch.no_grad()
def picture(out: Path, names: Sequence[str], path: Path) -> None:
    """Draw one row per generator: for some voices the true face and faces from the same noises."""
    rows = []
    for name in names:
        run = Run.open(out / name)
        pipeline = load_face_pipeline(run, torch.device("cpu"))
        settings, request = run.recipe.evaluate, run.recipe.config("dataset").engine
        subjects = choose_subjects(
            open_dataset(run.recipe), request, settings, pipeline, needs_of(run.recipe), torch.device("cpu"), Observer()
        )
        batch = subjects.rows.fetch_plain(subjects.rows.choose(NUM_SHOWN_VOICES, settings.seed, distinct_people=True))
        noises = choose_noises(pipeline.noise, NUM_SHOWN_NOISES, settings.seed, torch.device("cpu"))
        drawn = draw_each(pipeline, pipeline.encode(batch), noises, settings.seed)
        rows.append(torch.cat([restore_faces(batch.faces)[:, None], drawn], dim=1).flatten(0, 1).numpy())
    columns = ["true face", *(f"noise {noise + 1}" for noise in range(NUM_SHOWN_NOISES))] * NUM_SHOWN_VOICES
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn_grid = grid(np.stack(rows), row_labels=names, column_labels=columns, scale=SCALE)
    save_picture(drawn_grid, path, Mark(", ".join(names), settings.seed, TRUE_FACES))


def to_markdown(reports: Mapping[str, Report], image: str) -> str:
    """Return the page."""
    table, surprises = metric_table(reports)
    first = next(iter(reports.values()))
    described = [f"- **{name}**: {what}." for name, what in GENERATORS.items() if name in reports]
    lines = [
        "# Generators whose faults are known", "",
        f"Written by `python -m studies stand_ins`, facegen {__version__}: {first.num_clips} clips of "
        f"{first.num_people} people of `{SPLIT}`, {first.num_noises} shared noises a row and one of its own. Judge: "
        f"{first.judge}. No speech is used: generators get the true factors that shape both voice and face, and the "
        "judge's encoder is trained on them. Intervals are 95%, people resampled.", "", *described, "",
        f"![One row per generator: for three voices the true face and three faces from the same noises]({image})", "",
        "## Faults that the report names", "", *fault_table(reports), "",
        "## Grades by each metric", "",
        "Faults are bold; undecided means that the interval holds both good and faulty values. ✗ marks an unexpected "
        "grade. A metric that grades a faulty generator as good is blind to its fault; the table of expectations gives "
        "the reason. `-`: not measured here.", "", *table, "",
        "### Unexpected grades", "", *(surprises or ["Nothing."]), "",
        "## Expected grades and their reasons", "",
        "Every other generator is expected to be graded as good, because of what the metric measures.", "",
        *reason_table(), "",
    ]  # fmt: skip
    return "\n".join(lines)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=Path, default=Path("runs/stand_ins"), help="folder of the runs")
    parser.add_argument("--page", type=Path, help="Markdown page to write, with the picture beside it")
    parser.add_argument("--only", nargs="*", choices=tuple(GENERATORS), default=tuple(GENERATORS),
                        help="generators to measure")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="repeat finished evaluations")


def run(given: argparse.Namespace) -> int:
    """Train, evaluate and write the page; return 0 if every report names the expected faults."""
    sys.path.insert(0, str(TESTS))
    import stand_ins  # of the tests, which are no package

    stand_ins.install()
    started = time.monotonic()
    for place, name in enumerate(given.only, 1):
        print(f"== {place} of {len(given.only)}: {name} ({time.monotonic() - started:.0f} s)", file=sys.stderr)
        try:
            code = measure(name, given.out, given.again)
        except Interrupted as stopped:
            code = INTERRUPTED + stopped.signal_number
        if code:
            return INTERRUPTED if code >= INTERRUPTED else 1
    reports = {name: Report.read(given.out / name / "evaluation" / f"{SPLIT}.json") for name in given.only}
    page = given.page or given.out / "stand_ins.md"
    image = page.with_suffix(".webp")
    picture(given.out, list(reports), image)
    write_file(page, to_markdown(reports, image.name))
    print("\n".join([*fault_table(reports), "", *metric_table(reports)[0], "", f"Page: {page}"]))
    return 0 if all(as_expected(name, report) for name, report in reports.items()) else 1
