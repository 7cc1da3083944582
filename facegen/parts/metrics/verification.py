"""Metric `verification`: equal error rate and area under the ROC curve of pairs of a voice and a face."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.evidence import Better, Evidence, Figure, key_part
from facegen.core.interfaces import Metric
from facegen.core.randomness import generator_for
from facegen.core.statistics import Bootstrap, Estimate
from facegen.parts.metrics.negative_sampler import NegativeSampler
from facegen.parts.metrics.operating_curve import rates_of
from facegen.parts.metrics.views import generated_embeddings

SEXES = ("female", "male")
"""Names of the classes of the attribute `sex`."""
MAX_LANGUAGES = 10
_CHUNK_ROWS, _CHUNK_RESAMPLES = 4096, 64
_RATES: tuple[tuple[str, str, Better], ...] = (("eer", "EER", "lower"), ("auc", "AUC", "higher"))


@dataclass(frozen=True)
class Group:
    """Rows whose pairs are measured together.

    Attributes:
        key, label: suffixes of the key and the label.
        rows: (N,) True for the rows of the group.
        classes: (N,) class that both people of a pair must share; None for no condition.
    """

    key: str
    label: str
    rows: Tensor
    classes: Tensor | None = None


class Verification(Metric):
    """Error rates of a threshold on the judge's score of one voice and one face (V-F).

        AUC = P(s(v, f of the same person) > s(v, f of another)),   ties count half,   chance 0.5
        EER = share of pairs of two people above the threshold at which as many pairs of one person lie below it

    Each row gives a pair of one person, and pairs with faces of other people. All pairs are measured, pairs of equal
    sex, and pairs within each sex and each language where the corpus has these columns; of generated faces, the first
    two. The figures compare encoders with published ones. They are no rate at which a person can be identified: among
    many people, most pairs above the threshold are of two people.

    Settings:
        num_negatives: number of other people per row.
    Source:
        Nagrani, Albanie and Zisserman 2018 (PINs): AUC; the FAME challenges of 2024 and 2026: EER. The intervals are
        ours: people are resampled, and a pair of two people has the product of their weights.
    """

    reads = frozenset[str]()

    def __init__(self, *, num_negatives: Annotated[int, Field(ge=1)] = 5) -> None:
        self.num_negatives = num_negatives

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute EER and AUC of real faces in all groups, and of generated faces over all people and given sex."""
        groups = _groups(evidence)
        figures = self._figures(evidence, "real", evidence.real, groups)
        generated = generated_embeddings(evidence)
        if generated is not None:
            given = [group for group in groups if group.key in ("", ".same_sex")]
            figures += self._figures(evidence, "generated", generated[:, 0], given)
        return figures

    def _figures(self, evidence: Evidence, kind: str, faces: Tensor, groups: list[Group]) -> list[Figure]:
        measures_run = kind == "generated" or evidence.fake is None
        figures = []
        for group in groups:
            names = [(f"{kind}.{rate}{group.key}", f"{label}, {kind}{group.label}") for rate, label, _ in _RATES]
            if evidence.max_candidates is not None:
                reason = "the judge ranks candidates against each other, and gives no score of a single pair"
                figures += [Figure.missing(*name, reason, chance=0.5) for name in names]
                continue
            rows = torch.nonzero(group.rows)[:, 0]
            classes = None if group.classes is None else group.classes[rows]
            negatives = NegativeSampler(evidence.person[rows], classes)
            querying = torch.nonzero(negatives.num >= 1)[:, 0]
            if not len(querying):
                figures += [Figure.missing(*name, "fewer than two people", chance=0.5) for name in names]
                continue
            estimates = self._estimates(evidence, faces, rows, querying, negatives)
            figures += [
                Figure.of(*name, estimate, 0.5, better=better if measures_run else None)
                for name, estimate, (_, _, better) in zip(names, estimates, _RATES, strict=True)
            ]
        return figures

    def _estimates(
        self, evidence: Evidence, faces: Tensor, rows: Tensor, querying: Tensor, negatives: NegativeSampler
    ) -> tuple[Estimate, Estimate]:
        """Estimate EER and AUC.

        Args:
            faces: (N, e) faces of all rows.
            rows: rows of the group.
            querying: positions within `rows` of the rows that have negatives.
            negatives: sampler of positions within `rows`.
        """
        generator = generator_for(evidence.seed, "verification")
        num = min(self.num_negatives, int(negatives.num[querying].min()))
        other = negatives.draw(querying, num, generator)
        query, face = rows[querying], torch.cat([rows[querying][:, None], rows[other]], dim=1)
        scores = torch.cat([
            evidence.logits(evidence.encodings[query[chunk]], faces[face[chunk]], "v2f").cpu()
            for chunk in torch.arange(len(query)).split(_CHUNK_ROWS)
        ])  # fmt: skip
        people = Bootstrap(evidence.person[query], evidence.seed)
        of_row = torch.full((len(evidence.person),), -1).index_copy_(0, query, people.of)
        one, second = of_row[query], of_row[face[:, 1:]]
        rates = rates_of(scores[:, 0], scores[:, 1:].flatten())

        def weighted(weights: Tensor) -> Tensor:
            parts = []
            for chunk in weights.split(_CHUNK_RESAMPLES):
                own = chunk[:, one]
                parts.append(rates(own, (own[:, :, None] * chunk[:, second]).flatten(1)))
            return torch.cat(parts)

        area, error = people.estimates(weighted)
        return error, area


def _groups(evidence: Evidence) -> list[Group]:
    """List the groups of rows that the corpus' columns give."""
    groups = [Group("", "", torch.ones(len(evidence.person), dtype=torch.bool))]
    sex = evidence.attributes.get("sex")
    if sex is not None and bool((sex >= 0).any()):
        groups.append(Group(".same_sex", ", same sex", sex >= 0, sex))
        groups += [
            Group(f".{name}", f", {name}", sex == number) for number, name in enumerate(SEXES) if (sex == number).any()
        ]
    counts = Counter(filter(None, evidence.languages))
    if len(counts) > 1:
        for language, _ in counts.most_common(MAX_LANGUAGES):
            spoken = torch.tensor([own == language for own in evidence.languages])
            groups.append(Group(f".language_{key_part(language)}", f", language {language}", spoken))
    return groups
