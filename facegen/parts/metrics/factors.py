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
"""Minimum skill of the reader on real faces, 0 at chance and 1 at certainty, for a factor to be measured."""
_CARRIED: Mapping[str, tuple[Side, ...]] = {"voice": ("voice and face",)}
"""Factors that each kind of condition carries; names and sentences carry all factors of a person."""
_OF_A_PERSON: tuple[Side, ...] = ("voice and face", "face")


class Factors(Metric):
    """Recovery of each hidden factor from generated faces by a linear reader.

        R2 = r |r|,   r = corr(reading of G(z, c), truth);   for classes, the share of correct readings
        spread = standard deviation of readings of generated faces / that of real faces;   for classes, of 1 - sum p^2
        share = variance of the readings between conditions / variance between conditions and noises
        share, real = cov(reading of one face, reading of another person's with the same voice) / variance

    A linear reader is trained on real training faces, whose factors are known, and tested on the real faces of the
    evaluation ("real"), which limits what can be expected of generated faces. R2 is that of the best line through truth
    and reading, with a negative sign if the line falls. Factors that the condition carries should be recovered. For the
    others, R2 should be 0, the accuracy at chance and the spread 1: the generator should draw them at random, as they
    are distributed among people. The chance level of a class is the expected share of correct readings under a random
    permutation of the faces. A factor for which the reader's skill on real faces is below 0.1 (0 is chance, 1 is
    certainty) is not measured, nor are factors of the voice alone. Generated faces are those under the rows' own
    noises; the share compares them with faces under further noises. The share among real faces is what a faithful
    generator reaches: it is below 1 for what the voice carries, as far as the reader errs, and above 0 for what goes
    with it, as beards with the sex.

    Source:
        Ours. Choi, Park and Lee 2020, figures 2 to 4, show examples of what the voice decides and what the noise does.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"training"})

    def measure(self, evidence: Evidence) -> list[Figure]:
        """Compute reader, recovery, spread and share of each factor, and a mean over those that conditions carry."""
        fake_faces, training, missing = evidence.fake_faces, evidence.training, ""
        if not evidence.factors:
            missing = "the corpus has no hidden factors"
        elif fake_faces is None:
            missing = "the run draws no faces"
        elif training is None or len(training.faces) < _LEAST_FACES:
            missing = f"fewer than {_LEAST_FACES} training faces for a reader to learn from"
        if missing or training is None or fake_faces is None:
            return [Figure.missing(*_carried_name("generated"), missing, by_judge=False)]
        is_other_person = ~torch.isin(training.person, evidence.person)
        uses_same_people = int(is_other_person.sum()) < _LEAST_FACES
        rows = torch.ones_like(is_other_person) if uses_same_people else is_other_person
        readings = list(_readings(evidence, training, fake_faces, rows))
        note = ", trained on faces of the same people" if uses_same_people else ""
        carried = _CARRIED.get(evidence.condition, _OF_A_PERSON)
        figures = [figure for reading in readings for figure in _figures(reading, evidence.condition, carried, note)]
        kinds: tuple[Kind, Kind] = ("real", "generated")
        return [_mean(readings, carried, kind) for kind in kinds] + figures


def _readings(evidence: Evidence, training: Training, fake_faces: Tensor, rows: Tensor) -> Iterator[Reading]:
    shown = {name: values for name, values in training.factors.items() if evidence.factor_sides[name] != "voice"}
    reader = LinearReader.cached(
        training.faces[rows], {name: values[rows] for name, values in shown.items()}, evidence.cache
    )
    fresh, others = evidence.fresh_faces, fake_faces
    if fresh is None:
        fresh, others = fake_faces[:, 0], fake_faces[:, 1:]
    real, fake, further = (reader.read(faces) for faces in (evidence.real_faces, fresh, others))
    same_voice = evidence.same_voice_faces and evidence.same_voice_faces()
    alike = {} if same_voice is None else reader.read(same_voice)
    people = Bootstrap(evidence.person, evidence.seed)
    for factor in reader.factors:
        name = factor.name
        side, truth = evidence.factor_sides[name], evidence.factors[name]
        yield Reading(factor, side, truth.double(), real[name], fake[name], further[name], people, alike.get(name))


def _figures(reading: Reading, condition: str, carried: tuple[Side, ...], note: str) -> Iterator[Figure]:
    name, key = f"factor {reading.factor.name}", f"{key_part(reading.factor.name)}"
    measure = "R2" if reading.factor.classes is None else "accuracy"
    real, chance = reading.recovery("real")
    affected = "single picture" if reading.side == "moment" else reading.side
    reader_note = f"{measure} of the reader{note}; the factor affects the {affected}"
    yield Figure.of(f"{key}.real", f"{name}, real", real, chance, reader_note, by_judge=False)
    names = (
        (f"{key}.generated", f"{name}, generated"),
        (f"{key}.spread", f"{name}, spread"),
        (f"{key}.share_of_condition", f"{name}, decided by the {condition}"),
    )
    if reading.skill("real") < LEAST_SKILL:
        reason = f"the reader cannot read it from real faces ({measure} {real.value:.3f})"
        yield from (Figure.missing(*key_and_label, reason, by_judge=False) for key_and_label in names)
        return
    generated, generated_chance = reading.recovery("generated")
    better: Better | None = "higher" if reading.side in carried else None
    generated_note = f"{measure}; on real faces {real.value:.3f}"
    yield Figure.of(*names[0], generated, generated_chance, generated_note, better=better, by_judge=False)
    ratios = [
        (names[1], reading.spread(), "1: as among real faces"),
        (names[2], reading.share(), "the noise decides the rest"),
    ]
    share_among_real = reading.share_among_real()
    if share_among_real is not None:
        key_and_label = (f"{key}.share_of_condition_real", f"{name}, decided by the {condition}, real")
        ratios.append((key_and_label, share_among_real, "faces of two people with the same voice"))
    for ratio_name, ratio, ratio_note in ratios:
        if math.isfinite(ratio.value):
            yield Figure.of(*ratio_name, ratio, note=ratio_note, by_judge=False)
        else:
            yield Figure.missing(*ratio_name, "all readings are equal", by_judge=False)


def _carried_name(kind: Kind) -> tuple[str, str]:
    """Return key and label."""
    return f"carried.{kind}", f"factors that the condition carries, {kind}"


def _mean(readings: list[Reading], carried: tuple[Side, ...], kind: Kind) -> Figure:
    """Compute the mean skill over the factors that the reader can read."""
    chosen = [reading for reading in readings if reading.side in carried and reading.skill("real") >= LEAST_SKILL]
    name = _carried_name(kind)
    if not chosen:
        return Figure.missing(*name, "the reader can read none of them from real faces", by_judge=False)

    def statistic(weights: Tensor) -> Tensor:
        return torch.stack([reading.skills(kind, weights) for reading in chosen]).mean(0)

    estimate = chosen[0].people.estimate(statistic)
    note = f"mean of {', '.join(reading.factor.name for reading in chosen)}: 0 is chance, 1 certainty"
    better: Better | None = "higher" if kind == "generated" else None
    return Figure.of(*name, estimate, 0.0, note, better=better, by_judge=False)
