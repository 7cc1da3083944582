"""Features of real and generated faces, of the judge and of each recogniser."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure, Recognised, key_part

JUDGE = "judge"
"""Name of the judge's view."""


@dataclass(frozen=True)
class View:
    """Features of real faces and of one generated face per real one; equal sizes give equal bias.

    Attributes:
        name: name of the network, such as "judge".
        real: (N, d) features of the real faces.
        fake: (N, d) features of the generated faces; None for a run that only matches.
        person: (N,) person of each row.
        left_out: number of rows left out because a face was not detected.
    """

    name: str
    real: Tensor
    fake: Tensor | None
    person: Tensor
    left_out: int = 0

    @property
    def sizes(self) -> str:
        """Description of the number of faces, and of rows left out."""
        generated = "" if self.fake is None else f" and {len(self.fake)} generated"
        missing = f" ({self.left_out} more in which {self.name} does not detect a face)" if self.left_out else ""
        return f"{len(self.real)} real{generated} faces{missing}"

    def figures(self, figures: Iterable[Figure]) -> list[Figure]:
        """Add the number of people of this view, and whether the view is the judge's, to figures."""
        num_people = len(self.person.unique())
        return [
            replace(figure, by_judge=self.name == JUDGE, num_people=figure.num_people or num_people)
            for figure in figures
        ]


def one_per_row(fake: Tensor, fresh: Tensor | None) -> Tensor:
    """Select one generated face per row: that under its own noise, or else under the shared noises in turn.

    Faces under a few shared noises are not a sample of the generator's distribution: what depends on the noise alone,
    such as the background, takes as few values as there are noises.

    Args:
        fake: (N, Z, ...) faces under the shared noises, or their features.
        fresh: (N, ...) faces under the rows' own noises, or their features; None if there are none.
    """
    if fresh is not None:
        return fresh
    rows = torch.arange(len(fake))
    return fake[rows, rows % fake.shape[1]]


def generated_embeddings(evidence: Evidence) -> Tensor | None:
    """Return embeddings of generated faces: (N, 1, e) under own noises, or else (N, Z, e) under shared ones."""
    return evidence.fake if evidence.fresh is None else evidence.fresh[:, None]


def features_of(recogniser: str) -> tuple[str, str]:
    """Return the suffixes of key and label of figures in a recogniser's features; empty for the judge, ""."""
    return (f".{key_part(recogniser)}", f", {recogniser} features") if recogniser else ("", "")


def outside_views(evidence: Evidence) -> Iterator[tuple[str, Evidence]]:
    """Yield each recogniser of face features with the evidence in them, for rows whose true face it detects.

    Rows of generated faces and of second real faces are NaN if the recogniser does not detect a face. The encodings
    remain the judge's, and `recognised` holds the recognisers of voices only.
    """
    for name, own in evidence.recognised.items():
        generated = own.fake if own.fresh is None else own.fresh[:, None]
        if own.readings or own.real is None or (evidence.fake is not None and generated is None):
            continue
        rows = own.real.isfinite().all(1)
        yield name, replace(
            evidence, person=evidence.person[rows], encodings=evidence.encodings[rows], real=own.real[rows],
            attributes={column: values[rows] for column, values in evidence.attributes.items()},
            real_other=None if own.real_other is None else own.real_other[rows],
            fake=None if generated is None or evidence.fake is None else generated[rows], fresh=None,
            real_faces=evidence.real_faces[rows], fake_faces=None, fresh_faces=None,
            recognised={
                voices: Recognised(speech=recognised.speech[rows])
                for voices, recognised in evidence.recognised.items()
                if recognised.speech is not None
            },
        )  # fmt: skip


def face_views(evidence: Evidence) -> Iterator[View]:
    """Yield the judge's view, and that of each recogniser of features of faces."""
    fake = None if evidence.fake is None else one_per_row(evidence.fake, evidence.fresh)
    yield View(JUDGE, evidence.real, fake, evidence.person)
    for name, recognised in evidence.recognised.items():
        generated = recognised.fresh
        if generated is None and recognised.fake is not None:
            generated = one_per_row(recognised.fake, None)
        if recognised.readings or recognised.real is None or (fake is not None and generated is None):
            continue
        rows = recognised.real.isfinite().all(1)
        rows = rows if generated is None else rows & generated.isfinite().all(1)
        generated = None if generated is None else generated[rows]
        yield View(name, recognised.real[rows], generated, evidence.person[rows], int((~rows).sum()))
