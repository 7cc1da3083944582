"""Matching against the size of the corpus: on known clips, on other clips of known people, and on unseen people.

    python -m studies corpus_size --out runs/corpus_size --sizes 125 500 2000 --seeds 0 1

Trains one recipe on synthetic corpora of several sizes and evaluates all of them with one judge. The judge is trained
on people of another world seed, so it knows nobody of any corpus, and a gap between splits is due to the runs alone.
Writes a table (corpus_size.md), the numbers (corpus_size.json) and a plot (corpus_size.svg). Finished work is not
repeated: call an interrupted study again to continue it.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facegen.cli.console import watching
from facegen.core.evidence import Figure
from facegen.core.files import write_file
from facegen.core.interfaces import Metric
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import Recipe, check_recipe
from facegen.core.recipe.tables import EvaluateSettings
from facegen.core.registry import registry
from facegen.core.text.json_text import json_text
from facegen.evaluation.evaluation_corpus import needs_of
from facegen.evaluation.figures import measure_metric
from facegen.evaluation.gathering.gather import gather
from facegen.evaluation.gathering.subjects import choose_subjects
from facegen.evaluation.judging.judge import Judge, find_judge
from facegen.evaluation.render.plots import draw_curves
from facegen.evaluation.report import number
from facegen.evaluation.verdicts.generalisation import SPLITS
from facegen.inference.load import load_face_pipeline
from facegen.training.devices import device_of_finished
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset
from studies.facegen_command import INTERRUPTED, RECIPES, run_facegen

JUDGE_WORLD = 7919
"""World seed of the people that the judge is trained on; no run uses it."""
SPLIT_LABELS = {
    "train": "known clips",
    "heldout_utterances": "known people, other clips",
    "heldout_people": "strangers",
}


@dataclass(frozen=True)
class Job:
    """One run of the study: a number of people and a seed."""

    num_people: int
    seed: int
    path: Path


def train(recipe: Path, preset: str, job: Job, overrides: list[str]) -> int:
    """Train the run of a job unless it is finished; return the exit code."""
    if (job.path / "run.json").exists() and Run.open(job.path).is_finished:
        return 0
    # At least two clips a person: heldout_utterances needs a clip that was not trained on.
    given = [f"data.num_people={job.num_people}", "data.clips_per_person=2", f"run.seed={job.seed}", *overrides]
    words = ["train", str(recipe), "--preset", preset, "--out", str(job.path), "--resume"]
    words += [word for setting in given for word in ("--set", setting)]
    return run_facegen(*words)


def judge_of(run: Run, num_people: int, settings: EvaluateSettings, observer: Observer) -> Judge:
    """Return the judge of all runs: the recipe's match stage on other people, trained once."""
    data = {**run.recipe.tables["data"], "seed": JUDGE_WORLD, "num_people": num_people}
    home = check_recipe({**run.recipe.tables, "data": data}, "the judge's world")
    device = device_of_finished(run.recipe.run.device)
    return find_judge(run, home, settings, device, observer, Interruption())


def measure(run: Run, judge: Judge, num_clips: int, observer: Observer) -> dict[str, list[Figure]]:
    """Return the matching figures of a run's faces on every split."""
    recipe: Recipe = run.recipe
    pipeline = load_face_pipeline(run, judge.device)
    metric: Metric = registry().parts["metric"]["matching"].load()()
    figures = {}
    for split in SPLITS:
        settings = recipe.evaluate.model_copy(update={"split": split, "num_clips": num_clips})
        subjects = choose_subjects(
            open_dataset(recipe), recipe.config("dataset").engine, settings, pipeline, needs_of(recipe), judge.device,
            observer,
        )  # fmt: skip
        figures[split] = measure_metric("matching", metric, gather(subjects, judge, observer, reads=frozenset()))
    return figures


def to_markdown(results: list[dict], figures: list[str], recipe: str) -> str:
    """Return the page: one table row per run and split, one column per figure."""
    lines = [
        "# Matching against the size of the corpus", "",
        f"Written by `python -m studies corpus_size`: {recipe} trained on several numbers of people and evaluated by "
        "one judge that knows nobody of any corpus. Intervals are 95%, people resampled.", "",
        "![One curve per split over the number of people](corpus_size.svg)", "",
        f"| people | seed | split | {' | '.join(figures)} |", f"|{'---|' * (3 + len(figures))}",
    ]  # fmt: skip
    for result in results:
        for split, values in result["figures"].items():
            cells = [_cell(values.get(name)) for name in figures]
            lines.append(f"| {result['num_people']} | {result['seed']} | {SPLIT_LABELS[split]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(figure: dict | None) -> str:
    if figure is None or figure["value"] is None:
        return "-"
    interval = "" if figure["low"] is None else f" ({number(figure['low'])} to {number(figure['high'])})"
    return number(figure["value"]) + interval


def draw(results: list[dict], figure: str, path: Path) -> None:
    """Plot one curve per split, the mean over seeds, and the judge's score of real strangers as the limit."""
    sizes = sorted({result["num_people"] for result in results})
    shown = [(split, figure, SPLIT_LABELS[split]) for split in SPLITS]
    shown.append(("heldout_people", figure.replace("generated", "real"), "real faces of strangers"))
    curves = {}
    for split, name, label in shown:
        means = []
        for size in sizes:
            values = [result["figures"][split][name]["value"] for result in results if result["num_people"] == size]
            means.append(np.mean([value for value in values if value is not None] or [np.nan]))
        curves[label] = (np.log2(np.array(sizes, dtype=np.float64)), np.array(means, dtype=np.float64))
    draw_curves(curves, figure, path, x_label="people of the training split, log2")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--recipe", type=Path, default=RECIPES / "speech_relid.toml", help="file of the recipe")
    parser.add_argument("--preset", default="small", help="preset of the recipe")
    parser.add_argument("--out", type=Path, default=Path("runs/corpus_size"), help="folder of the runs")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[125, 500, 2000], help="numbers of people in the training split"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="values of run.seed")
    parser.add_argument("--judge-people", type=int, default=4000, help="number of people that the judge is trained on")
    parser.add_argument("--num-clips", type=int, default=500, help="maximum number of clips per split")
    parser.add_argument("--figure", default="matching.v2f.10.generated", help="key of the figure that the plot shows")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="TABLE.KEY=VALUE",
                        help="override a recipe key in every run")  # fmt: skip


def run(given: argparse.Namespace) -> int:
    """Train and measure; return 0 when every run was trained and measured."""
    plan = [(size, seed) for size in sorted(given.sizes) for seed in given.seeds]
    jobs = [Job(size, seed, given.out / f"people-{size}-seed-{seed}") for size, seed in plan]
    results = []
    for place, job in enumerate(jobs, 1):
        print(f"\n== {place} of {len(jobs)}: {job.num_people} people, seed {job.seed}", flush=True)
        code = train(given.recipe, given.preset, job, given.overrides)
        if code:
            return INTERRUPTED if code >= INTERRUPTED else 1
        results.append(_measured(job, given.judge_people, given.num_clips))
    write_file(given.out / "corpus_size.json", json_text(results, indent=1) + "\n")
    figures = [given.figure, given.figure.replace("generated", "real")]
    recipe = f"`{given.recipe.stem}`, preset {given.preset},"
    write_file(given.out / "corpus_size.md", to_markdown(results, figures, recipe))
    draw(results, given.figure, given.out / "corpus_size.svg")
    print(f"\n{(given.out / 'corpus_size.md').read_text()}\nPlot: {given.out / 'corpus_size.svg'}")
    return 0


def _measured(job: Job, judge_people: int, num_clips: int) -> dict:
    """Return the figures of a run, from its file or measured now."""
    asked = {"judge_people": judge_people, "num_clips": num_clips}
    kept = job.path / "corpus_size.json"
    if kept.exists():
        earlier = json.loads(kept.read_text())
        if earlier["asked"] == asked:
            return earlier
    run = Run.open(job.path)
    with watching() as observer:
        judge = judge_of(run, judge_people, run.recipe.evaluate, observer)
        figures = measure(run, judge, num_clips, observer)
    plain = {
        split: {
            figure.key: {name: getattr(figure, name) for name in ("value", "low", "high", "chance")}
            for figure in of_split
        }
        for split, of_split in figures.items()
    }  # fmt: skip
    result = {"num_people": job.num_people, "seed": job.seed, "asked": asked, "figures": plain}
    write_file(kept, json_text(result, indent=1) + "\n")
    return result
