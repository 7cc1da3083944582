"""Page of results: tables, findings and grids of the runs of the study `reproduce`."""

import math
import os
import platform
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from facegen.core.recipe.tables import EARLIER_RUNS
from facegen.data.media.generated_media import stored_xmp
from facegen.evaluation.verdicts.verdicts import BLURRED, COLLAPSED, IGNORED, KEPT, NOISY
from studies.factors import RECOMMENDED, RELID, Reading, read
from studies.factors import to_markdown as factors_table
from studies.finding import Finding
from studies.finding import to_markdown as findings_table
from studies.findings import all_findings
from studies.report_figures import KNOWN, SEEN, STRANGERS, Results


@dataclass(frozen=True)
class Family:
    """Runs that share a section of the page.

    Attributes:
        title: heading of the section.
        prefixes: beginnings of the names of its runs.
        splits: splits whose figures are shown.
        draws_faces: False if its runs only match.
    """

    title: str
    prefixes: tuple[str, ...]
    splits: tuple[str, ...]
    draws_faces: bool = True


TITLES = {"small": "The small presets: a smoke test", "medium": "The medium presets: 64 pixels"}
"""{preset: heading of its page}."""
FAMILIES = (
    Family("Faces from names", ("name",), (SEEN, KNOWN)),
    Family("Faces from sentences", ("sentence", "text_"), (STRANGERS,)),
    Family(
        "Faces from speech, known people", ("speech_lsgan", "speech_name", "mel_", "wav2pix"), (SEEN, KNOWN, STRANGERS)
    ),
    Family("Faces from speech, strangers", ("speech_rel", "speech2face", "voice"), (STRANGERS,)),
    Family("Matching alone", ("match_",), (STRANGERS,), draws_faces=False),
)
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
COST_COLUMNS = ("takes over", "training, s", "evaluation, s")
PICTURE_SHARE = 0.5
SPENT = ("train", "evaluate")
"""Keys of the seconds that are kept for each run."""


def write_page(
    page: Path, out: Path, preset: str, names: Sequence[str], seconds: Mapping[str, Mapping[str, float]]
) -> None:
    """Write the Markdown page, and one picture per run beside it.

    Args:
        page: path of the page.
        out: folder of the runs.
        preset: of their recipes.
        names: names of the runs.
        seconds: {run: {"train": ..., "evaluate": ...}}.
    """
    results = Results(out)
    page.parent.mkdir(parents=True, exist_ok=True)
    parts = [_heading(preset, seconds), _findings(list(all_findings(results)), results)]
    parts += [_factors(run, read(results, run)) for run in (RELID, RECOMMENDED)]
    for family in FAMILIES:
        runs = [name for name in names if name.startswith(family.prefixes)]
        if runs:
            parts.append(_family(family, runs, results, seconds, page))
    page.write_text("\n".join(parts))


def _heading(preset: str, seconds: Mapping[str, Mapping[str, float]]) -> str:
    training, measuring = (sum(spent.get(what, 0.0) for spent in seconds.values()) / 60 for what in SPENT)
    return (
        f"# {TITLES[preset]}\n\n"
        f"Written by `python -m studies reproduce`, which trains the preset `{preset}` of recipes on synthetic "
        f"speakers and measures it: {len(seconds)} recipes, {training:.0f} minutes of training and {measuring:.0f} of "
        "evaluation with "
        f"{torch.get_num_threads()} of {os.cpu_count()} cores ({platform.machine()}, torch {torch.__version__}), seed "
        "0 of each. The presets were tuned on runs of this seed. One seed of a short run decides little; intervals "
        "are over people, not over seeds.\n\n"
        "**How to read it.** A *judge*, a second pair of encoders trained apart from the run, evaluates its faces. "
        "*Identity*: share of generated faces that are nearest to the right person's real faces. *Diversity*: mean "
        "distance of two faces of one condition in the judge's features, as a share of that of two real faces of one "
        f"person; below {COLLAPSED} is collapse. *Variation*: the same in pixels, as a share of that between "
        "real people. *Detail*: energy of the Laplacian as a share of real faces'; below "
        f"{BLURRED} is blur, above {NOISY} is noise. *Density*: density of the faces among real ones in the judge's "
        "features, 1 for equal distributions. *Frechet*: distance in the same features. *Identity score*: the "
        "Inception Score's formula with the judge's identities in the place of ImageNet's classes. Intervals are 95%, "
        "people resampled; a number without an interval decides nothing. Numbers compare within a table, where judge, "
        "corpus and split are the same.\n\n"
        "A stage that several runs share is trained once. *Takes over* names the run whose match stage or draft a run "
        "begins with; the seconds of that stage are counted there. A judge's training counts as evaluation of the run "
        "that it evaluated first.\n"
    )


def _findings(findings: Sequence[Finding], results: Results) -> str:
    """Return the table of the findings whose runs are all here, and the names of the others."""
    tested = [finding for finding in findings if all(map(results.has, finding.runs))]
    untested = [f"{finding.source} ({', '.join(finding.runs)})" for finding in findings if finding not in tested]
    return (
        "## Findings of the papers, tested on these runs\n\n"
        "The thesis is Roldan Sanchez 2018; Choi is Choi, Park and Lee 2020. A claim is confirmed if every "
        "statement that is tested holds beyond its interval, refuted if the contrary of one holds beyond its interval, "
        "and undecided otherwise: intervals overlap, a number is missing or has no interval, or a premise is not met "
        "(a remedy for a fault that did not occur). Figures of runs on names and on known people's speech are of the "
        "training split, which has the most faces of each person, unless another split is named; those of Choi's "
        "findings are of strangers. *Identity kept* is "
        "identity above chance as a share of what real faces reach above it: above "
        f"{KEPT} it is learnt, at chance (the interval holds 0 and lies below {IGNORED}) it is not, else undecided. "
        "`studies/thesis_findings.py` and `studies/choi_findings.py` hold the rules.\n\n"
        + findings_table(tested)
        + (f"\nNot tested, as not all of their runs were made: {'; '.join(untested)}.\n" if untested else "")
    )


def _factors(run: str, readings: Sequence[Reading]) -> str:
    if not readings:
        return ""
    return (
        f"## Factors that the voice and the noise decide in {run}'s faces\n\n"
        "A linear reader, trained on real renders, reads hidden factors from unseen voices' faces, each under some "
        "noises. Its score on real renders of the same people is the upper limit; spread is the spread of the faces in "
        "a factor, as a share of that of people.\n\n" + factors_table(readings)
    )


def _family(
    family: Family, runs: Sequence[str], results: Results, seconds: Mapping[str, Mapping[str, float]], page: Path
) -> str:
    """Return the section of a family: one table per judge, corpus and split, then the pictures."""
    names = DRAWN_COLUMNS if family.draws_faces else MATCHED_COLUMNS
    tables: dict[str, list[str]] = {}
    for run in runs:
        costs = [", ".join(taken_over(results.folder / run)), *(_spent(seconds, run, what) for what in SPENT)]
        for split in family.splits:
            report = results.report(run, split)
            if report:
                cells = [run, *(_cell(results, run, split, *name) for name in names.items()), *costs]
                tables.setdefault(_table_title(report), []).append(f"| {' | '.join(cells)} |")
                costs = [""] * len(costs)
    columns = ("run", *names, *COST_COLUMNS)
    lines = [f"## {family.title}"]
    for title, rows in tables.items():
        lines += ["", f"{title}\n", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns), *rows]
    if family.draws_faces:
        lines += ["", *(line for run in runs for line in _picture(run, results, page))]
    return "\n".join(lines) + "\n"


def _table_title(report: Mapping[str, Any]) -> str:
    """Return judge, split and corpus in words: numbers compare only if these are equal."""
    judge = f"Judge {report['judge_key'][:6]}" if report["judge_key"] else "Each run judges itself"
    corpus = f"{report['corpus']} corpus {report['corpus_key'][:6]}"
    return f"{judge}, on {report['split']} of {corpus}: {report['num_clips']} clips of {report['num_people']} people."


def taken_over(run: Path) -> list[str]:
    """Return the names of the earlier runs that a run began with."""
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
            small = picture.resize(size, Image.Resampling.LANCZOS)
            small.save(page.parent / f"{run}.webp", quality=82, xmp=stored_xmp(small))
            num_people = results.report(run, split)["num_people"]
            return [f"### {run}\n", f"![{run}]({run}.webp)\n", f"{num_people} people of {split}.\n"]
    return []
