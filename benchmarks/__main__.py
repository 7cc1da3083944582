"""Measure speed and memory on a CPU, both sides of each comparison in one run; `make bench` calls it.

After each benchmark its results are written, as JSON and as tables of the page. A benchmark that fails is named at the
end, and the others go on. After an interruption, `--only` measures what is left.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.alone import run_alone

BENCHMARKS: Mapping[str, float] = {
    "step": 150,
    "wav2pix_step": 60,
    "step_profile": 20,
    "layers": 30,
    "penalty": 30,
    "loader": 60,
    "fid": 90,
    "startup": 30,
    "sampling": 90,
    "scaling": 60,
}
"""{module of this package: seconds that it takes on two quiet cores}.

A module has TITLE, TEXT (Markdown, for the page) and `measure(progress) -> rows`.
"""
PROJECT = Path(__file__).parents[1]
RESULTS, PAGE = PROJECT / "benchmarks" / "results.json", PROJECT / "docs" / "performance.md"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main(words: Sequence[str]) -> int:
    """Run the chosen benchmarks, one after another; return the exit code."""
    options = parse(words)
    chosen = options.only or list(BENCHMARKS)
    os.environ.update(ONE_THREAD)  # read when numpy and torch are imported, in the processes of the benchmarks
    results: dict[str, Any] = json.loads(options.json.read_text()) if options.json.exists() else {}
    left = sum(expected_seconds(name, results) for name in chosen)
    failed: dict[str, str] = {}
    for number, name in enumerate(chosen, 1):
        print(f"{number} of {len(chosen)}: {name}, about {left / 60:.1f} min left in all", file=sys.stderr, flush=True)
        left -= expected_seconds(name, results)
        try:
            entry = run_alone(name, options.quick, options.seconds)
        except KeyboardInterrupt:
            print(f"stopped; to go on: python -m benchmarks --only {','.join(chosen[number - 1 :])}", file=sys.stderr)
            return 130
        except Exception as error:  # whatever a benchmark raises, the others are measured
            failed[name] = f"{type(error).__name__}: {error}"
            print(f"  failed: {failed[name]}", file=sys.stderr, flush=True)
            continue
        results[name] = entry
        write(options, results)
    if failed:
        print(f"not measured: {', '.join(failed)}; again: python -m benchmarks --only {','.join(failed)}")
        return 1
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--only", type=names, help=f"some of {', '.join(BENCHMARKS)}, separated by commas")
    parser.add_argument("--quick", action="store_true", help="few rounds; writes no page unless --page is given")
    parser.add_argument("--seconds", type=float, default=60.0, help="time of a case after which no round is added")
    parser.add_argument("--json", type=Path, help="file of the results, which other benchmarks' results stay in")
    parser.add_argument("--page", type=Path, help="page whose tables are rewritten")
    parser.add_argument("--render", action="store_true", help="measure nothing, and rewrite the page")
    options = parser.parse_args(words)
    if options.json is None:
        options.json = PROJECT / "build" / "benchmarks.json" if options.quick else RESULTS
    if options.page is None and not options.quick:
        options.page = PAGE
    if options.render:
        write(options, json.loads(options.json.read_text()))
        parser.exit()
    return options


def names(text: str) -> list[str]:
    """Read names of benchmarks, separated by commas."""
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown or not chosen:
        raise argparse.ArgumentTypeError(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return chosen


def expected_seconds(name: str, results: Mapping[str, Any]) -> float:
    """Return the time of a benchmark: that of its last run, or of a quiet machine."""
    return float(results.get(name, {}).get("seconds", BENCHMARKS[name]))


def write(options: argparse.Namespace, results: Mapping[str, Any]) -> None:
    """Write the results and, where there is one, the tables of the page."""
    from benchmarks.page import rewrite

    options.json.parent.mkdir(parents=True, exist_ok=True)
    ordered = {name: results[name] for name in BENCHMARKS if name in results}
    options.json.write_text(json.dumps(ordered, indent=1) + "\n")
    if options.page is not None:
        rewrite(options.page, ordered)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
