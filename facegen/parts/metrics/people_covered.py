"""Metric `people_covered`: number of different people among generated faces."""

from typing import ClassVar

import torch
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.nearest import nearest
from facegen.parts.metrics.retrieval import one_row_per_person
from facegen.parts.metrics.views import generated_embeddings

_GENERATED = ("generated", "people covered, generated")
_REAL = ("real", "people covered, real")
_SHARE = ("share_of_real", "people covered, share of real")
"""Key and label of each figure."""
_ALONE = "one real face per person"
_Z95 = 1.959963984540054


class PeopleCovered(Metric):
    """Number of people nearest to any generated face, compared with that for second real faces.

        covered(X) = | { argmax over people p of cos(F(x), F(f_p)) : x in X } |

    The gallery holds one real face f_p per person. X has one face per person: in one set the faces generated from
    their voices, each under its own noise, in the other second real faces of the same people. Equal faces cover one
    person. Faces that each resemble a random person cover 63% of a large gallery. If the judge recognises everybody,
    second real faces cover all people. F are the judge's face features. The metric `identity` measures whether the
    faces are those of the right people.

    Source:
        Ours. The interval is the jackknife's over people, as for numbers of species (Heltshe and Forrester 1983).
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute both numbers, and their ratio with its interval."""
        rows = one_row_per_person(evidence, len(evidence.person))
        if evidence.real_other is not None:
            rows = rows[evidence.real_other[rows].isfinite().all(dim=1)]
        size = len(rows)
        note = f"of {size} people, one face each"
        if size < 2:
            return [Figure.missing(*_REAL, "fewer than two people")]
        figures, real = [], None
        if evidence.real_other is None:
            figures.append(Figure.missing(*_REAL, _ALONE))
        else:
            real = nearest(evidence.real_other[rows], evidence.real[rows])[1]
            figures.append(Figure(*_REAL, float(len(real.unique())), note=note, num_people=size))
        faces = generated_embeddings(evidence)
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
    num_fake, num_fake_without = _covered(fake)
    num_real, num_real_without = _covered(real[:, None])
    ratio = float(num_fake / num_real)
    # Without a person's face, the people that no other face covers are not covered.
    without = num_fake_without / num_real_without.clamp(min=1)
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
