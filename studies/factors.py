"""Hidden factors of synthetic faces that follow the voice, and that follow the noise: the metric `factors` as a table.

    facegen evaluate runs/small/speech_relid
    python -m studies factors runs/small/speech_relid

Choi, Park and Lee 2020 (figures 2 to 4) say by eye that the voice decides sex, age and the shape of the face, and the
noise pose, background, hair and glasses.
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
"""The run that the papers' finding about factors is asked of."""


@dataclass(frozen=True)
class Reading:
    """What a report says about one factor.

    Attributes:
        factor, decides: its name, and what it decides in the world.
        reader: R2 or accuracy of the reader on real faces.
        recovered: the same on generated faces.
        spread: how much generated faces differ in it, as a share of real ones.
        share: of the variance read from generated faces, the part between voices.
    """

    factor: str
    decides: str
    reader: Value
    recovered: Value
    spread: Value
    share: Value


def read(results: Results, run: str, split: str = STRANGERS) -> list[Reading]:
    """The factors that a run's report knows; none where it was not measured."""
    found = []
    for name, side in FACTOR_SIDES.items():
        kinds = ("real", "generated", "spread", "share_of_condition")
        values = [results.figure(run, f"factors.{name}.{kind}", split) for kind in kinds]
        if not math.isnan(values[0].value):
            found.append(Reading(name, side, *values))
    return found


def to_markdown(readings: Sequence[Reading]) -> str:
    """A table."""
    lines = ["| factor | decides | reader on real faces | on generated faces | spread | share between voices |"]
    lines.append("|---|---|---|---|---|---|")
    for one in readings:
        cells = [f"{value}" for value in (one.reader, one.recovered, one.spread, one.share)]
        lines.append(f"| {' | '.join([one.factor, one.decides, *cells])} |")
    return "\n".join(lines) + "\n"


def to_json(readings: Sequence[Reading]) -> str:
    """The same as JSON; what is not a number is null."""
    return json_text([asdict(one) for one in readings], indent=1)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of an evaluated run")
    parser.add_argument("--split", default=STRANGERS, help="split of the report")
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
