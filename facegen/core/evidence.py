"""What a metric is given, and what it answers with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Logits = Callable[[Tensor, Tensor, str], Tensor]
"""(query (B, d), candidates (B, K, e), direction) -> (B, K): the judge's matching rule."""

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Figure:
    """One number of a table.

    Attributes:
        name: what was measured, such as "V-F 10-way, generated".
        value: the number.
        low, high: its 95% interval, where one was drawn.
        chance: what guessing would give.
        note: what a reader must know beside it, such as why it is not available.
        deviation: the standard deviation over splits, where the field's custom is to say that.
        better: which way a run is better; None where neither is, and where the run has no part in the number.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    note: str = ""
    deviation: float | None = None
    better: Better | None = None


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
        logits: the judge's matching rule.
        max_candidates: most candidates that the rule can rank; None without a limit.
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
