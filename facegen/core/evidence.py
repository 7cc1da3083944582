"""What a metric is given, and what it answers with."""

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
"""(query (B, d), candidates (B, K, e), direction) -> (B, K): the judge's matching rule."""

Better = Literal["higher", "lower"]
Side = Literal["voice and face", "face", "moment", "voice"]
"""What a hidden factor decides: voice and face, one of them, or a moment's picture alone."""
FEW_PEOPLE = 20
"""A percentile interval over fewer people is too narrow."""


def key_part(name: str) -> str:
    """One part of a figure's key from a name that people chose, such as that of a run or a recogniser."""
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_") or "_"


@dataclass(frozen=True)
class Figure:
    """A measured number.

    Attributes:
        key: identifies what was measured, such as "v2f.10.generated": lower case, parts joined by dots. A metric gives
            it without its own name; the report puts that before it ("matching.v2f.10.generated"). Verdicts,
            comparisons and programs read keys.
        label: what was measured, for people; nothing depends on it.
        value: the number.
        low, high: its 95% interval, where one was drawn.
        chance: what guessing would give.
        note: what a reader must know beside it, such as why it is not available.
        deviation: the standard deviation over splits, where the field's custom is to say that.
        better: which way a run is better; None where neither is, and where the run has no part in the number.
        num_people: how many people it rests on; None where the metric does not say.
        by_judge: the judge's features or its matching rule are behind it.
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
                object.__setattr__(self, name, None)  # an interval without ends is none

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
        """A figure of an estimate, with its interval and the number of its people."""
        return cls(
            key, label, estimate.value, estimate.low, estimate.high, chance, note, better=better,
            num_people=estimate.num_people, by_judge=by_judge,
        )  # fmt: skip

    @classmethod
    def missing(
        cls, key: str, label: str, reason: str, *, chance: float | None = None, by_judge: bool = True
    ) -> "Figure":
        """A figure without a number, and why."""
        return cls(key, label, math.nan, chance=chance, note=f"not available: {reason}", by_judge=by_judge)

    @property
    def caveat(self) -> str:
        """A warning where the number rests on few people; "" elsewhere."""
        if self.num_people is None or self.num_people >= FEW_PEOPLE or not math.isfinite(self.value):
            return ""
        if self.num_people < 2:
            return "one person only: says nothing of others"
        return f"{self.num_people} people only" + ("" if self.low is None else ": the interval is too narrow")

    @property
    def remarks(self) -> str:
        """Note and caveat, as a table shows them."""
        return "; ".join(filter(None, (self.note, self.caveat)))


@dataclass(frozen=True)
class Recognised:
    """What an outside recogniser has of the rows of the evidence; a row of NaN where it found nothing.

    Attributes:
        real: (N, d) of the real faces.
        real_other: (N, d) likewise, of another real face of the same person; None where nobody has one.
        fake: (N, Z', d) likewise, of generated faces under the first Z' <= Z noises; None where `fresh` is all.
        speech: (N, e) of the rows' speech; None where it hears none, or the run reads none.
        fresh: (N, d) of the generated faces under noises of their own.
    """

    real: Tensor | None = None
    real_other: Tensor | None = None
    fake: Tensor | None = None
    speech: Tensor | None = None
    fresh: Tensor | None = None


@dataclass(frozen=True)
class Training:
    """One face each of some clips of the training split.

    Attributes:
        faces: (M, H, W, 3) uint8.
        embeddings: (M, e) the judge's.
        person: (M,) who it is, in the numbers of the rows of the evidence.
        factors: {name: (M,)} true hidden factors; empty but for synthetic corpora.
    """

    faces: Tensor
    embeddings: Tensor
    person: Tensor
    factors: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """A run's faces and the real ones, as a judge that was not trained with it sees them. One row a test clip.

    Attributes:
        judge: who judged, in words.
        split: where the rows come from.
        seed: of every redraw, so that a table can be printed again.
        person: (N,) who it is.
        attributes: {column: (N,)} labels; -1 where unknown.
        encodings: (N, d) the judge's encodings of the conditions (voices).
        real: (N, e) the judge's embeddings of the real faces.
        real_other: (N, e) likewise, of another real face of the same person; a row of NaN, or None for all, where there
            is none.
        fake: (N, Z, e) likewise, of Z generated faces a row; noise z is the same for all rows.
        real_faces: (N, H, W, 3) uint8.
        fake_faces: (N, Z, H, W, 3) uint8.
        fresh: (N, e) the judge's embeddings of one further generated face a row, each under a noise of its own: a
            sample of all that is drawn, as faces under a few noises that all rows share are not.
        fresh_faces: (N, H, W, 3) uint8.
        logits: the judge's matching rule.
        max_candidates: most candidates that the rule can rank; None without a limit.
        recognised: {name: what an outside recogniser has of the same rows}.
        training: some faces that the run learnt from; None where nothing asks for them.
        factors: {name: (N,)} float64, the true hidden factors of the real faces; empty but for synthetic corpora.
        factor_sides: {name: what the factor decides}.
        embed: (B, H, W, 3) uint8 -> (B, e) on the CPU, the judge's features of any faces.
        cache: a folder beside the corpus, for what is dear to compute: safetensors and JSON only, keyed by hashes.
        observer: told how long work goes.
        faces_key: changes when the real rows do.
        condition: what people are drawn from, in words, such as "voice", "name" or "sentence".
        baselines: {name of another run: (N, e) the judge's embeddings of faces that it draws of the same rows, each
            under a noise of its own}.
        holds_training_faces: some of the real faces are ones that the run learnt from.
        no_training: why `training` is None.
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
