"""Features of real and generated faces, of the judge and of each recogniser."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure, Recognised, key_part

JUDGE = "judge"
"""Name of the judge's own view."""


@dataclass(frozen=True)
class View:
    """Features of real faces and of one generated face each; equal sizes give equal bias.

    Attributes:
        name: whose features, such as "judge".
        real: (N, d)
        fake: (N, d); None where the run draws no faces.
        person: (N,) who it is.
        left_out: how many rows there were where a face was not found.
    """

    name: str
    real: Tensor
    fake: Tensor | None
    person: Tensor
    left_out: int = 0

    @property
    def sizes(self) -> str:
        """Number of faces, in words, and of those not detected."""
        drawn = "" if self.fake is None else f" and {len(self.fake)} generated"
        missing = f" ({self.left_out} more without a face that {self.name} finds)" if self.left_out else ""
        return f"{len(self.real)} real{drawn} faces{missing}"

    def figures(self, figures: Iterable[Figure]) -> list[Figure]:
        """Complete figures of this view by the number of its people and by whether they are the judge's."""
        num_people = len(self.person.unique())
        return [
            replace(figure, by_judge=self.name == JUDGE, num_people=figure.num_people or num_people)
            for figure in figures
        ]


def one_a_row(fake: Tensor, fresh: Tensor | None) -> Tensor:
    """Select one generated face per row: that under its own noise, or else the shared noises in turn.

    Faces under a few noises that all rows share are no sample of what is drawn: whatever follows the noise alone, such
    as the background, is there in so many kinds only.

    Args:
        fake: (N, Z, ...)
        fresh: (N, ...)
    """
    if fresh is not None:
        return fresh
    rows = torch.arange(len(fake))
    return fake[rows, rows % fake.shape[1]]


def drawn(evidence: Evidence) -> Tensor | None:
    """Return the generated faces of each row, (N, Z, e), as a sample of the noise if there is one.

    One face under a noise of its own, as `one_a_row`; where there is none, those under the Z noises that rows share.
    """
    return evidence.fake if evidence.fresh is None else evidence.fresh[:, None]


def features_of(recogniser: str) -> tuple[str, str]:
    """Return the endings of key and label of figures in a recogniser's features; empty for the judge, ""."""
    return (f".{key_part(recogniser)}", f", {recogniser} features") if recogniser else ("", "")


def outside_views(evidence: Evidence) -> Iterator[tuple[str, Evidence]]:
    """Yield each recogniser of faces with the evidence in its features, for rows whose true face it detects.

    Generated faces that it does not find are rows of NaN, and so are second real faces. The encodings stay the judge's,
    and of the recognisers only those stay that hear.
    """
    for name, seen in evidence.recognised.items():
        generated = seen.fake if seen.fresh is None else seen.fresh[:, None]
        if seen.real is None or (evidence.fake is not None and generated is None):
            continue
        rows = seen.real.isfinite().all(1)
        yield name, replace(
            evidence, person=evidence.person[rows], encodings=evidence.encodings[rows], real=seen.real[rows],
            attributes={column: values[rows] for column, values in evidence.attributes.items()},
            real_other=None if seen.real_other is None else seen.real_other[rows],
            fake=None if generated is None or evidence.fake is None else generated[rows], fresh=None,
            real_faces=evidence.real_faces[rows], fake_faces=None, fresh_faces=None,
            recognised={
                ears: Recognised(speech=each.speech[rows])
                for ears, each in evidence.recognised.items()
                if each.speech is not None
            },
        )  # fmt: skip


def face_views(evidence: Evidence) -> Iterator[View]:
    """Yield the judge's view, and that of each recogniser of faces."""
    fake = None if evidence.fake is None else one_a_row(evidence.fake, evidence.fresh)
    yield View(JUDGE, evidence.real, fake, evidence.person)
    for name, recognised in evidence.recognised.items():
        made = recognised.fresh
        if made is None and recognised.fake is not None:
            made = one_a_row(recognised.fake, None)
        if recognised.real is None or (fake is not None and made is None):
            continue
        found = recognised.real.isfinite().all(1)
        found = found if made is None else found & made.isfinite().all(1)
        yield View(
            name, recognised.real[found], None if made is None else made[found], evidence.person[found],
            int((~found).sum()),
        )  # fmt: skip
