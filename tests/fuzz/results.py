"""Results of fuzzing and soaking: kept in results.json, and shown in the tables of docs/robustness.md."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "robustness.md"
FAULTS = ("traceback", "hang", "killed", "silent", "slow", "large")


def store(name: str, key: str, values: Any) -> None:
    """Add the values of a run to results.json, in place of those of the same key, and write the tables of the page.

    Args:
        name: "fuzz", "kills" or "soak".
        key: seed, command or work of the run.
        values: of the run.
    """
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results.setdefault(name, {})[key] = values
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    for table, text in (("fuzz", _fuzz), ("kills", _kills), ("soak", _soak)):
        if table in results:
            marks = f"<!-- {table} -->", f"<!-- end of {table} -->"
            pattern = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
            content = "\n".join((marks[0], "", text(results[table]), "", marks[1]))
            page = pattern.sub(lambda _, content=content: content, page)
    PAGE.write_text(page, encoding="utf-8")


def _fuzz(runs: dict[str, dict[str, Any]]) -> str:
    """Sum the kinds of all runs up to their colon."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for kinds in runs.values():
        for kind, values in kinds.items():
            groups.setdefault(kind.partition(":")[0], []).append(values)
    rows = [_sums(group, kinds) for group, kinds in sorted(groups.items())]
    rows.append(_sums("**all**", [kind for kinds in groups.values() for kind in kinds]))
    head = ("kind", "cases", "done", "message", "usage", *FAULTS[:2], "other faults", "worst s", "worst MiB")
    return f"{_table(head, rows)}\n\nSeeds: {', '.join(runs)}."


def _sums(name: str, kinds: Iterable[dict[str, Any]]) -> list[str]:
    outcomes: Counter[str] = Counter()
    for values in kinds:
        outcomes.update(values["outcomes"])
    counts = [outcomes[outcome] for outcome in ("done", "message", "usage", *FAULTS[:2])]
    others = sum(outcomes[outcome] for outcome in FAULTS[2:])
    seconds, mebibytes = (max(values[key] for values in kinds) for key in ("seconds", "mebibytes"))
    return [name, f"{outcomes.total():,}", *(f"{count:,}" for count in (*counts, others)), f"{seconds:.1f}",
            f"{mebibytes:,.0f}"]  # fmt: skip


def _kills(commands: dict[str, dict[str, int]]) -> str:
    head = ("command", "kills", "finished before", "losses", "leftovers")
    keys = ("killed", "finished", "losses", "leftovers")
    rows = [[name, *(f"{values[key]:,}" for key in keys)] for name, values in commands.items()]
    rows.append(["**all**", *(f"{sum(values[key] for values in commands.values()):,}" for key in keys)])
    return _table(head, rows)


def _soak(works: dict[str, dict[str, float]]) -> str:
    head = ("work", "number", "minutes", "memory after the first quarter", "at the end", "open files")
    rows = [[name, f"{values['number']:,}", f"{values['seconds'] / 60:.1f}", f"{values['first_mib']:.0f} MiB",
             f"{values['last_mib']:.0f} MiB", f"{values['first_files']:.0f}, then {values['last_files']:.0f}"]
            for name, values in works.items()]  # fmt: skip
    return _table(head, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
