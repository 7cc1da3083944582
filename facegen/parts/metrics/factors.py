"""Metric `factors`: recovery of hidden factors from generated faces."""

import math
from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from facegen.core.evidence import Better, Evidence, Figure, Side, Training, key_part
from facegen.core.interfaces import Metric
from facegen.core.statistics import Bootstrap
from facegen.parts.metrics.factor_reading import Kind, Reading
from facegen.parts.metrics.linear_reader import LinearReader

_LEAST_FACES = 100
LEAST_SKILL = 0.1
"""Of the way from chance to certainty: a reader below it cannot tell a factor."""
_CARRIED: Mapping[str, tuple[Side, ...]] = {"voice": ("voice and face",)}
"""What a condition can tell; of a name, or of a sentence, it is all that shows in a person's face."""
_OF_A_PERSON: tuple[Side, ...] = ("voice and face", "face")


class Factors(Metric):
    """Recovery of each hidden factor from generated faces by a linear reader.

        R2 = r |r|,   r = corr(read from G(z, c), truth);   of a class, the share that is read right
        spread = deviation of what is read from generated faces, over that from real ones; of a class, of 1 - sum p^2
        share = variance of what is read between conditions, of that between conditions and noises

    A linear reader learns from real training faces whose truth is known, and is measured on the real faces of the
    evaluation ("real"): more than it reads there cannot be expected of generated faces. R2 is that of the best line
    through truth and reading, negative where the line falls. What the condition carries should be found again; of what
    it does not carry R2 should be 0, the accuracy chance, and the spread 1: drawn at random as it is among people. The
    chance of a class is the share of right readings if faces were dealt out anew. A factor that the reader itself
    cannot tell, 0.1 of the way from chance to certainty, says nothing, and those of the voice alone do not show.
    Generated faces are those under noises of their own; the share sets them beside faces under further noises.

    Source:
        Ours. Choi, Park and Lee 2020, figures 2 to 4, say by eye what the voice decides, and what the noise.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"training"})

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute reader, recovery, spread and share of each factor, and a mean over those that conditions carry."""
        fake_faces, training, missing = evidence.fake_faces, evidence.training, ""
        if not evidence.factors:
            missing = "the corpus does not know hidden factors"
        elif fake_faces is None:
            missing = "the run draws no faces"
        elif training is None or len(training.faces) < _LEAST_FACES:
            missing = f"fewer than {_LEAST_FACES} training faces for a reader to learn from"
        if missing or training is None or fake_faces is None:
            return [Figure.missing(*_carried_name("generated"), missing, by_judge=False)]
        strange = ~torch.isin(training.person, evidence.person)
        known = int(strange.sum()) < _LEAST_FACES
        readings = list(_readings(evidence, training, fake_faces, torch.ones_like(strange) if known else strange))
        note = "; it learnt from faces of these people" if known else ""
        carried = _CARRIED.get(evidence.condition, _OF_A_PERSON)
        found = [figure for reading in readings for figure in _figures(reading, evidence.condition, carried, note)]
        kinds: tuple[Kind, Kind] = ("real", "generated")
        return [_mean(readings, carried, kind) for kind in kinds] + found


def _readings(evidence: Evidence, training: Training, fake_faces: Tensor, rows: Tensor) -> Iterator[Reading]:
    shown = {name: values for name, values in training.factors.items() if evidence.factor_sides[name] != "voice"}
    reader = LinearReader.kept(
        training.faces[rows], {name: values[rows] for name, values in shown.items()}, evidence.cache
    )
    fresh, others = evidence.fresh_faces, fake_faces
    if fresh is None:
        fresh, others = fake_faces[:, 0], fake_faces[:, 1:]
    real, fake, further = (reader.read(faces) for faces in (evidence.real_faces, fresh, others))
    people = Bootstrap(evidence.person, evidence.seed)
    for factor in reader.factors:
        name = factor.name
        side, truth = evidence.factor_sides[name], evidence.factors[name]
        yield Reading(factor, side, truth.double(), real[name], fake[name], further[name], people)


def _figures(reading: Reading, condition: str, carried: tuple[Side, ...], note: str) -> Iterator[Figure]:
    name, key = f"factor {reading.factor.name}", f"{key_part(reading.factor.name)}"
    measure = "R2" if reading.factor.classes is None else "accuracy"
    found, chance = reading.recovery("real")
    decides = "moment's picture" if reading.side == "moment" else reading.side
    said = f"{measure} of the reader{note}; the factor decides the {decides}"
    yield Figure.of(f"{key}.real", f"{name}, real", found, chance, said, by_judge=False)
    names = (
        (f"{key}.generated", f"{name}, generated"),
        (f"{key}.spread", f"{name}, spread"),
        (f"{key}.share_of_condition", f"{name}, decided by the {condition}"),
    )
    if reading.skill("real") < LEAST_SKILL:
        reason = f"the reader cannot tell it from real faces ({measure} {found.value:.3f})"
        yield from (Figure.missing(*each, reason, by_judge=False) for each in names)
        return
    drawn, by_chance = reading.recovery("generated")
    better: Better | None = "higher" if reading.side in carried else None
    said = f"{measure}; on real faces {found.value:.3f}"
    yield Figure.of(*names[0], drawn, by_chance, said, better=better, by_judge=False)
    ratios = (
        (names[1], reading.spread(), "1: as among real faces"),
        (names[2], reading.share(), "the rest by the noise"),
    )
    for each, ratio, said in ratios:
        if math.isfinite(ratio.value):
            yield Figure.of(*each, ratio, note=said, by_judge=False)
        else:
            yield Figure.missing(*each, "every face is read alike", by_judge=False)


def _carried_name(kind: Kind) -> tuple[str, str]:
    """Key and label."""
    return f"carried.{kind}", f"factors that the condition carries, {kind}"


def _mean(readings: list[Reading], carried: tuple[Side, ...], kind: Kind) -> Figure:
    """Compute the mean skill over the factors that the reader can read."""
    chosen = [each for each in readings if each.side in carried and each.skill("real") >= LEAST_SKILL]
    name = _carried_name(kind)
    if not chosen:
        return Figure.missing(*name, "the reader can tell none of them from real faces", by_judge=False)

    def statistic(weights: Tensor) -> Tensor:
        return torch.stack([each.skills(kind, weights) for each in chosen]).mean(0)

    found = chosen[0].people.estimate(statistic)
    note = f"mean of {', '.join(each.factor.name for each in chosen)}: 0 is chance, 1 certainty"
    better: Better | None = "higher" if kind == "generated" else None
    return Figure.of(*name, found, 0.0, note, better=better, by_judge=False)
