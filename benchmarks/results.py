"""The page of results: tables, findings and grids of the runs that `reproduce.py` made."""

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from factors import Reading, read
from factors import to_markdown as factors_table
from figures import KNOWN, SEEN, STRANGERS, Results, Value
from findings import Finding, choi, thesis
from findings import to_markdown as findings_table
from PIL import Image

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Faces from names": ("name_",),
    "Faces from sentences": ("text_",),
    "Faces from speech, known people": ("speech_lsgan", "speech_name", "mel_", "wav2pix"),
    "Faces from speech, strangers": ("speech_rel", "voice2face", "speech2face"),
    "Matching alone": ("match_",),
}
SPLITS = {
    "Faces from names": (KNOWN, SEEN),
    "Faces from sentences": (STRANGERS,),
    "Faces from speech, known people": (SEEN, KNOWN, STRANGERS),
    "Faces from speech, strangers": (STRANGERS,),
    "Matching alone": (STRANGERS,),
}
DRAWN_COLUMNS = ("own person, identity", "10-way V-F", "variation", "detail", "Frechet", "identity score")
MATCHED_COLUMNS = {f"{way} {num}-way": f"{way} {num}-way, real" for num in (2, 10) for way in ("V-F", "F-V")}
PICTURE_SHARE = 0.5
RELID = "speech_relid"


def write_page(page: Path, out: Path, names: Sequence[str], seconds: Mapping[str, Mapping[str, float]]) -> None:
    """Write the Markdown page, and a picture a run beside it.

    Args:
        page: the file.
        out: folder of the runs.
        names: of the runs.
        seconds: {run: {"train": ..., "evaluate": ...}}.
    """
    results = Results(out)
    readings = read(results, RELID)
    shares = {one.factor: one.share for one in readings}
    page.parent.mkdir(parents=True, exist_ok=True)
    parts = [_heading(seconds), _findings([*thesis(results), *choi(results, shares)]), _factors(readings)]
    for family, prefixes in FAMILIES.items():
        runs = [name for name in names if name.startswith(prefixes)]
        if runs:
            parts.append(_family(family, runs, results, seconds, page))
    page.write_text("\n".join(parts))


def _heading(seconds: Mapping[str, Mapping[str, float]]) -> str:
    training, measuring = (
        sum(spent.get(what, 0.0) for spent in seconds.values()) / 60 for what in ("train", "evaluate")
    )
    return (
        "# The small presets\n\n"
        "Written by `make reproduce`, which trains the small preset of every recipe on synthetic speakers and measures "
        f"it: {len(seconds)} recipes, {training:.0f} minutes of training and {measuring:.0f} of measuring with "
        f"{torch.get_num_threads()} of {os.cpu_count()} cores ({platform.machine()}, torch {torch.__version__}), seed "
        "0 of each. One seed of a few minutes decides little; intervals are over people, not over seeds.\n\n"
        "**How to read it.** A *judge*, a second pair of encoders that had no part in a run, looks at its faces. "
        "*Identity*: share of generated faces that are nearest to the right person's real faces, and the same of real "
        "faces. *Variation*: mean difference of pixels between two faces of one condition, as a share of that between "
        "real people; below 0.15 we speak of collapse. *Detail*: energy of the Laplacian as a share of real faces'; "
        "below 1 is blur, above it noise. *Frechet*: distance in the judge's features, which compares within a table "
        "only. *Identity score*: the Inception Score's formula with the judge's identities in the place of ImageNet's "
        "classes. Intervals are 95%.\n"
    )


def _findings(found: Sequence[Finding]) -> str:
    return (
        "## What the papers found, and what these runs say of it\n\n"
        "The thesis is Roldan Sanchez 2018; Choi is Choi, Park and Lee 2020. Undecided means that intervals overlap or "
        "that a number is missing. `benchmarks/findings.py` holds the rules.\n\n" + findings_table(found)
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
    drawn = family != "Matching alone"
    columns = ("run", "split", *(DRAWN_COLUMNS if drawn else MATCHED_COLUMNS), "minutes")
    lines = [f"## {family}\n", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for run in runs:
        for number, split in enumerate(SPLITS[family]):
            cells = _drawn(results, run, split) if drawn else _matched(results, run, split)
            if not any(cells):
                continue
            timed = number == 0 and run in seconds
            spent = f"{sum(seconds[run].values()) / 60:.1f}" if timed else ""
            lines.append(f"| {' | '.join([run, split, *cells, spent])} |")
    if drawn:
        lines += ["", *(line for run in runs for line in _picture(run, results, page))]
    return "\n".join(lines) + "\n"


def _drawn(results: Results, run: str, split: str) -> list[str]:
    real = results.figure(run, "identity accuracy, real", split)
    matched = results.figure(run, "V-F 10-way, real", split)
    pairs = [
        (results.identity(run, split), real),
        (results.figure(run, "V-F 10-way, generated", split), matched),
    ]
    cells = [f"{short(one)} (real {short(other)})" if not math.isnan(one.value) else "" for one, other in pairs]
    cells += [short(results.variation(run, split)), short(results.detail(run, split))]
    cells.append(short(results.figure(run, "judge Frechet distance", split)))
    cells.append(short(results.figure(run, "identity score, generated", split)))
    return cells


def _matched(results: Results, run: str, split: str) -> list[str]:
    return [short(results.figure(run, name, split)) for name in MATCHED_COLUMNS.values()]


def short(value: Value) -> str:
    """A number and how far it may be off; empty where there is none."""
    if math.isnan(value.value):
        return ""
    number = f"{value.value:.3f}" if value.value < 10 else f"{value.value:.1f}"
    if value.low == value.high:
        return number
    return f"{number} ± {max(value.high - value.value, value.value - value.low):.3f}"


def _picture(run: str, results: Results, page: Path) -> list[str]:
    for split in (STRANGERS, KNOWN):
        path = results.folder / run / "evaluation" / f"{split}.png"
        if path.exists():
            picture = Image.open(path).convert("RGB")
            size = (round(picture.width * PICTURE_SHARE), round(picture.height * PICTURE_SHARE))
            picture.resize(size, Image.Resampling.LANCZOS).save(page.parent / f"{run}.webp", quality=82)
            report = json.loads(path.with_suffix(".json").read_text())
            return [f"### {run}\n", f"![{run}]({run}.webp)\n", f"{report['num_people']} people of {split}.\n"]
    return []
