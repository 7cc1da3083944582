"""Verdicts on a run that only matches, from the figures of real faces."""

from dataclasses import dataclass

from facegen.evaluation.verdicts.quantities import Figures, MissingError, above_chance
from facegen.evaluation.verdicts.verdict import UNDECIDED, Verdict


@dataclass(frozen=True)
class _Comparison:
    """Matching that is compared with chance.

    Attributes:
        kind: kind of the verdict.
        question: clause after "whether" in the sentence of an undecided verdict.
        keys: the figure, or its replacement where too few people were evaluated.
        above, not_above: sentences.
    """

    kind: str
    question: str
    keys: tuple[str, ...]
    above: str
    not_above: str


_COMPARISONS = (
    _Comparison(
        "matching",
        "the run finds the face that belongs to a condition",
        ("matching.v2f.10.real", "matching.v2f.2.real"),
        "The run finds the face that belongs to a condition more often than chance",
        "The run does not find the face that belongs to a condition more often than chance",
    ),
    _Comparison(
        "same sex",
        "the run tells people of one sex apart",
        ("matching.v2f.10.real.same_sex", "matching.v2f.2.real.same_sex"),
        "Among people of one sex, matching is above chance, too",
        "Among people of one sex, matching is not above chance",
    ),
)


def matching_verdicts(figures: Figures) -> list[Verdict]:
    """Compare matching with chance; without the figures, there is no verdict."""
    results = []
    for comparison in _COMPARISONS:
        try:
            excess = above_chance(figures, *comparison.keys)
        except MissingError:
            continue
        if excess.low > 0:
            results.append(Verdict(comparison.kind, "good", f"{comparison.above} ({excess.numbers})."))
        elif excess.value <= 0:
            results.append(Verdict(comparison.kind, "bad", f"{comparison.not_above} ({excess.numbers})."))
        else:
            sentence = f"Undecided at this size whether {comparison.question} ({excess.numbers}); evaluate more clips."
            results.append(Verdict(UNDECIDED, "warning", sentence))
    return results
