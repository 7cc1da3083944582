"""Metric `matching`: K-way matching of voices and faces by the judge."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.evidence import Better, Evidence, Figure, Logits
from facegen.core.interfaces import Metric
from facegen.core.randomness import generator_for
from facegen.core.statistics import Bootstrap, Estimate, compared
from facegen.parts.metrics.negative_sampler import NegativeSampler
from facegen.parts.metrics.views import features_of, generated_embeddings, outside_views

Faces = Literal["real", "generated"]

_CHUNK_ROWS = 4096
_NAMES = {"v2f": "V-F", "f2v": "F-V"}
_FACES, _SAME_SEX = "f2f", "same sex"


class Matching(Metric):
    """Share of rows whose own partner the judge ranks above the partners of K - 1 other people.

        accuracy = 1/N sum_n [ own partner = argmax_k logit(query_n, candidate_k) ],   chance 1/K

    Voices query faces (V-F) and faces query voices (F-V), with real and with generated faces, among people of any sex
    and, where sex is known, among people of the query's sex. The own partner is at a random position among the
    candidates, so that a judge that gives equal scores reaches chance. With a recogniser's features, generated faces
    and second real faces query true faces (F-F) by the cosine.

    Settings:
        num_candidates: values of K.
        num_redraws: number of random draws of the other people; the accuracies are averaged.
        noise: "own": each generated face is drawn under the row's own noise, as in the paper. "shared": all candidates
            of a row are drawn under one noise and differ by their voices only, which is easier.
    Source:
        Choi, Park and Lee 2020, section 4: K of 2 and 10, five draws. Same-sex candidates, the intervals (people
        resampled) and the comparison of generated with real faces are ours.
    """

    def __init__(
        self,
        *,
        num_candidates: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = (2, 10),
        num_redraws: Annotated[int, Field(ge=1)] = 5,
        noise: Literal["own", "shared"] = "own",
    ) -> None:
        self.num_candidates, self.num_redraws, self.noise = num_candidates, num_redraws, noise

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute real, generated and their difference, in both directions, for each K; no difference within a sex."""
        sex = evidence.attributes.get("sex")
        sex_is_known = sex is not None and bool((sex >= 0).any())
        same_sex = NegativeSampler(evidence.person, sex) if sex_is_known else None
        pools = {"": NegativeSampler(evidence.person), _SAME_SEX: same_sex}
        figures = []
        for pool, negatives in pools.items():
            for direction in _NAMES:
                for num in sorted(set(self.num_candidates)):
                    figures += self._figures(evidence, direction, num, pool, negatives)
        for name, view in outside_views(evidence):
            figures += self._by_recogniser(view, name)
        return figures

    def _by_recogniser(self, evidence: Evidence, recogniser: str) -> list[Figure]:
        """Match faces to faces; a face that is not detected counts as a miss."""
        (ending, suffix), fake, other = features_of(recogniser), generated_embeddings(evidence), evidence.real_other
        queries = {"real": None if other is None else other[:, None], "generated": fake}
        negatives, figures = NegativeSampler(evidence.person), []
        for num in sorted(set(self.num_candidates)):
            for kind, faces in queries.items():
                if faces is None:
                    continue
                name = (f"f2f.{num}.{kind}{ending}", f"F-F {num}-way, {kind}{suffix}")
                is_detected = faces.isfinite().all(2)
                # A person without a second real face has no real query.
                has_query = is_detected.any(1) if kind == "real" else torch.ones(len(faces), dtype=torch.bool)
                rows = torch.nonzero((negatives.num >= num - 1) & has_query)[:, 0]
                if not len(rows):
                    figures += _unavailable([name], num, "too few people with a detected face", by_judge=False)
                    continue
                hits = self._hits(faces, evidence.real[:, None], _cosine, _FACES, num, rows, negatives, evidence.seed)
                accuracy = Bootstrap(evidence.person[rows], evidence.seed).share(hits)
                num_missed = int((~is_detected[rows]).sum())
                note = f"{num_missed} faces are not detected, and count as misses" if num_missed else ""
                better: Better | None = "higher" if kind == "generated" else None
                figures.append(Figure.of(*name, accuracy, 1 / num, note, better=better, by_judge=False))
        return figures

    def _figures(
        self, evidence: Evidence, direction: str, num: int, pool: str, negatives: NegativeSampler | None
    ) -> list[Figure]:
        faces: list[Faces] = ["real"] if evidence.fake is None else ["real", "generated"]
        ending, suffix = (".same_sex", ", same sex") if pool else ("", "")
        names = [
            (f"{direction}.{num}.{kind}{ending}", f"{_NAMES[direction]} {num}-way, {kind}{suffix}") for kind in faces
        ]
        if evidence.max_candidates is not None and num > evidence.max_candidates:
            return _unavailable(names, num, f"the judge ranks {evidence.max_candidates} candidates at most")
        if negatives is None:
            return _unavailable(names, num, "no sex labels")
        rows = torch.nonzero(negatives.num >= num - 1)[:, 0]
        if not len(rows):
            people = int(negatives.num.max()) + 1
            return _unavailable(names, num, f"{people} people{suffix} are fewer than {num} candidates")
        hits = {kind: self._hits_by_judge(evidence, kind, direction, num, rows, negatives) for kind in faces}
        bootstrap = Bootstrap(evidence.person[rows], evidence.seed)
        left_out = len(evidence.person) - len(rows)
        notes = {"real": f"{left_out} rows left out: too few candidates" if left_out else "", "generated": ""}
        if "generated" in hits:
            notes["generated"] = _overshoot(bootstrap, hits["generated"] - hits["real"])
        estimates = [bootstrap.share(hits[kind]) for kind in faces]
        figures = [
            # Real faces measure a run only if it has no generated ones: its own matching is then the judge.
            Figure.of(*name, accuracy, 1 / num, notes[kind], better="higher" if kind == faces[-1] else None)
            for name, kind, accuracy in zip(names, faces, estimates, strict=True)
        ]
        if "generated" in hits and not pool:
            # Rows and candidates are the same, so that the interval of the difference is narrower than theirs.
            difference = bootstrap.mean(hits["generated"] - hits["real"])
            note = compared(
                difference, 0.0, above="above 0: overshoot, not an improvement",
                below="below 0: generated faces are matched less often than real ones",
            )  # fmt: skip
            key, label = names[-1]
            figures.append(Figure.of(f"{key}_less_real", f"{label} minus real", difference, note=note))
        return figures

    def _hits_by_judge(
        self, evidence: Evidence, faces: Faces, direction: str, num: int, rows: Tensor, negatives: NegativeSampler
    ) -> Tensor:
        """Compute the (rows,) share of redraws in which the own partner wins; both kinds of faces share the draws."""
        fake = evidence.fake if self.noise == "shared" else generated_embeddings(evidence)
        face = evidence.real[:, None] if faces == "real" or fake is None else fake
        voice = evidence.encodings[:, None]
        query, other = (voice, face) if direction == "v2f" else (face, voice)
        return self._hits(query, other, evidence.logits, direction, num, rows, negatives, evidence.seed)

    def _hits(
        self,
        query: Tensor,
        other: Tensor,
        rule: Logits,
        direction: str,
        num: int,
        rows: Tensor,
        negatives: NegativeSampler,
        seed: int,
    ) -> Tensor:
        """Compute the (rows,) share of redraws in which the own partner wins.

        Args:
            query, other: (N, Z, d) queries and (N, Z', e) candidates of all rows.
            rule: matching rule.
            direction: direction of the rule.
            num: number of candidates.
            rows: rows that query.
            negatives: sampler of the other people.
            seed: random seed of the draws.
        """
        hits = torch.zeros(len(rows))
        for redraw in range(self.num_redraws):
            generator = generator_for(seed, "matching", num, redraw)
            chosen = torch.cat([rows[:, None], negatives.draw(rows, num - 1, generator)], dim=1)
            turn = torch.randint(num, (len(rows), 1), generator=generator)
            chosen = chosen.gather(1, (torch.arange(num) + turn) % num)
            own = (-turn[:, 0]) % num
            noise = torch.rand(len(rows), 1 + num, generator=generator)
            if self.noise == "shared":
                noise = noise[:, :1].expand(-1, 1 + num)
            for chunk in torch.arange(len(rows)).split(_CHUNK_ROWS):
                queries = _pick(query, rows[chunk], noise[chunk, 0])
                logits = rule(queries, _pick(other, chosen[chunk], noise[chunk, 1:]), direction).cpu()
                hits[chunk] += ((logits.argmax(dim=1) == own[chunk]) & logits.isfinite().all(dim=1)).float()
        return hits / self.num_redraws


def _cosine(query: Tensor, candidates: Tensor, _: str) -> Tensor:
    return functional.cosine_similarity(query[:, None], candidates, dim=2)


def _pick(values: Tensor, rows: Tensor, noise: Tensor) -> Tensor:
    """Pick one face per row by a number in [0, 1): (N, Z, e) -> (..., e)."""
    return values[rows, (noise * values.shape[1]).long()]


def _overshoot(bootstrap: Bootstrap, difference: Tensor) -> str:
    """Describe overshoot; "" if generated faces are not matched more often than real ones."""
    mean: Estimate = bootstrap.mean(difference)
    if mean.value <= 0 or mean.low is None:
        return ""
    if mean.low > 0:
        return f"overshoot: {mean.value:.3f} above real faces; generated faces exaggerate what voices reveal"
    return f"{mean.value:.3f} above real faces, not significant"


def _unavailable(names: list[tuple[str, str]], num: int, reason: str, *, by_judge: bool = True) -> list[Figure]:
    return [Figure.missing(*name, reason, chance=1 / num, by_judge=by_judge) for name in names]
