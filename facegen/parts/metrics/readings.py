"""Metric `readings`: age, sex and other readings of generated faces, compared with those of the real ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure, Recognised, key_part
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.reading_statistics import (
    agreement,
    balanced_share,
    median_difference,
    rank_correlation,
    spread_ratio,
)

MIN_ROWS = 3
"""Least number of rows of a rank correlation."""
_LEAST_PROBABILITY = 0.01
"""Probabilities are clipped to .01 and .99 before their log odds are taken."""


@dataclass(frozen=True)
class ReadRows:
    """Readings of one recogniser, for rows in which it reads the real face and a generated one.

    Attributes:
        recogniser: its name.
        names: names of the readings.
        real: (N, d) of the real faces.
        drawn: (N, Z, d) of the generated faces; NaN where no face is detected.
        person: (N,)
        seed: random seed of the intervals.
        num_left_out: number of further rows.
    """

    recogniser: str
    names: Sequence[str]
    real: Tensor
    drawn: Tensor
    person: Tensor
    seed: int
    num_left_out: int

    @classmethod
    def of(cls, name: str, recognised: Recognised, evidence: Evidence) -> "ReadRows":
        """Select the rows; there are none if the recogniser reads no real or no generated faces."""
        fresh = None if recognised.fresh is None else recognised.fresh[:, None]
        given = [faces for faces in (fresh, recognised.fake) if faces is not None]
        real = torch.empty(0, len(recognised.readings)) if recognised.real is None or not given else recognised.real
        drawn = torch.cat(given, dim=1) if len(real) else torch.empty(0, 1, len(recognised.readings))
        rows = real.isfinite().all(1) & drawn.isfinite().all(2).any(1)
        person = evidence.person[: len(rows)]
        return cls(
            name, recognised.readings, real[rows], drawn[rows], person[rows], evidence.seed, int((~rows).sum())
        )  # fmt: skip

    @property
    def note(self) -> str:
        """Number of faces per row, and of rows that are left out."""
        left_out = f"; {self.num_left_out} rows without a detected face are left out" if self.num_left_out else ""
        return f"{self.drawn.shape[1]} faces per row{left_out}"

    def people(self, chosen: Tensor | None = None) -> Bootstrap:
        """Return the bootstrap over the people of all or of some rows."""
        return Bootstrap(self.person if chosen is None else self.person[chosen], self.seed)

    def is_male(self, sex: str) -> Tensor | None:
        """Tell which real faces are read as a man's: (N,) bool; None without a reading of this name."""
        return self.real[:, self.names.index(sex)] > 0.5 if sex in self.names else None

    def name(self, key: str, label: str) -> tuple[str, str]:
        """Return key and label of a figure of this recogniser."""
        return f"{key}.{key_part(self.recogniser)}", f"{label}, {self.recogniser}"


class Readings(Metric):
    """Readings of generated faces by a recogniser such as `age_gender`, compared with those of the real faces.

        sex: share of generated faces read as the sex that the real face is read as, mean of women and men
        spread: standard deviation of log p / (1 - p) of generated faces over that of real ones, p = P(man)
        age: Spearman's correlation of the mean over a row's faces with the real face; difference of the medians

    A spread below 1 tells that faces are drawn between the sexes, above 1 that they exaggerate them. Correlations are
    given over all rows and within each sex, because sex and age may go together. The recogniser errs on real and on
    generated faces: its agreement is no accuracy. Where it detects no face, there is no reading.

    Settings:
        sex: name of the reading that is the probability of a man; all other readings are quantities, as age is.
    Source:
        Ours.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *, sex: str = "male") -> None:
        self.sex = sex

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute the figures of each recogniser of readings."""
        readers = {name: own for name, own in evidence.recognised.items() if own.readings}
        if not readers:
            reason = "no recogniser reads the faces; add one, such as --recogniser age_gender"
            return [Figure.missing("", "readings", reason, by_judge=False)]
        if evidence.fake is None:
            return [Figure.missing("", "readings", "the run draws no faces", by_judge=False)]
        return [
            figure
            for name, own in readers.items()
            for figure in self._figures(ReadRows.of(name, own, evidence))
        ]  # fmt: skip

    def _figures(self, rows: ReadRows) -> Iterator[Figure]:
        if len(rows.person) < MIN_ROWS:
            key, label = key_part(rows.recogniser), f"readings, {rows.recogniser}"
            reason = f"fewer than {MIN_ROWS} rows in which it reads both faces"
            yield Figure.missing(key, label, reason, by_judge=False)
            return
        is_male = rows.is_male(self.sex)
        if is_male is not None:
            yield from _agreement_of_sex(rows, self.sex, is_male)
            yield _spread_of_sex(rows, self.sex)
        for column, reading in enumerate(rows.names):
            if reading != self.sex:
                yield from _correlations(rows, column, is_male)
                yield _difference(rows, column)


def _agreement_of_sex(rows: ReadRows, sex: str, is_male: Tensor) -> Iterator[Figure]:
    drawn = rows.drawn[:, :, rows.names.index(sex)]
    votes = torch.where(drawn.isfinite(), (drawn > 0.5).float(), torch.nan)
    for kind, hits in zip(("single", "majority"), agreement(votes, is_male), strict=True):
        name = rows.name(f"sex.{kind}", f"sex as of the real face, {kind}")
        if len(is_male.unique()) < 2:
            yield Figure.missing(*name, "all real faces are read as of one sex", chance=0.5, by_judge=False)
            continue
        share = balanced_share(hits, is_male, rows.people())
        yield Figure.of(*name, share, 0.5, rows.note, better="higher", by_judge=False)


def _spread_of_sex(rows: ReadRows, sex: str) -> Figure:
    """Compare one generated face per row with the real one."""
    column = rows.names.index(sex)
    drawn = rows.drawn[:, 0, column]
    detected = drawn.isfinite()
    name = rows.name("sex.spread", "spread of the sex score, generated over real")
    if int(detected.sum()) < MIN_ROWS:
        return Figure.missing(*name, f"fewer than {MIN_ROWS} generated faces are detected", by_judge=False)
    score, real = (torch.logit(one[detected].double(), eps=_LEAST_PROBABILITY) for one in (drawn, rows.real[:, column]))
    spread = spread_ratio(score, real, rows.people(detected))
    note = "1: as decided as real faces; below, between the sexes; above, exaggerated"
    return Figure.of(*name, spread, note=note, by_judge=False)


def _correlations(rows: ReadRows, column: int, is_male: Tensor | None) -> Iterator[Figure]:
    """Correlate one quantity over all rows, and over those of each sex."""
    drawn, real, reading = rows.drawn[:, :, column].nanmean(1), rows.real[:, column], rows.names[column]
    groups = {("", ""): torch.ones_like(rows.person, dtype=torch.bool)}
    if is_male is not None:
        groups |= {(".female", ", women"): ~is_male, (".male", ", men"): is_male}
    for (key, label), chosen in groups.items():
        name = rows.name(
            f"{key_part(reading)}.rank_correlation{key}", f"{reading}, rank correlation with the real face{label}"
        )
        if int(chosen.sum()) < MIN_ROWS:
            yield Figure.missing(*name, f"fewer than {MIN_ROWS} rows", chance=0.0, by_judge=False)
            continue
        estimate = rank_correlation(drawn[chosen], real[chosen], rows.people(chosen))
        yield Figure.of(*name, estimate, 0.0, rows.note, better="higher", by_judge=False)


def _difference(rows: ReadRows, column: int) -> Figure:
    drawn, real, reading = rows.drawn[:, :, column].nanmean(1), rows.real[:, column], rows.names[column]
    name = rows.name(f"{key_part(reading)}.median_difference", f"median {reading}, generated less real")
    gap = median_difference(drawn, real, rows.people())
    return Figure.of(*name, gap, note=f"median of real faces: {float(real.median()):.3g}", by_judge=False)
