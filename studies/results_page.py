"""The page of results: tables, findings and grids of the runs of the study `reproduce`."""

import math
import os
import platform
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from facegen.core.recipe.tables import EARLIER_RUNS
from facegen.evaluation.verdicts import BLURRED, COLLAPSED, IGNORED, KEPT, NOISY
from studies.factors import RELID, Reading, read
from studies.factors import to_markdown as factors_table
from studies.finding import Finding
from studies.finding import to_markdown as findings_table
from studies.findings import all_findings
from studies.report_figures import KNOWN, SEEN, STRANGERS, Results

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Faces from names": ("name_",),
    "Faces from sentences": ("text_",),
    "Faces from speech, known people": ("speech_lsgan", "speech_name", "mel_", "wav2pix"),
    "Faces from speech, strangers": ("speech_rel", "voice2face", "speech2face"),
    "Matching alone": ("match_",),
}
SPLITS = {
    "Faces from names": (SEEN, KNOWN),
    "Faces from sentences": (STRANGERS,),
    "Faces from speech, known people": (SEEN, KNOWN, STRANGERS),
    "Faces from speech, strangers": (STRANGERS,),
    "Matching alone": (STRANGERS,),
}
DRAWN_COLUMNS = {
    "own person, identity": "identity.accuracy.generated",
    "the same of real faces": "identity.accuracy.real",
    "10-way V-F": "matching.v2f.10.generated",
    "10-way V-F of real faces": "matching.v2f.10.real",
    "diversity": "diversity.share_of_real",
    "variation": "",  # of two figures
    "detail": "sharpness.detail",
    "density": "fidelity.judge.density",
    "Frechet": "frechet.judge.distance",
    "identity score": "identity.score.generated",
}
MATCHED_COLUMNS = {
    f"{way} {num}-way": f"matching.{key}.{num}.real" for num in (2, 10) for way, key in (("V-F", "v2f"), ("F-V", "f2v"))
}
COST_COLUMNS = ("takes over", "training, s", "measuring, s")
PICTURE_SHARE = 0.5
SPENT = ("train", "evaluate")
"""What seconds are kept of."""


def write_page(page: Path, out: Path, names: Sequence[str], seconds: Mapping[str, Mapping[str, float]]) -> None:
    """Write the Markdown page, and a picture a run beside it.

    Args:
        page: the file.
        out: folder of the runs.
        names: of the runs.
        seconds: {run: {"train": ..., "evaluate": ...}}.
    """
    results = Results(out)
    page.parent.mkdir(parents=True, exist_ok=True)
    parts = [_heading(seconds), _findings(list(all_findings(results))), _factors(read(results, RELID))]
    for family, prefixes in FAMILIES.items():
        runs = [name for name in names if name.startswith(prefixes)]
        if runs:
            parts.append(_family(family, runs, results, seconds, page))
    page.write_text("\n".join(parts))


def _heading(seconds: Mapping[str, Mapping[str, float]]) -> str:
    training, measuring = (sum(spent.get(what, 0.0) for spent in seconds.values()) / 60 for what in SPENT)
    return (
        "# The small presets\n\n"
        "Written by `make reproduce`, which trains the small preset of every recipe on synthetic speakers and measures "
        f"it: {len(seconds)} recipes, {training:.0f} minutes of training and {measuring:.0f} of measuring with "
        f"{torch.get_num_threads()} of {os.cpu_count()} cores ({platform.machine()}, torch {torch.__version__}), seed "
        "0 of each. The presets were tuned by looking at runs of this very seed. One seed of a few minutes decides "
        "little; intervals are over people, not over seeds.\n\n"
        "**How to read it.** A *judge*, a second pair of encoders that had no part in a run, looks at its faces. "
        "*Identity*: share of generated faces that are nearest to the right person's real faces. *Diversity*: mean "
        "distance of two faces of one condition in the judge's features, as a share of that of two real faces of one "
        f"person; below {COLLAPSED} we speak of collapse. *Variation*: the same in pixels, as a share of that between "
        "real people. *Detail*: energy of the Laplacian as a share of real faces'; we speak of blur below "
        f"{BLURRED}, of noise above {NOISY}. *Density*: how densely faces lie among real ones in the judge's features, "
        "1 for faces that do not differ. *Frechet*: distance in the same features. *Identity score*: the Inception "
        "Score's formula with the judge's identities in the place of ImageNet's classes. Intervals are 95%, people "
        "resampled; a number without one decides nothing. Numbers compare where judge, corpus and split are the same, "
        "which is within a table.\n\n"
        "What several runs share is made once. *Takes over* names the run whose match stage or draft a run begins "
        "with, and whose seconds hold that stage. A judge's training counts as measuring of the run that it judged "
        "first.\n"
    )


def _findings(found: Sequence[Finding]) -> str:
    return (
        "## What the papers found, and what these runs say of it\n\n"
        "The thesis is Roldan Sanchez 2018; Choi is Choi, Park and Lee 2020. Confirmed means that all that is tested "
        "is so beyond its interval, refuted that something is the contrary beyond its interval. All else is undecided: "
        "intervals that overlap, a number that is missing or has no interval, or a premise that is not met, as where "
        "what a remedy is for did not happen. Of names and of known people's speech the figures are of the training "
        "split, which has the most faces of each, unless another is named; Choi's are of strangers. *Identity kept* is "
        "identity above chance as a share of what real faces reach above it: above "
        f"{KEPT} it is learnt, at chance (0 lies within, and all is below {IGNORED}) not, and between is undecided. "
        "`studies/thesis_findings.py` and `studies/choi_findings.py` hold the rules.\n\n" + findings_table(found)
    )


def _factors(readings: Sequence[Reading]) -> str:
    if not readings:
        return ""
    return (
        f"## What the voice decides in {RELID}'s faces, and what the noise\n\n"
        "A linear reader, trained on real renders, reads hidden factors from unseen voices' faces, each under some "
        "noises. What it reads from real renders of the same people limits what can be said; spread is how much the "
        "faces differ in a factor, 1 being as much as people do.\n\n" + factors_table(readings)
    )


def _family(
    family: str, runs: Sequence[str], results: Results, seconds: Mapping[str, Mapping[str, float]], page: Path
) -> str:
    """A table for each judge, corpus and split, and the pictures."""
    drawn = family != "Matching alone"
    names = DRAWN_COLUMNS if drawn else MATCHED_COLUMNS
    tables: dict[str, list[str]] = {}
    for run in runs:
        costs = [", ".join(taken_over(results.folder / run)), *(_spent(seconds, run, what) for what in SPENT)]
        for split in SPLITS[family]:
            report = results.report(run, split)
            if report:
                cells = [run, *(_cell(results, run, split, *name) for name in names.items()), *costs]
                tables.setdefault(_compares(report), []).append(f"| {' | '.join(cells)} |")
                costs = [""] * len(costs)
    columns = ("run", *names, *COST_COLUMNS)
    lines = [f"## {family}"]
    for title, rows in tables.items():
        lines += ["", f"{title}\n", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns), *rows]
    if drawn:
        lines += ["", *(line for run in runs for line in _picture(run, results, page))]
    return "\n".join(lines) + "\n"


def _compares(report: Mapping[str, Any]) -> str:
    """What must be the same for numbers to compare, in words."""
    judge = f"Judge {report['judge_key'][:6]}" if report["judge_key"] else "Each run judges itself"
    corpus = f"{report['corpus']} corpus {report['corpus_key'][:6]}"
    return f"{judge}, on {report['split']} of {corpus}: {report['num_clips']} clips of {report['num_people']} people."


def taken_over(run: Path) -> list[str]:
    """Names of the earlier runs that a run began with."""
    tables = tomllib.loads((run / "recipe.toml").read_text())
    return [Path(tables[table][key]).name for table, key in EARLIER_RUNS if key in tables.get(table, {})]


def _spent(seconds: Mapping[str, Mapping[str, float]], run: str, what: str) -> str:
    return f"{seconds[run][what]:.0f}" if what in seconds.get(run, {}) else ""


def _cell(results: Results, run: str, split: str, column: str, figure: str) -> str:
    value = results.figure(run, figure, split) if figure else results.variation(run, split)
    return "" if math.isnan(value.value) else str(value)


def _picture(run: str, results: Results, page: Path) -> list[str]:
    for split in (STRANGERS, KNOWN):
        path = results.folder / run / "evaluation" / f"{split}.png"
        if path.exists():
            picture = Image.open(path).convert("RGB")
            size = (round(picture.width * PICTURE_SHARE), round(picture.height * PICTURE_SHARE))
            picture.resize(size, Image.Resampling.LANCZOS).save(page.parent / f"{run}.webp", quality=82)
            num_people = results.report(run, split)["num_people"]
            return [f"### {run}\n", f"![{run}]({run}.webp)\n", f"{num_people} people of {split}.\n"]
    return []
