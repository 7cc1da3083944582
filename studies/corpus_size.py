"""Matching against the size of the corpus: on known clips, on known people in other clips, and on people never seen.

    python -m studies corpus_size --out runs/corpus_size --sizes 125 500 2000 --seeds 0 1

Trains one recipe on synthetic corpora of several sizes, and asks one judge about all of them: it learnt from people of
another seed of the world, so that it knows nobody of any corpus, and a gap is the runs' alone. Writes a table
(corpus_size.md), the numbers (corpus_size.json) and a plot (corpus_size.svg). What is finished is not done again: call
it again after whatever stopped it.
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
from facegen.evaluation.gather import gather
from facegen.evaluation.generalisation import SPLITS
from facegen.evaluation.judge import Judge, find_judge
from facegen.evaluation.render.plots import draw_curves
from facegen.evaluation.report import number
from facegen.evaluation.subjects import choose_subjects
from facegen.inference.load import load_face_pipeline
from facegen.training.distributed import Distributed
from facegen.training.runs.run import Run
from facegen.training.train import open_dataset
from studies.facegen_command import INTERRUPTED, RECIPES, run_facegen

JUDGE_WORLD = 7919
"""Seed of the world whose people the judge learns from; no run's."""
NAMES = {"train": "known clips", "heldout_utterances": "known people, other clips", "heldout_people": "strangers"}


@dataclass(frozen=True)
class Job:
    """One run: so many people, one seed."""

    num_people: int
    seed: int
    path: Path


def train(recipe: Path, preset: str, job: Job, overrides: list[str]) -> int:
    """Train what is missing, with its progress on this terminal; returns the exit code."""
    if (job.path / "run.json").exists() and Run.open(job.path).is_finished:
        return 0
    # Two clips a person at least, so that known people are heard in one that was held out.
    given = [f"data.num_people={job.num_people}", "data.clips_per_person=2", f"run.seed={job.seed}", *overrides]
    words = ["train", str(recipe), "--preset", preset, "--out", str(job.path), "--resume"]
    words += [word for each in given for word in ("--set", each)]
    return run_facegen(*words)


def judge_of(run: Run, num_people: int, settings: EvaluateSettings, observer: Observer) -> Judge:
    """The judge of all runs: the recipe's match stage on other people, trained once."""
    data = {**run.recipe.tables["data"], "seed": JUDGE_WORLD, "num_people": num_people}
    home = check_recipe({**run.recipe.tables, "data": data}, "the judge's world")
    device = Distributed.join(run.recipe.run.device).device
    return find_judge(run, home, settings, device, observer, Interruption())


def measure(run: Run, judge: Judge, num_clips: int, observer: Observer) -> dict[str, list[Figure]]:
    """What the judge says of a run's faces on every split."""
    recipe: Recipe = run.recipe
    pipeline = load_face_pipeline(run, judge.device)
    metric: Metric = registry().parts["metric"]["matching"].load()()
    found = {}
    for split in SPLITS:
        settings = recipe.evaluate.model_copy(update={"split": split, "num_clips": num_clips})
        subjects = choose_subjects(
            open_dataset(recipe), recipe.config("dataset").engine, settings, pipeline, needs_of(recipe), judge.device,
            observer,
        )  # fmt: skip
        found[split] = measure_metric("matching", metric, gather(subjects, judge, observer, reads=frozenset()))
    return found


def to_markdown(results: list[dict], figures: list[str], recipe: str) -> str:
    """A row a run and split, a column a figure."""
    lines = [
        "# Matching against the size of the corpus", "",
        f"Written by `python -m studies corpus_size`: {recipe} on so many people, asked by one judge who knows nobody "
        "of any corpus. Intervals are 95%, people resampled.", "",
        "![A curve a split, across the number of people](corpus_size.svg)", "",
        f"| people | seed | split | {' | '.join(figures)} |", f"|{'---|' * (3 + len(figures))}",
    ]  # fmt: skip
    for each in results:
        for split, values in each["figures"].items():
            cells = [_cell(values.get(name)) for name in figures]
            lines.append(f"| {each['num_people']} | {each['seed']} | {NAMES[split]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(figure: dict | None) -> str:
    if figure is None or figure["value"] is None:
        return "-"
    interval = "" if figure["low"] is None else f" ({number(figure['low'])} to {number(figure['high'])})"
    return number(figure["value"]) + interval


def draw(results: list[dict], figure: str, path: Path) -> None:
    """A curve a split, the mean over seeds; the judge's answer to real strangers is its limit."""
    sizes = sorted({each["num_people"] for each in results})
    shown = [(split, figure, NAMES[split]) for split in SPLITS]
    shown.append(("heldout_people", figure.replace("generated", "real"), "real faces of strangers"))
    curves = {}
    for split, name, label in shown:
        means = []
        for size in sizes:
            values = [each["figures"][split][name]["value"] for each in results if each["num_people"] == size]
            means.append(np.mean([value for value in values if value is not None] or [np.nan]))
        curves[label] = (np.log2(np.array(sizes, dtype=np.float64)), np.array(means, dtype=np.float64))
    draw_curves(curves, figure, path, x_label="people of the training split, log2")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--recipe", type=Path, default=RECIPES / "speech_relid.toml", help="file of the recipe")
    parser.add_argument("--preset", default="small", help="preset of the recipe")
    parser.add_argument("--out", type=Path, default=Path("runs/corpus_size"), help="folder of the runs")
    parser.add_argument("--sizes", type=int, nargs="+", default=[125, 500, 2000], help="people of the training split")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="values of run.seed")
    parser.add_argument("--judge-people", type=int, default=4000, help="people that the judge learns from")
    parser.add_argument("--num-clips", type=int, default=500, help="at most so many rows a split")
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
    """What is known of a run already, or is found now."""
    asked = {"judge_people": judge_people, "num_clips": num_clips}
    kept = job.path / "corpus_size.json"
    if kept.exists():
        found = json.loads(kept.read_text())
        if found["asked"] == asked:
            return found
    run = Run.open(job.path)
    with watching() as observer:
        judge = judge_of(run, judge_people, run.recipe.evaluate, observer)
        figures = measure(run, judge, num_clips, observer)
    plain = {
        split: {
            figure.key: {name: getattr(figure, name) for name in ("value", "low", "high", "chance")}
            for figure in found
        }
        for split, found in figures.items()
    }  # fmt: skip
    result = {"num_people": job.num_people, "seed": job.seed, "asked": asked, "figures": plain}
    write_file(kept, json_text(result, indent=1) + "\n")
    return result
