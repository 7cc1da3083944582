"""Input and output of metrics: evidence and figures."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
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
"""Part of the data that a hidden factor affects; "moment": a single picture, such as its light."""
FEW_PEOPLE = 20
"""Fewer people than this give percentile intervals that are too narrow."""


def key_part(name: str) -> str:
    """Make one part of a figure's key from the name of a run, a recogniser or the like."""
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_") or "_"


@dataclass(frozen=True)
class Figure:
    """Measured number.

    Attributes:
        key: identifies the quantity, such as "v2f.10.generated": lower case, parts joined by dots. A metric gives
            it without its own name; the report puts that before it ("matching.v2f.10.generated"). Verdicts,
            comparisons and programs read keys.
        label: the quantity as shown to people; nothing depends on it.
        value: the number; NaN if it is not available.
        low, high: ends of its 95% interval; None without one.
        chance: expected value of guessing; None without one.
        note: text shown beside the number, such as the reason why it is not available.
        deviation: standard deviation over splits or subsets, where the field reports it; None elsewhere.
        better: direction in which a run is better; None if there is none, or if the number is not of the run.
        num_people: number of people that it is computed from; None if the metric does not give it.
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
        """Make a figure of an estimate, with its interval and its number of people."""
        return cls(
            key, label, estimate.value, estimate.low, estimate.high, chance, note, better=better,
            num_people=estimate.num_people, by_judge=by_judge,
        )  # fmt: skip

    @classmethod
    def missing(
        cls, key: str, label: str, reason: str, *, chance: float | None = None, by_judge: bool = True
    ) -> "Figure":
        """Make a figure without a number; its note gives the reason."""
        return cls(key, label, math.nan, chance=chance, note=f"not available: {reason}", by_judge=by_judge)

    @property
    def caveat(self) -> str:
        """Warning if the number is computed from few people; "" otherwise."""
        if self.num_people is None or self.num_people >= FEW_PEOPLE or not math.isfinite(self.value):
            return ""
        if self.num_people < 2:
            return "one person only: no conclusion about others"
        return f"{self.num_people} people only" + ("" if self.low is None else ": the interval is too narrow")

    @property
    def remarks(self) -> str:
        """Note and caveat as shown in tables."""
        return "; ".join(filter(None, (self.note, self.caveat)))


@dataclass(frozen=True)
class Recognised:
    """A recogniser's embeddings of the rows of the evidence; a row is NaN where it detects nothing.

    Attributes:
        real: (N, d) embeddings of the real faces; None for a recogniser of voices.
        real_other: (N, d) embeddings of another real face of the same person; None if nobody has one.
        fake: (N, Z', d) embeddings of generated faces under the first Z' <= Z shared noises; None if there is `fresh`,
            except of readings.
        speech: (N, e) embeddings of the rows' speech; None if the recogniser embeds no speech, or the run reads none.
        fresh: (N, d) embeddings of the generated faces under the rows' own noises.
        readings: names of the columns, where each is a quantity of its own; empty for features.
    """

    real: Tensor | None = None
    real_other: Tensor | None = None
    fake: Tensor | None = None
    speech: Tensor | None = None
    fresh: Tensor | None = None
    readings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Training:
    """Sample of the training split, one face per clip.

    Attributes:
        faces: (M, H, W, 3) uint8.
        embeddings: (M, e) the judge's embeddings.
        person: (M,) person, numbered as in the evidence; -1 if the evidence is of another corpus.
        factors: {name: (M,)} true hidden factors; empty unless the corpus is synthetic.
    """

    faces: Tensor
    embeddings: Tensor
    person: Tensor
    factors: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """Input of a metric: real and generated faces of N rows, one row per clip, and the judge's embeddings of them.

    Attributes:
        judge: description of the judge, which was not trained with the run.
        split: split of the rows.
        seed: random seed of every redraw; equal evidence gives equal figures.
        person: (N,) person of each row.
        attributes: {column: (N,)} labels; -1 if unknown.
        encodings: (N, d) the judge's encodings of the conditions, such as voices.
        real: (N, e) the judge's embeddings of the real faces.
        real_other: (N, e) its embeddings of another real face of the same person; a row is NaN if there is none, and
            the attribute None if no row has one.
        fake: (N, Z, e) its embeddings of Z generated faces per row; noise z is the same for all rows. None for a run
            that only matches, like the other generated faces.
        real_faces: (N, H, W, 3) uint8.
        fake_faces: (N, Z, H, W, 3) uint8.
        fresh: (N, e) its embeddings of one further generated face per row, under the row's own noise. They are a sample
            of the generator's distribution; faces under a few shared noises are not.
        fresh_faces: (N, H, W, 3) uint8.
        logits: the judge's matching rule.
        max_candidates: maximum number of candidates that the rule can rank; None without a limit.
        recognised: {name: a recogniser's embeddings of the same rows}.
        training: faces of the run's training split; None if no metric reads them, or there are none.
        factors: {name: (N,)} float64, true hidden factors of the real faces; empty unless the corpus is synthetic.
        factor_sides: {name: part of the data that the factor affects}.
        same_voice_faces: renders faces, (N, H, W, 3) uint8, of other people who share what each row's voice carries;
            None where the condition is no voice, or nothing is hidden.
        embed: the judge's embedding of any faces, (B, H, W, 3) uint8 -> (B, e) on the CPU.
        cache: folder beside the corpus for expensive results, as safetensors and JSON, keyed by hashes; None if it
            cannot be written.
        observer: receives progress.
        faces_key: hash of the real rows.
        condition: kind of condition, such as "voice", "name" or "sentence".
        baselines: {name of another run: (N, e) the judge's embeddings of its faces of the same rows, each under the
            row's own noise}.
        holds_training_faces: True if the run was trained on some of the real faces.
        no_training: reason why `training` is None.
        languages: (N,) spoken language of each row, "" where unknown; empty if the corpus does not name any.
        clip_names: name of each row's clip in the corpus, by which a metric looks rows up in a table of its own.
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
    same_voice_faces: Callable[[], Tensor | None] | None = None
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
    languages: Sequence[str] = ()
    clip_names: Sequence[str] = ()
