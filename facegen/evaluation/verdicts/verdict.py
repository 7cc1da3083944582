"""Verdict: a statement about a run."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["good", "warning", "bad"]
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """Statement about a run.

    Attributes:
        kind: kind of the rule, such as "collapse", or "undecided".
        severity: "good", "warning" or "bad"; that of an undecided verdict is "warning".
        sentence: the statement, with the numbers.
    """

    kind: str
    severity: Severity
    sentence: str

    @property
    def grade(self) -> str:
        """Severity, or "undecided"."""
        return UNDECIDED if self.kind == UNDECIDED else self.severity
