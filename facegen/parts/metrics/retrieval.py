"""Metric `retrieval`: recall at K of the true face."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.evidence import Evidence, Figure
from facegen.core.interfaces import Metric
from facegen.core.randomness import generator_for
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.gallery_ranks import gallery_distances, share_within
from facegen.parts.metrics.views import features_of, generated_embeddings, outside_views

_CHUNK_ROWS = 256
_DISTANCES = ("L1", "L2", "cosine")


class Retrieval(Metric):
    """Share of generated faces whose true face is among the K nearest of a gallery with one real face per person.

        R@K = E [ rank of the true face by d(F(G(z, c)), F(f)) <= K ],   chance K / size of the gallery

    Distances are L1, L2 and the cosine distance in the face features of the judge and of each recogniser. Faces at
    equal distances share their ranks. A generated face that a recogniser does not detect is a miss.

    Settings:
        num_nearest: values of K.
        max_gallery: maximum size of the gallery; larger ones are sampled.
    Source:
        Choi, Park and Lee 2020, section 4, third quantitative analysis; Oh et al. 2019. The gallery of the papers has
        5,000 faces, and the features of the first are those of the run's own match stage.
    """

    def __init__(
        self,
        *,
        num_nearest: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (1, 2, 5, 10),
        max_gallery: Annotated[int, Field(ge=2)] = 5000,
    ) -> None:
        self.num_nearest, self.max_gallery = sorted(set(num_nearest)), max_gallery

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute R@K for each distance and each K, of the judge and of each recogniser."""
        figures = self._figures(evidence, "")
        for name, view in outside_views(evidence):
            figures += self._figures(view, name)
        return figures

    def _figures(self, evidence: Evidence, recogniser: str) -> list[Figure]:
        ending, suffix = features_of(recogniser)
        faces = generated_embeddings(evidence)
        if faces is None:
            return [] if recogniser else [Figure.missing("", "retrieval", "the run draws no faces")]
        rows = one_row_per_person(evidence, self.max_gallery)
        size = len(rows)
        if size < 2:
            reason = "the gallery has one face"
            return [Figure.missing(ending[1:], f"retrieval{suffix}", reason, by_judge=not recogniser)]
        people = Bootstrap(evidence.person[rows], evidence.seed)
        is_detected = faces[rows].isfinite().all(2)
        num_missed = int((~is_detected).sum())
        misses = f"; {num_missed} generated faces are not detected, and count as misses" if num_missed else ""
        figures = []
        for distance in _DISTANCES:
            nearer, ties = _ranks(faces[rows].nan_to_num(), evidence.real[rows], distance)
            for num in self.num_nearest:
                hits = (share_within(nearer, ties, num) * is_detected).mean(1)
                key, label = f"r{num}.{distance.lower()}{ending}", f"retrieval R@{num}, {distance}{suffix}"
                recall, chance, note = people.share(hits), min(num / size, 1.0), f"gallery of {size}{misses}"
                figures.append(Figure.of(key, label, recall, chance, note, better="higher", by_judge=not recogniser))
        return figures


def one_row_per_person(evidence: Evidence, max_people: int) -> Tensor:
    """Choose one row for each of at most `max_people` people, by the seed."""
    order = torch.randperm(len(evidence.person), generator=generator_for(evidence.seed, "gallery"))
    person, place = evidence.person[order].sort(stable=True)
    first = torch.ones_like(person, dtype=torch.bool)
    first[1:] = person[1:] != person[:-1]
    return order[place[first].sort().values][:max_people]


def _ranks(queries: Tensor, gallery: Tensor, distance: str) -> tuple[Tensor, Tensor]:
    """Count gallery faces nearer than the own face, and ties: (N, Z, e), (N, e) -> two (N, Z)."""
    nearer, ties = [], []
    for rows in torch.arange(len(gallery)).split(_CHUNK_ROWS):
        distances = gallery_distances(queries[rows], gallery, distance)
        own = distances.gather(2, rows[:, None, None].expand(-1, queries.shape[1], 1))
        nearer.append((distances < own).sum(2))
        ties.append((distances == own).sum(2) - 1)
    return torch.cat(nearer), torch.cat(ties)
