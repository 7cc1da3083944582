"""A claim of a paper, held against the figures of runs: confirmed, refuted, or undecided.

A claim is a conjunction of statements about figures with intervals. It is confirmed where every statement holds beyond
its interval, refuted where the contrary of one of them does, and undecided otherwise. Undecided, too, is a statement
whose premise is not shown, as of a remedy for what did not happen, and one about a figure that has no interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from facegen.evaluation.verdicts import IGNORED, KEPT
from studies.report_figures import Holds, Value


@dataclass(frozen=True)
class Finding:
    """A claim, the numbers beside it, and what they say of it.

    Attributes:
        source: whose claim.
        claim: in words.
        tested: what was asked of the numbers.
        numbers: in words.
        holds: what they answered.
    """

    source: str
    claim: str
    tested: str
    numbers: str
    holds: Holds

    @property
    def verdict(self) -> str:
        """In a word."""
        return {True: "confirmed", False: "refuted", None: "undecided"}[self.holds]


def learnt(kept: Value) -> Holds:
    """Of an identity that is kept: True from half of real faces' on, False at chance; what lies between is None."""
    if kept.low > KEPT:
        return True
    return False if kept.low <= 0 and kept.high < IGNORED else None


def to_markdown(findings: Sequence[Finding]) -> str:
    """A table."""
    lines = ["| | claim | what is tested | here | verdict |", "|---|---|---|---|---|"]
    lines += [f"| {one.source} | {one.claim} | {one.tested} | {one.numbers} | **{one.verdict}** |" for one in findings]
    return "\n".join(lines) + "\n"
