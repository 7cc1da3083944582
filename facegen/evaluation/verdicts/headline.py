"""The figures of a report that a summary shows, selected by key and by kind of run."""

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from facegen.core.evidence import Figure
from facegen.evaluation.figures import by_key
from facegen.evaluation.verdicts.questions import is_built_in

if TYPE_CHECKING:
    from facegen.evaluation.report import Report

NUM_FIGURES = 10
Keys = Sequence[tuple[str, ...]]
"""Keys of figures; of each tuple, the first figure with a number is shown."""

DRAWS: Keys = (
    ("sharpness.detail",),
    ("fidelity.judge.density",),
    ("fidelity.inception.fid.distance", "frechet.judge.distance"),
    ("diversity.share_of_real",),
    ("people_covered.share_of_real",),
    ("memorisation.share",),
    ("matching.v2f.10.real", "matching.v2f.2.real"),
    ("matching.v2f.10.generated", "matching.v2f.2.generated"),
    ("matching.v2f.10.generated.same_sex", "matching.v2f.2.generated.same_sex"),
    ("preference.over_true",),
)
"""A run that draws: whether the faces are good, vary, and belong to their conditions."""
MATCHES: Keys = (
    ("matching.v2f.2.real",),
    ("matching.v2f.10.real",),
    ("matching.f2v.2.real",),
    ("matching.f2v.10.real",),
    ("matching.v2f.2.real.same_sex",),
    ("matching.f2v.2.real.same_sex",),
    ("verification.real.auc",),
    ("verification.real.eer",),
    ("correlation.real",),
    ("correlation.real.given_sex",),
)
"""A run that only matches: the protocols of papers on matching voices and faces."""
SELF_JUDGED: Keys = (
    ("correlation.generated",),
    ("correlation.generated.given_sex",),
    ("matching.v2f.2.real",),
    ("matching.v2f.2.generated",),
    ("matching.f2v.2.generated",),
    ("matching.v2f.10.generated", "matching.f2v.10.generated"),
    ("preference.over_true",),
    ("retrieval.r1.l1",),
    ("retrieval.r5.l1",),
    ("retrieval.r10.l1",),
)
"""A self-judged report: the quantities of Choi et al. 2020, whose judge is the run's own match stage, too."""
ALWAYS = "preference.over.*"
"""Pattern of figures that were asked for by name: comparisons with other runs."""


def headline_figures(report: "Report") -> list[Figure]:
    """Select about ten figures of a report.

    Figures without a number are left out. Comparisons with other runs, and one figure of each metric that is not built
    in, are added. If there are fewer than ten, one figure of each further metric follows.
    """
    known = {key: figure for key, figure in by_key(report).items() if math.isfinite(figure.value)}
    chosen = [key for keys in _keys(report) for key in [next((key for key in keys if key in known), "")] if key]
    chosen += [key for key in known if fnmatchcase(key, ALWAYS)]
    firsts = [key for key in _firsts(report) if _metric(key) not in {_metric(other) for other in chosen}]
    chosen += [key for key in firsts if not is_built_in(key)]
    chosen += [key for key in firsts if is_built_in(key)][: max(0, NUM_FIGURES - len(chosen))]
    return [known[key] for key in chosen]


def _keys(report: "Report") -> Keys:
    if report.self_judged:
        return SELF_JUDGED
    return MATCHES if report.step is None else DRAWS


def _firsts(report: "Report") -> list[str]:
    """Return the key of the first figure with a number of each metric."""
    numbers = ([figure.key for figure in figures if math.isfinite(figure.value)] for figures in report.figures.values())
    return [keys[0] for keys in numbers if keys]


def _metric(key: str) -> str:
    return key.partition(".")[0]
