"""Input and output of metrics: evidence and figures."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import Tensor

from facegen.core.progress import Observer
from facegen.core.statistics import Estimate

Logits = Callable[[Tensor, Tensor, str], Tensor]
"""Matching rule of the judge: (query (B, d), candidates (B, K, e), direction) -> (B, K)."""

Better = Literal["higher", "lower"]
Side = Literal["voice and face", "face", "moment", "voice"]
"""Modality that a hidden factor affects: voice and face, one of them, or the face at one moment only."""
FEW_PEOPLE = 20
"""Percentile intervals over fewer people are too narrow."""


def key_part(name: str) -> str:
    """Convert a free name, such as that of a run or a recogniser, to one part of a figure's key."""
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_") or "_"


@dataclass(frozen=True)
class Figure:
    """Measured number.

    Attributes:
        key: identifier, such as "v2f.10.generated": lower case, parts joined by dots. A metric gives it without its own
            name, which the report prepends ("matching.v2f.10.generated"). Verdicts, comparisons and programs read keys.
        label: description for people; no code depends on it.
        value: the number.
        low, high: its 95% interval; None without one.
        chance: value of random guesses; None if it has none.
        note: a remark that readers need, such as the reason why the number is missing.
        deviation: standard deviation over splits, if that is usual in the field.
        better: direction in which a run is better; None if there is none, or if the number does not depend on the run.
        num_people: number of people behind the number; None if the metric does not give it.
        by_judge: True if it depends on the judge's features or matching rule.
    """

    key: str
    label: str
    value: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    note: str = ""
    deviation: float | None = None
    better: Better | None = None
    num_people: int | None = None
    by_judge: bool = True

    def __post_init__(self) -> None:
        for name in ("low", "high", "chance", "deviation"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                object.__setattr__(self, name, None)  # shown as absent, not as NaN

    @classmethod
    def of(
        cls,
        key: str,
        label: str,
        estimate: Estimate,
        chance: float | None = None,
        note: str = "",
        *,
        better: Better | None = None,
        by_judge: bool = True,
    ) -> "Figure":
        """Build a figure from an estimate, with its interval and number of people."""
        return cls(
            key, label, estimate.value, estimate.low, estimate.high, chance, note, better=better,
            num_people=estimate.num_people, by_judge=by_judge,
        )  # fmt: skip

    @classmethod
    def missing(
        cls, key: str, label: str, reason: str, *, chance: float | None = None, by_judge: bool = True
    ) -> "Figure":
        """Build a figure without a value, with the reason as its note."""
        return cls(key, label, math.nan, chance=chance, note=f"not available: {reason}", by_judge=by_judge)

    @property
    def caveat(self) -> str:
        """Warning about a number of few people; "" otherwise."""
        if self.num_people is None or self.num_people >= FEW_PEOPLE or not math.isfinite(self.value):
            return ""
        if self.num_people < 2:
            return "one person only: says nothing of others"
        return f"{self.num_people} people only" + ("" if self.low is None else ": the interval is too narrow")

    @property
    def remarks(self) -> str:
        """Note and caveat, for a table."""
        return "; ".join(filter(None, (self.note, self.caveat)))


@dataclass(frozen=True)
class Recognised:
    """Embeddings by an external recogniser of the rows of the evidence; NaN rows where it detected nothing.

    Attributes:
        real: (N, d) of the real faces.
        real_other: (N, d) of another real face of the same person; None if nobody has one.
        fake: (N, Z', d) of generated faces under the first Z' <= Z noises; None if only `fresh` is embedded.
        speech: (N, e) of the rows' speech; None if it embeds no speech, or the run reads none.
        fresh: (N, d) of the generated faces under noises of their own.
    """

    real: Tensor | None = None
    real_other: Tensor | None = None
    fake: Tensor | None = None
    speech: Tensor | None = None
    fresh: Tensor | None = None


@dataclass(frozen=True)
class Training:
    """Faces of the training split, one per clip.

    Attributes:
        faces: (M, H, W, 3) uint8.
        embeddings: (M, e) embeddings by the judge.
        person: (M,) indices of people, the same as in the evidence.
        factors: {name: (M,)} true hidden factors; empty except for synthetic corpora.
    """

    faces: Tensor
    embeddings: Tensor
    person: Tensor
    factors: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """Real and generated faces of an evaluation, and their embeddings by a judge that is independent of the run.

    One row is one test clip. `fake`, `fake_faces`, `fresh` and `fresh_faces` are None if the run has no generator.

    Attributes:
        judge: description of the judge.
        split: split of the rows.
        seed: random seed of metrics, which makes a table reproducible.
        person: (N,) indices of people.
        attributes: {column: (N,)} labels; -1 where unknown.
        encodings: (N, d) encodings of the conditions (voices) by the judge.
        real: (N, e) embeddings of the real faces by the judge.
        real_other: (N, e) embeddings of another real face of the same person; NaN rows for people without one; None if
            nobody has one.
        fake: (N, Z, e) embeddings of Z generated faces per row; noise z is the same for all rows.
        real_faces: (N, H, W, 3) uint8.
        fake_faces: (N, Z, H, W, 3) uint8.
        fresh: (N, e) embeddings of one further generated face per row, each with its own noise. These represent the
            generator's distribution, which the Z noises shared by all rows do not.
        fresh_faces: (N, H, W, 3) uint8.
        logits: matching rule of the judge.
        max_candidates: largest number of candidates that the rule can rank; None without a limit.
        recognised: {name: embeddings of the same rows by an external recogniser}.
        training: faces of the training split; None if no metric reads them, or for the reason in `no_training`.
        factors: {name: (N,)} float64, the true hidden factors of the real faces; empty except for synthetic corpora.
        factor_sides: {name: modality that the factor affects}.
        embed: (B, H, W, 3) uint8 -> (B, e) on the CPU, embeddings of any faces by the judge.
        cache: folder beside the corpus for results of expensive computations: safetensors and JSON only, keyed by
            hashes.
        observer: receiver of progress reports.
        faces_key: key of derived data, which changes when the real rows do.
        condition: name of the condition, such as "voice", "name" or "sentence".
        baselines: {name of another run: (N, e) embeddings by the judge of faces that it generates for the same rows,
            each with its own noise}.
        holds_training_faces: True if some of the real faces are in the run's training data.
        no_training: reason why `training` is None.
    """

    judge: str
    split: str
    seed: int
    person: Tensor
    attributes: Mapping[str, Tensor]
    encodings: Tensor
    real: Tensor
    real_other: Tensor | None
    fake: Tensor | None
    real_faces: Tensor
    fake_faces: Tensor | None
    logits: Logits
    max_candidates: int | None
    recognised: Mapping[str, Recognised] = field(default_factory=dict)
    training: Training | None = None
    factors: Mapping[str, Tensor] = field(default_factory=dict)
    factor_sides: Mapping[str, Side] = field(default_factory=dict)
    embed: Callable[[Tensor], Tensor] | None = None
    cache: Path | None = None
    observer: Observer = field(default_factory=Observer)
    faces_key: str = ""
    fresh: Tensor | None = None
    fresh_faces: Tensor | None = None
    condition: str = "voice"
    baselines: Mapping[str, Tensor] = field(default_factory=dict)
    holds_training_faces: bool = False
    no_training: str = "no training faces"
