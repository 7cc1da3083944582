"""Metric `people_covered`: number of different people among generated faces."""

from typing import ClassVar

import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.parts.metrics.nearest import nearest
from facegen.parts.metrics.retrieval import one_row_a_person
from facegen.parts.metrics.views import drawn

_GENERATED = ("generated", "people covered, generated")
_REAL = ("real", "people covered, real")
_SHARE = ("share_of_real", "people covered, share of real")
"""Key and label of each figure."""
_ALONE = "one real face a person"
_Z95 = 1.959963984540054


class PeopleCovered(Metric):
    """Number of people nearest to any generated face, compared with that for second real faces.

        covered(X) = | { argmax over people p of cos(F(x), F(f_p)) : x in X } |

    The gallery holds one real face f_p a person. One face of each set for every person is set beside it: the faces
    drawn from their voices, each under a noise of its own, and other real faces of the same people. Faces that are all
    alike cover one person; as many faces as people, each like a person at random, cover 63% of a large gallery; a
    judge that knows everybody finds all people among second real faces. F are the judge's face features. The metric
    `identity` asks instead whether they are the right people.

    Source:
        Ours. The interval is the jackknife's over people, as for numbers of species (Heltshe and Forrester 1983).
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute both numbers, and their ratio with its interval."""
        rows = one_row_a_person(evidence, len(evidence.person))
        if evidence.real_other is not None:
            rows = rows[evidence.real_other[rows].isfinite().all(dim=1)]
        size = len(rows)
        note = f"of {size} people, a face each"
        if size < 2:
            return [Figure.missing(*_REAL, "fewer than two people")]
        figures, real = [], None
        if evidence.real_other is None:
            figures.append(Figure.missing(*_REAL, _ALONE))
        else:
            real = nearest(evidence.real_other[rows], evidence.real[rows])[1]
            figures.append(Figure(*_REAL, float(len(real.unique())), note=note, num_people=size))
        faces = drawn(evidence)
        if faces is None:
            return figures
        fake = nearest(faces[rows], evidence.real[rows])[1]
        covered = float(_covered(fake)[0])
        figures.insert(0, Figure(*_GENERATED, covered, note=note, better="higher", num_people=size))
        if real is None:
            return [*figures, Figure.missing(*_SHARE, _ALONE)]
        return [*figures, _share(fake, real)]


def _share(fake: Tensor, real: Tensor) -> Figure:
    """Compute the ratio of the numbers covered by (N, Z) and (N,) nearest people."""
    found, left = _covered(fake)
    other, other_left = _covered(real[:, None])
    ratio = float(found / other)
    # A person left out takes along the people that nobody else's face covers.
    without = left / other_left.clamp(min=1)
    num = len(real)
    error = float(((num - 1) / num * (without - without.mean()).square().sum()).sqrt())
    low, high = max(ratio - _Z95 * error, 0.0), ratio + _Z95 * error
    note = "1: as many as second real faces of the same people"
    return Figure(*_SHARE, ratio, low, high, note=note, better="higher", num_people=num)


def _covered(nearest_people: Tensor) -> tuple[Tensor, Tensor]:
    """Count covered people: mean over the Z columns of (N, Z), and (N,) counts without each row."""
    num = len(nearest_people)
    total, lost = torch.zeros((), dtype=torch.float64), torch.zeros(num, dtype=torch.float64)
    for column in nearest_people.unbind(1):
        faces = torch.bincount(column, minlength=num)
        total += (faces > 0).sum()
        lost += (faces[column] == 1).double()
    noises = nearest_people.shape[1]
    return total / noises, (total - lost) / noises
