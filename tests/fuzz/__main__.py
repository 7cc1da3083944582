"""`python tests/fuzz`: run hostile cases for some minutes, and print a table of what they led to."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("FACEGEN_INCEPTION_WEIGHTS", "none")

from api_cases import api_cases
from collect_cases import collect_cases
from file_cases import file_cases
from hostile_case import Case, Outcome, check_measure, run_case, warm_up
from option_cases import option_cases
from output_cases import make_run, output_cases
from plugin_cases import plugin_cases
from recipe_cases import recipe_cases
from results import store
from run_cases import run_cases
from upload_cases import upload_cases

GENERATORS = {"recipes": recipe_cases, "files": file_cases, "outputs": output_cases, "runs": run_cases,
              "options": option_cases, "api": api_cases, "plugins": plugin_cases, "uploads": upload_cases,
              "collect": collect_cases}  # fmt: skip
NEED_RUN = {"outputs", "runs", "options", "api", "uploads"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="time of all cases together")
    parser.add_argument("--seed", type=int, default=None, help="random seed; printed, so that a run can be repeated")
    parser.add_argument("--only", choices=GENERATORS, action="append", help="generator to use; may be repeated")
    parser.add_argument("--skip", type=int, default=0, help="number of first cases to leave out")
    parser.add_argument("--cases", type=int, default=10**9, help="largest number of cases")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the cases")
    parser.add_argument("--show", action="store_true", help="print a line for every case")
    parser.add_argument("--write", action="store_true", help="add the results to docs/robustness.md")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    root = Path(tempfile.mkdtemp(prefix="facegen-fuzz-"))
    os.environ["XDG_CACHE_HOME"] = str(root / "cache")
    warm_up()
    print(check_measure(), flush=True)
    if NEED_RUN & set(options.only or GENERATORS):
        make_run(root)
    results: dict[str, list[Outcome]] = defaultdict(list)
    deadline = time.monotonic() + 60 * options.minutes
    for number, case in enumerate(_cases(seed, options.only or list(GENERATORS))):
        if number < options.skip:
            continue
        if number >= options.skip + options.cases or time.monotonic() > deadline:
            break
        folder = root / str(number)
        outcome = run_case(case, folder)
        results[case.kind].append(outcome)
        if outcome.is_fault or options.show:
            _show(number, case, outcome)
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    _print_table(results, seed)
    if options.write:
        store("fuzz", str(seed), {kind: _summary(outcomes) for kind, outcomes in sorted(results.items())})
    if not options.keep:
        shutil.rmtree(root, ignore_errors=True)
    return int(any(outcome.is_fault for outcomes in results.values() for outcome in outcomes))


def _cases(seed: int, names: list[str]) -> Iterator[Case]:
    """Take cases from all generators in turn."""
    generators = [GENERATORS[name](random.Random(f"{seed} {name}")) for name in names]
    while True:
        for generator in generators:
            yield next(generator)


def _show(number: int, case: Case, outcome: Outcome) -> None:
    print(f"case {number}: {outcome.name} after {outcome.seconds:.1f} s, {outcome.mebibytes:.0f} MiB: {case.kind}")
    print(f"    {case.note!a}\n    {ascii(' '.join(case.words))[:300]}")
    lines = [line for line in outcome.text.splitlines() if line.strip()]
    for line in lines[-12 if outcome.is_fault else -2 :]:
        print(f"    | {ascii(line)[1:-1][:220]}")
    sys.stdout.flush()


def _summary(outcomes: list[Outcome]) -> dict[str, object]:
    return {
        "outcomes": dict(Counter(outcome.name for outcome in outcomes)),
        "seconds": round(max(outcome.seconds for outcome in outcomes), 2),
        "mebibytes": round(max(outcome.mebibytes for outcome in outcomes)),
    }


def _print_table(results: dict[str, list[Outcome]], seed: int) -> None:
    print(f"\n{'kind':32} {'cases':>6} {'worst s':>8} {'worst MiB':>9}  outcomes")
    for kind, outcomes in sorted(results.items()):
        counts = Counter(outcome.name for outcome in outcomes)
        listed = ", ".join(f"{count} {name}" for name, count in counts.most_common())
        seconds, mebibytes = max(o.seconds for o in outcomes), max(o.mebibytes for o in outcomes)
        print(f"{kind:32} {len(outcomes):6} {seconds:8.1f} {mebibytes:9.0f}  {listed}")
    every = [outcome for outcomes in results.values() for outcome in outcomes]
    print(f"seed {seed}: {len(every)} cases, tracebacks: {sum(o.name == 'traceback' for o in every)}, "
          f"other faults: {sum(o.is_fault and o.name != 'traceback' for o in every)}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
