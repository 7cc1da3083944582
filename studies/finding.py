"""A claim of a paper, tested against the figures of runs: confirmed, refuted or undecided.

A claim is a conjunction of statements about figures with intervals. It is confirmed if every statement holds beyond its
interval, refuted if the contrary of one statement does, and undecided otherwise. A statement is also undecided if its
premise is not shown (a remedy for a fault that did not occur), or if its figure has no interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from facegen.evaluation.verdicts.verdicts import IGNORED, KEPT
from studies.report_figures import Holds, Value


@dataclass(frozen=True)
class Finding:
    """A claim with the numbers that test it, and the result.

    Attributes:
        source: paper and number of the claim, as "thesis 10a".
        claim: the claim, in words.
        tested: the statement about the numbers that is tested, in words.
        numbers: the numbers, in words.
        holds: True, False, or None if undecided.
        runs: names of the runs whose figures it compares.
    """

    source: str
    claim: str
    tested: str
    numbers: str
    holds: Holds
    runs: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The result as a word: confirmed, refuted or undecided."""
        return {True: "confirmed", False: "refuted", None: "undecided"}[self.holds]


def learnt(kept: Value) -> Holds:
    """Tell whether a run learnt identity.

    Args:
        kept: identity accuracy above chance, as a share of that of real faces.
    Returns:
        True if all of the interval lies above KEPT, False if it holds 0 and lies below IGNORED, None in between.
    """
    if kept.low > KEPT:
        return True
    return False if kept.low <= 0 and kept.high < IGNORED else None


def to_markdown(findings: Sequence[Finding]) -> str:
    """Return a Markdown table, one row per finding."""
    lines = ["| | claim | what is tested | here | verdict |", "|---|---|---|---|---|"]
    lines += [f"| {one.source} | {one.claim} | {one.tested} | {one.numbers} | **{one.verdict}** |" for one in findings]
    return "\n".join(lines) + "\n"
