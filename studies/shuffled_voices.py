"""Retrieval of photographs by drawn faces, and the same with voices exchanged between people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.core.randomness import generator_for
from facegen.core.statistics import Bootstrap, Estimate
from facegen.parts.metrics.gallery_ranks import gallery_distances, share_of_choices, share_within

MEASURES = {"R@1": ("within", 1), "R@10": ("within", 10), "10-way": ("choices", 10)}
"""{name: (share of ranks up to K, or share of random choices of K faces in which the true one is the nearest; K)}"""
QUERIES = {"single faces": False, "mean of a voice's faces": True}
"""{name: whether the features of a voice's faces are averaged}"""
_CHUNK_ROWS = 16
_TAIL = 0.025


@dataclass(frozen=True)
class Fold:
    """Photographs of people, one each, and the faces drawn for their voices, as features of one recogniser.

    Attributes:
        person: (N,) number of the person.
        sex: (N,) 0 female, 1 male, -1 unknown.
        real: (N, e) photographs.
        drawn: (N, Z, e) drawn faces; NaN where no face is detected, which is a miss.
    """

    person: Tensor
    sex: Tensor
    real: Tensor
    drawn: Tensor

    def of_sex(self, sex: int) -> "Fold":
        """Return the people of one sex, whose photographs are a gallery of their own."""
        rows = self.sex == sex
        return Fold(self.person[rows], self.sex[rows], self.real[rows], self.drawn[rows])


@dataclass(frozen=True)
class Shuffled:
    """A measure with voices exchanged at random, many times.

    Attributes:
        mean: over shuffles.
        low, high: 2.5% and 97.5% quantiles over shuffles.
        p_value: share of shuffles, the true assignment counted as one, that reach the value of the true one.
    """

    mean: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Retrieved:
    """Result for one group of people, one kind of query and one measure.

    Attributes:
        group, queries, measure: names of the three.
        num_people: number of people.
        estimate: value with its interval over people.
        chance: expected value of guessing.
        shuffled: with voices exchanged within the group's galleries.
        shuffled_within_sex: with voices exchanged between people of one sex; None where that is the same.
    """

    group: str
    queries: str
    measure: str
    num_people: int
    estimate: Estimate
    chance: float
    shuffled: Shuffled
    shuffled_within_sex: Shuffled | None = None

    @property
    def is_above(self) -> bool:
        """True if the value is above 97.5% of the shuffles."""
        return self.shuffled.p_value <= _TAIL


def retrieve(folds: Sequence[Fold], num_shuffles: int, seed: int, distance: str = "cosine") -> list[Retrieved]:
    """Measure all people and, where sexes are known, those of each sex among photographs of that sex.

    Args:
        folds: galleries that are searched separately; results are averaged over people.
        num_shuffles: number of times that voices are exchanged.
        seed: random seed of the shuffles.
        distance: L1, L2 or cosine.
    """
    women, men = ([fold.of_sex(sex) for fold in folds] for sex in (0, 1))
    groups = {"all": list(folds), "same sex": women + men, "women": women, "men": men}
    results = []
    for group, blocks in groups.items():
        blocks = [block for block in blocks if len(block.person)]
        smallest = min((len(block.person) for block in blocks), default=0)
        measures = {name: wanted for name, wanted in MEASURES.items() if wanted[1] < smallest}
        for queries, averages in QUERIES.items():
            if not measures or (averages and blocks[0].drawn.shape[1] == 1):
                continue
            hits = [all_hits(block, distance, measures, averages=averages) for block in blocks]
            results += [
                _result(group, queries, measure, blocks, [of_block[measure] for of_block in hits], num_shuffles, seed)
                for measure in measures
            ]
    return results


def _result(
    group: str, queries: str, measure: str, blocks: Sequence[Fold], hits: Sequence[Tensor], num_shuffles: int, seed: int
) -> Retrieved:
    people = Bootstrap(torch.cat([block.person for block in blocks]), seed)
    num_rows = sum(len(block.person) for block in blocks)
    kind, num = MEASURES[measure]
    # K / N in every gallery of N, averaged over its N people.
    chance = 1 / num if kind == "choices" else num * len(blocks) / num_rows
    anybody = shuffle(hits, [torch.zeros_like(block.sex) for block in blocks], num_shuffles, seed)
    has_sexes = group == "all" and all(bool((block.sex >= 0).any()) for block in blocks)
    one_sex = shuffle(hits, [block.sex for block in blocks], num_shuffles, seed) if has_sexes else None
    estimate = people.share(torch.cat([matrix.diagonal() for matrix in hits]))
    return Retrieved(group, queries, measure, people.num_people, estimate, chance, anybody, one_sex)


def all_hits(
    fold: Fold, distance: str, measures: Mapping[str, tuple[str, int]] = MEASURES, *, averages: bool
) -> dict[str, Tensor]:
    """Score every voice's drawn faces against every photograph as if it were that of the speaker.

    Returns:
        {measure: (N voices, N photographs)}, means over the faces of a voice.
    """
    drawn = fold.drawn.nanmean(1, keepdim=True) if averages else fold.drawn
    size, parts = len(fold.real), []
    for queries in drawn.split(_CHUNK_ROWS):
        is_detected = queries.isfinite().all(2)[:, :, None]
        distances = gallery_distances(queries.nan_to_num(), fold.real, distance)
        nearer = (distances[..., None, :] < distances[..., :, None]).sum(3)
        ties = (distances[..., None, :] == distances[..., :, None]).sum(3) - 1
        scores = {
            name: share_within(nearer, ties, num) if kind == "within" else share_of_choices(nearer, ties, size, num)
            for name, (kind, num) in measures.items()
        }
        parts.append({name: (score.double() * is_detected).mean(1) for name, score in scores.items()})
    return {name: torch.cat([part[name] for part in parts]) for name in measures}


def shuffle(hits: Sequence[Tensor], labels: Sequence[Tensor], num_shuffles: int, seed: int) -> Shuffled:
    """Exchange voices at random between people of one label.

    Args:
        hits: (N, N) of each gallery: score of the voice's faces (row) against the photograph (column).
        labels: (N,) label of each person of each gallery.
    """
    generator = generator_for(seed, "shuffled voices")
    total, num_rows = torch.zeros(num_shuffles, dtype=torch.float64), 0
    for matrix, label in zip(hits, labels, strict=True):
        for value in label.unique():
            rows = (label == value).nonzero()[:, 0]
            order = torch.rand(num_shuffles, len(rows), generator=generator).argsort(1)
            total += matrix[rows[order], rows].sum(1)
        num_rows += len(label)
    values = total / num_rows
    own = float(torch.cat([matrix.diagonal() for matrix in hits]).mean())
    low, high = torch.quantile(values, torch.tensor([_TAIL, 1 - _TAIL], dtype=torch.float64)).tolist()
    num_reaching = int((values >= own - 1e-12).sum())
    return Shuffled(float(values.mean()), low, high, (1 + num_reaching) / (1 + num_shuffles))
