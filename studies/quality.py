"""Quality of the faces against the length of training, from the checkpoints that one run kept.

    facegen train speech_relid --preset small --set train.keep_checkpoints=100
    python -m studies quality runs/speech_relid --steps 500 1000 2000

Each checkpoint is evaluated as a run of its own, by the same judge on the same people. The table and the plot are
written into OUT, with the hashes that show that judge and corpus were the same.
"""

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

from facegen.core.progress import Observer
from facegen.core.text.json_text import json_text
from facegen.evaluation.evaluate import evaluate
from facegen.evaluation.report import Report
from facegen.training.runs.run import Run
from studies.report_figures import STRANGERS, Results, Value

matplotlib.use("Agg")

FIGURES: Mapping[str, str] = {
    "detection.generated": "faces detected",
    "detection.real": "faces detected, real",
    "frechet.judge.generated_half_to_real_half": "Frechet distance of halves",
    "frechet.judge.real_halves": "Frechet distance, real halves",
    "sharpness.detail": "detail",
    "fidelity.judge.density": "density",
    "fidelity.judge.coverage": "coverage",
    "matching.v2f.10.generated": "V-F 10-way",
    "matching.v2f.10.real": "V-F 10-way, real",
    **{
        f"factors.{name}.share_of_condition": f"{name} by the voice"
        for name in ("sex", "age", "skin", "glasses", "yaw")
    },
}
"""{key: label}: a row of the table each, and a panel of the plot unless it is of real faces."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, metavar="RUN", help="run folder with several checkpoints")
    parser.add_argument("--steps", type=int, nargs="+", help="steps to measure; all checkpoints by default")
    parser.add_argument("--split", default=STRANGERS, help="split of the people")
    parser.add_argument("--clips", type=int, default=500, help="number of clips; the same at every step")
    parser.add_argument("--out", type=Path, help="folder of the evaluations, table and plot; RUN/quality by default")


def run(options: argparse.Namespace) -> int:
    """Evaluate every checkpoint; write the table and the plot; return 1 where a step has no checkpoint."""
    trained, out = Run.open(options.folder), options.out or options.folder / "quality"
    checkpoints = {int(folder.name.split("-")[1]): folder for folder in trained.checkpoints("train")}
    steps = options.steps or list(checkpoints)
    missing = [step for step in steps if step not in checkpoints]
    if missing or not steps:
        present = ", ".join(map(str, checkpoints)) or "none"
        print(f"{options.folder}: no checkpoint of step {', '.join(map(str, missing))}; present: {present}. Train with "
              f"--set train.keep_checkpoints=N to keep more")  # fmt: skip
        return 1
    reports = {}
    for step in steps:
        folder = view_of_checkpoint(trained, checkpoints[step], out / f"step_{step:08d}")
        settings = {"split": options.split, "num_clips": options.clips}
        reports[step] = evaluate(folder, overrides=settings, observer=Observer())
        print(f"step {step}: {folder}", flush=True)
    results = Results(out)
    values = {
        step: {key: results.figure(f"step_{step:08d}", key, options.split) for key in FIGURES} for step in steps
    }  # fmt: skip
    text = to_markdown(values, reports)
    (out / "quality.md").write_text(text)
    (out / "quality.json").write_text(
        json_text({step: {key: one.value for key, one in row.items()} for step, row in values.items()}, indent=1)
    )
    draw(values, out / "quality.png")
    print(f"{text}\nTable: {out / 'quality.md'}\nPlot: {out / 'quality.png'}")
    return 0


def view_of_checkpoint(trained: Run, checkpoint: Path, folder: Path) -> Path:
    """Make a run folder whose newest checkpoint is the given one; files are links where the disk allows it."""
    if folder.exists():
        return folder
    for name in ("recipe.toml", "run.json"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(trained.path / name, folder / name)
    for source in (trained.match_folder, checkpoint):
        if source.exists():
            shutil.copytree(source, folder / "checkpoints" / source.name)
    draft = trained.path / "draft"
    if draft.exists():
        shutil.copytree(draft, folder / "draft")
    return folder


def to_markdown(values: Mapping[int, Mapping[str, Value]], reports: Mapping[int, Report]) -> str:
    """Return a Markdown table, one column per step, with the hashes of judge and corpus below."""
    lines = [f"| | {' | '.join(f'{step:,} steps' for step in values)} |", f"|---{'|---' * len(values)}|"]
    for key, label in FIGURES.items():
        lines.append(f"| {label} | {' | '.join(str(row[key]) for row in values.values())} |")
    judges = {report.judge_key for report in reports.values()}
    corpora = {report.corpus_key for report in reports.values()}
    clips = {report.num_clips for report in reports.values()}
    lines += ["", f"Judge {_only(judges)}, corpus {_only(corpora)}, {_only(clips)} clips, at every step."]
    return "\n".join(lines) + "\n"


def draw(values: Mapping[int, Mapping[str, Value]], path: Path) -> None:
    """Draw a panel per quantity: its value and interval by step, and that of real faces as a dashed line."""
    from matplotlib import pyplot

    real = {"detection.generated": "detection.real", "matching.v2f.10.generated": "matching.v2f.10.real",
            "frechet.judge.generated_half_to_real_half": "frechet.judge.real_halves"}  # fmt: skip
    shown = [key for key in FIGURES if key not in real.values()]
    columns = 4
    figure, axes = pyplot.subplots(-(-len(shown) // columns), columns, figsize=(13, 8.5), squeeze=False)
    steps = list(values)
    for panel, key in zip(axes.flat, shown, strict=False):
        rows = [values[step][key] for step in steps]
        panel.plot(steps, [row.value for row in rows], marker="o", markersize=3)
        panel.fill_between(steps, [row.low for row in rows], [row.high for row in rows], alpha=0.2)
        if key in real:
            panel.axhline(values[steps[-1]][real[key]].value, linestyle="--", color="grey", linewidth=1)
        panel.set_title(FIGURES[key], fontsize=9)
        panel.tick_params(labelsize=7)
        panel.set_xlabel("step", fontsize=7)
    for panel in list(axes.flat)[len(shown) :]:
        panel.set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _only(hashes: Sequence[object] | set[str] | set[int]) -> str:
    """Return the only value; all of them, with a warning, where they differ."""
    texts = sorted(map(str, hashes))
    return texts[0] if len(texts) == 1 else f"NOT THE SAME: {', '.join(texts)}"
