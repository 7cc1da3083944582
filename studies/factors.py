"""Hidden factors of synthetic faces that follow the voice or the noise: the metric `factors` as a table.

    facegen evaluate runs/small/speech_relid
    python -m studies factors runs/small/speech_relid

Choi, Park and Lee 2020 (figures 2 to 4) judge by eye that the voice decides sex, age and the shape of the face, and
the noise decides pose, background, hair and glasses.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from facegen.core.text.json_text import json_text
from facegen.data.synthetic.truth import FACTOR_SIDES
from studies.report_figures import STRANGERS, Results, Value

RELID = "speech_relid"
"""Name of the run on which the papers' finding about factors is tested."""
RECOMMENDED = "speech_relid_separate"
"""Name of the run of the recipe that we recommend."""


@dataclass(frozen=True)
class Reading:
    """Figures of one factor in a report.

    Attributes:
        factor: its name.
        decides: what it shapes in the synthetic world: voice, face or both.
        reader: R2 or accuracy of the reader on real faces.
        recovered: R2 or accuracy of the reader on generated faces.
        spread: its spread over generated faces, as a share of that over real faces.
        share: share of its variance over generated faces that lies between voices.
        share_real: the same among real faces.
    """

    factor: str
    decides: str
    reader: Value
    recovered: Value
    spread: Value
    share: Value
    share_real: Value


def read(results: Results, run: str, split: str = STRANGERS) -> list[Reading]:
    """Return the figures of every factor in a run's report; empty if factors were not measured."""
    readings = []
    for name, side in FACTOR_SIDES.items():
        kinds = ("real", "generated", "spread", "share_of_condition", "share_of_condition_real")
        values = [results.figure(run, f"factors.{name}.{kind}", split) for kind in kinds]
        if not math.isnan(values[0].value):
            readings.append(Reading(name, side, *values))
    return readings


def to_markdown(readings: Sequence[Reading]) -> str:
    """Return a Markdown table, one row per factor."""
    lines = [
        "| factor | decides | real faces read | generated faces read | spread | share between voices | among real |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for one in readings:
        cells = [f"{value}" for value in (one.reader, one.recovered, one.spread, one.share, one.share_real)]
        lines.append(f"| {' | '.join([one.factor, one.decides, *cells])} |")
    return "\n".join(lines) + "\n"


def to_json(readings: Sequence[Reading]) -> str:
    """Return JSON, with null for NaN."""
    return json_text([asdict(one) for one in readings], indent=1)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of an evaluated run")
    parser.add_argument("--split", default=STRANGERS, help="split of the report to read")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Print the table of every run; return 1 where one has no report with hidden factors."""
    for path in arguments.runs:
        readings = read(Results(path.parent), path.name, arguments.split)
        if not readings:
            print(f"{path}: no report with hidden factors; run: facegen evaluate {path} --split {arguments.split}")
            return 1
        print(to_json(readings) if arguments.json else f"## {path.name}\n\n{to_markdown(readings)}")
    return 0
