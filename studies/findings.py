"""The papers' findings tested on finished runs: the table of docs/results/small.md.

python -m studies findings --runs runs/small
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from studies.choi_findings import choi
from studies.factors import RELID, read
from studies.finding import Finding, to_markdown
from studies.report_figures import Results
from studies.thesis_findings import thesis


def all_findings(results: Results) -> Iterator[Finding]:
    """Yield the findings of both papers, each with its verdict."""
    yield from thesis(results)
    yield from choi(results, {reading.factor: reading.share for reading in read(results, RELID)})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", type=Path, default=Path("runs/small"), help="folder of the runs of `reproduce`")


def run(options: argparse.Namespace) -> int:
    """Print the table; return 1 where no run of the folder has a report."""
    if not any(options.runs.glob("*/evaluation/*.json")):
        print(f"{options.runs}: no evaluated runs; run: python -m studies reproduce --out {options.runs}")
        return 1
    print(to_markdown(list(all_findings(Results(options.runs)))), end="")
    return 0
