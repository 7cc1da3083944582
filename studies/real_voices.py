"""Faces that a run draws for real voices: what they say about the speaker, and what they must not say.

    python -m studies real_voices runs/voice --people people.csv

PEOPLE is a table with the columns speech (a file, relative to the table), sex (female or male), and optionally age (in
years) and identity (rows of one person are not independent). Faces are read by linear readers that are fitted on the
synthetic training people of the run. The study returns 1 where a requirement is not met; a model for real voices is
shipped only if its faces do not give the voice a skin tone.
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

import facegen
from facegen.core.interfaces import Dataset
from facegen.core.statistics import Bootstrap, Estimate
from facegen.data.loading.rows import clips_of
from facegen.data.synthetic.truth import FACTOR_SIDES, visible_factors
from facegen.parts.metrics.factor_reading import Reading
from facegen.parts.metrics.linear_reader import Factor, LinearReader
from facegen.parts.metrics.reading_statistics import agreement, median_difference, rank_correlation, spread_ratio
from facegen.training.train import open_dataset
from studies.drawing import draw_faces
from studies.encodings import encode_clips, encode_files
from studies.speaker_probe import Probe

SEXES = {"female": 0.0, "f": 0.0, "0": 0.0, "male": 1.0, "m": 1.0, "1": 1.0}
SEX_SCORE = "sex score"
MAX_SHARE_OF_VOICE_IN_SKIN = 0.1


@dataclass(frozen=True)
class RealVoices:
    """Real recordings and their speakers.

    Attributes:
        speech: files.
        sex: (N,) 0 female, 1 male.
        age: (N,) in years; NaN where it is not known.
        person: (N,) number of the person.
    """

    speech: Sequence[Path]
    sex: Tensor
    age: Tensor
    person: Tensor

    @classmethod
    def read(cls, table: Path) -> "RealVoices":
        """Read a table; rows without a sex are left out."""
        with table.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["sex"].strip().lower() in SEXES]
        names = {name: number for number, name in enumerate(dict.fromkeys(_person(row) for row in rows))}
        return cls(
            [table.parent / row["speech"] for row in rows],
            torch.tensor([SEXES[row["sex"].strip().lower()] for row in rows]),
            torch.tensor([float(row.get("age") or "nan") for row in rows]),
            torch.tensor([names[_person(row)] for row in rows]),
        )

    def with_age(self) -> "RealVoices":
        """Leave out the rows without an age."""
        known = self.age.isfinite()
        speech = [path for path, is_known in zip(self.speech, known.tolist(), strict=True) if is_known]
        return RealVoices(speech, self.sex[known], self.age[known], self.person[known])


@dataclass(frozen=True)
class Requirement:
    """A measured quantity and the bound that it must keep.

    Attributes:
        name: the quantity.
        estimate: its value and interval.
        bound: what is required, in words; "" where nothing is.
        is_met: None where nothing is required.
    """

    name: str
    estimate: Estimate
    bound: str = ""
    is_met: bool | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", help="run folder, model file, or name of a shipped model")
    parser.add_argument("--people", type=Path, required=True, help="table of real recordings")
    parser.add_argument("--faces", type=int, default=8, help="faces per voice")
    parser.add_argument("--renders", type=int, default=3000, help="synthetic people that the readers are fitted on")
    parser.add_argument("--grid", type=Path, help="PNG file for faces of some voices")


def run(options: argparse.Namespace) -> int:
    """Print the table; return 0 where every requirement is met."""
    model = facegen.load(options.model)
    requirements = measure(model, RealVoices.read(options.people), options.faces, options.renders)
    print(to_markdown(requirements))
    return int(any(requirement.is_met is False for requirement in requirements))


def measure(model: facegen.Model, voices: RealVoices, num_faces: int, num_renders: int) -> list[Requirement]:
    """Compare faces drawn for real voices with their speakers and with renders."""
    dataset = open_dataset(model.run.recipe)
    reader, train_clips = _fit_reader(dataset, num_renders)
    held_out = clips_of(dataset, "heldout_people").clip[:1000]
    renders = dataset.faces(held_out, torch.zeros_like(held_out))
    truth = _targets(dataset, held_out)
    on_renders = reader.read(renders)
    encoding = encode_files(model, voices.speech)
    synthetic = encode_clips(model, dataset, train_clips)
    drawn = reader.read(draw_faces(model, encoding, num_faces))
    conditions, synthetic_conditions = _conditions(model, encoding), _conditions(model, synthetic)
    people = Bootstrap(voices.person, 0)
    targets = _targets(dataset, train_clips)
    sex_probe = Probe.fit(synthetic_conditions, targets["sex"]).read(conditions) > 0.5
    age_probe = Probe.fit(synthetic_conditions, targets["age"]).read(conditions)
    return [
        *_sex(voices, people, sex_probe, drawn, on_renders, truth),
        *_age(voices, age_probe, drawn["age"].mean(1)),
        *_shares(voices, drawn, on_renders, truth, people),
    ]


def to_markdown(requirements: Sequence[Requirement]) -> str:
    """Return a Markdown table, one row per requirement."""
    lines = ["| quantity | value | 95% interval | required | met |", "|---|---|---|---|---|"]
    for one in requirements:
        low, high = one.estimate.low, one.estimate.high
        interval = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
        met = "" if one.is_met is None else "yes" if one.is_met else "**no**"
        lines.append(f"| {one.name} | {one.estimate.value:.3f} | {interval} | {one.bound} | {met} |")
    return "\n".join(lines) + "\n"


def _sex(
    voices: RealVoices, people: Bootstrap, probe: Tensor, drawn: dict[str, Tensor], renders: dict[str, Tensor],
    truth: dict[str, Tensor],
) -> list[Requirement]:  # fmt: skip
    single, majority = agreement(drawn["sex"], voices.sex)
    accuracy = people.share((probe == voices.sex.bool()).double())
    agreeing = people.share(majority)
    of_reader = float((renders["sex"] == truth["sex"]).double().mean())
    expected = accuracy.value * of_reader + (1 - accuracy.value) * (1 - of_reader)
    spread = spread_ratio(drawn[SEX_SCORE][:, 0], renders[SEX_SCORE])
    return [
        Requirement("sex of the speaker, probe on the condition", accuracy, "at least .90", accuracy.value >= 0.9),
        Requirement("sex of renders, read from the face", Estimate(of_reader, None, None)),
        Requirement(
            "sex of the speaker, read from drawn faces (majority)", agreeing, f"at least {expected - 0.02:.3f}",
            agreeing.value >= expected - 0.02,
        ),
        Requirement("sex of the speaker, read from single faces", people.mean(single)),
        Requirement(
            "spread of the sex score, drawn faces over renders", spread, ".8 to 1.2", 0.8 <= spread.value <= 1.2,
        ),
    ]  # fmt: skip


def _age(voices: RealVoices, probe: Tensor, drawn: Tensor) -> list[Requirement]:
    known = voices.age.isfinite()
    rows = {"all": known, "women": known & (voices.sex == 0), "men": known & (voices.sex == 1)}
    requirements = []
    for who, chosen in rows.items():
        if int(chosen.sum()) < 3:
            continue
        people, age = Bootstrap(voices.person[chosen], 0), voices.age[chosen]
        requirements.append(
            Requirement(f"age, {who}: rank correlation, probe", rank_correlation(probe[chosen], age, people))
        )
        estimate = rank_correlation(drawn[chosen], age, people)
        is_met = estimate.low is not None and estimate.low > 0
        requirements.append(
            Requirement(f"age, {who}: rank correlation, drawn faces", estimate, "interval above 0", is_met)
        )
    if bool(known.any()):
        gap = median_difference(drawn[known], voices.age[known], Bootstrap(voices.person[known], 0))
        requirements.append(
            Requirement(
                f"median age of drawn faces, less the speakers' ({float(voices.age[known].median()):.0f})",
                gap, "-10 to 10", abs(gap.value) <= 10,
            )
        )  # fmt: skip
    return requirements


def _shares(
    voices: RealVoices, drawn: dict[str, Tensor], renders: dict[str, Tensor], truth: dict[str, Tensor],
    people: Bootstrap,
) -> list[Requirement]:  # fmt: skip
    """Measure the voice's share in every factor that a face shows; that in skin is the condition of a release."""
    requirements = []
    for name, side in FACTOR_SIDES.items():
        if name not in truth:
            continue
        factor, values = Factor.of(name, truth[name]), drawn[name]
        # Truth and real readings take no part in the share.
        reading = Reading(factor, side, values[:, 0], values[:, 0], values[:, 0], values[:, 1:], people)
        share = reading.share()
        is_skin = name == "skin"
        is_met = share.high is not None and share.high < MAX_SHARE_OF_VOICE_IN_SKIN if is_skin else None
        bound = f"upper bound below {MAX_SHARE_OF_VOICE_IN_SKIN:g}" if is_skin else ""
        requirements.append(Requirement(f"share of the voice in {name}", share, bound, is_met))
    return requirements


def _fit_reader(dataset: Dataset, num_renders: int) -> tuple[LinearReader, Tensor]:
    clips = clips_of(dataset, "train").clip[:num_renders]
    faces = torch.cat([dataset.faces(part, torch.zeros_like(part)) for part in clips.split(256)])
    return LinearReader.fit(faces, _targets(dataset, clips)), clips


def _targets(dataset: Dataset, clips: Tensor) -> dict[str, Tensor]:
    """Return the factors that a face shows, and the sex as a quantity."""
    factors = dict(dataset.factors(clips, torch.zeros_like(clips)) or {})
    shown = {name: values for name, values in factors.items() if FACTOR_SIDES[name] != "voice"}
    return {**visible_factors(shown), SEX_SCORE: shown["sex"] * 2 - 0.5}


@torch.no_grad()
def _conditions(model: facegen.Model, encoding: Tensor) -> Tensor:
    return model.pipeline.condition(None, encoding.to(model.device)).generator.float().cpu()


def _person(row: dict[str, str]) -> str:
    return row.get("identity") or row["speech"]
