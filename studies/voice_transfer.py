"""How well synthetic voices stand for real ones, in the encoding of a model with a pretrained speaker encoder.

    python -m studies voice_transfer voice-64 --people people.csv

PEOPLE is a table as of `real_voices`, with ages. Three tables: linear probes of sex and age that are fitted on
synthetic voices and read real ones, by number of principal components; how well a linear classifier separates synthetic
from real voices; and how far each parameter of the synthetic voices moves a reading of age that is fitted on the real
ones. The effects of age on the synthetic voices have their signs and sizes from the last table.
"""

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor

import facegen
from facegen.core.batch import Condition, DataSpec
from facegen.core.interfaces import Dataset
from facegen.core.statistics import Bootstrap
from facegen.data.loading.rows import clips_of
from facegen.data.synthetic import voice
from facegen.data.synthetic.voice_parameters import VoiceParameters
from facegen.parts.metrics.reading_statistics import rank_correlation
from facegen.parts.transforms.principal_components import PrincipalComponents
from facegen.training.train import open_dataset
from studies.encodings import encode_clips, encode_files
from studies.real_voices import RealVoices
from studies.speaker_probe import Probe

NUM_COMPONENTS = (8, 12, 16, 20, 28)
NUM_REAL_COMPONENTS = 16
"""Components of real voices on which their age is read; with more, the reading follows single people."""
NUM_FOLDS = 5
CLAMP = 2.5
CHANGES: Mapping[str, float] = {
    "formant_scale": 0.06,
    "first_scale": 0.06,
    "front_scale": 0.06,
    "f0_hz": 0.15,
    "melody_semitones": 0.4,
    "tremor_semitones": 1.0,
    "jitter": 0.7,
    "shimmer": 0.7,
    "breath": 1.0,
    "open_scale": 0.2,
    "tilt_hz": 0.4,
    "stretch": 0.2,
}
"""{parameter of a voice: logarithm of the factor by which it is raised and lowered}"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", help="run folder, model file, or name of a shipped model, on synthetic voices")
    parser.add_argument("--people", type=Path, required=True, help="table of real recordings, with sex and age")
    parser.add_argument("--voices", type=int, default=1000, help="synthetic voices that the probes are fitted on")
    parser.add_argument("--changed-voices", type=int, default=300, help="synthetic voices whose parameters are changed")


def run(options: argparse.Namespace) -> int:
    """Print the tables."""
    model = facegen.load(options.model)
    dataset = open_dataset(model.run.recipe)
    people = RealVoices.read(options.people).with_age()
    real = encode_files(model, people.speech)
    clips = clips_of(dataset, "train").clip[: options.voices]
    synthetic = encode_clips(model, dataset, clips)
    truth = dataset.factors(clips, torch.zeros_like(clips))
    print(probes_table(synthetic, truth, real, people))
    print(f"Separated by a linear classifier: AUC {separation(synthetic, real):.3f}\n")
    print(changes_table(model, dataset, clips[: options.changed_voices], real, people))
    return 0


def probes_table(synthetic: Tensor, truth: Mapping[str, Tensor], real: Tensor, people: RealVoices) -> str:
    """Return a Markdown table of probes by number of components.

    Args:
        synthetic: (N, d) encodings of synthetic voices.
        truth: {factor: (N,)} of the synthetic voices, with sex and age.
        real: (M, d) encodings of real voices.
        people: their speakers, with ages.
    """
    everybody = torch.ones_like(people.sex, dtype=torch.bool)
    groups = {"all": everybody, "women": people.sex == 0, "men": people.sex == 1}
    lines = [
        "| components | sex | age, rank correlation: " + " | ".join(groups) + " | median age read |",
        "|---|---|" + "---|" * len(groups) + "---|",
    ]
    for number in NUM_COMPONENTS:
        known, read = _components(synthetic, number, synthetic), _components(synthetic, number, real)
        right = (Probe.fit(known, truth["sex"]).read(read) > 0.5) == (people.sex > 0.5)
        age = Probe.fit(known, truth["age"]).read(read)
        correlations = [
            rank_correlation(age[group], people.age[group], Bootstrap(people.person[group], 0))
            for group in groups.values()
        ]
        cells = [f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for one in correlations]
        lines.append(f"| {number} | {right.double().mean():.3f} | {' | '.join(cells)} | {age.median():.1f} |")
    lines.append(f"\nMedian age of the real speakers: {people.age.median():.1f}\n")
    return "\n".join(lines)


def separation(synthetic: Tensor, real: Tensor) -> float:
    """Compute the area under the ROC curve of a linear classifier of synthetic against real voices, cross-validated."""
    rows = torch.cat([synthetic, real])
    is_real = torch.cat([torch.zeros(len(synthetic)), torch.ones(len(real))]).bool()
    fold = torch.randint(NUM_FOLDS, (len(rows),), generator=torch.Generator().manual_seed(0))
    score = torch.zeros(len(rows), dtype=torch.float64)
    for held_out in range(NUM_FOLDS):
        train = fold != held_out
        score[~train] = Probe.fit(rows[train], is_real[train]).read(rows[~train])
    # A real voice scores above a synthetic one: Mann and Whitney's statistic.
    rank = score.argsort().argsort().double()
    num_real, num_synthetic = len(real), len(synthetic)
    return float((rank[is_real].sum() - num_real * (num_real - 1) / 2) / (num_real * num_synthetic))


def changes_table(model: facegen.Model, dataset: Dataset, clips: Tensor, real: Tensor, people: RealVoices) -> str:
    """Return a Markdown table of how parameters of voices move a reading of age that is fitted on real ones."""
    components = _components(real, NUM_REAL_COMPONENTS, real)
    rest = [_without_sex(values, people.sex) for values in (components, people.age[:, None])]
    reading = Probe.fit(rest[0], rest[1][:, 0])
    deviation = reading.read(rest[0]).std()
    male = dataset.factors(clips, torch.zeros_like(clips))["sex"] > 0.5
    lines = [
        "| parameter | raised and lowered by | reading of age, in standard deviations of real voices: women | men |",
        "|---|---|---|---|",
    ]
    for name, change in CHANGES.items():
        raised, lowered = (
            reading.read(_components(real, NUM_REAL_COMPONENTS, _encode_changed(model, dataset, clips, name, sign)))
            for sign in (change, -change)
        )
        shift = (raised - lowered) / 2 / deviation
        factor = torch.tensor(change).exp()
        lines.append(f"| {name} | x {factor:.2f} | {shift[~male].mean():+.2f} | {shift[male].mean():+.2f} |")
    return "\n".join(lines)


def _encode_changed(model: facegen.Model, dataset: Dataset, clips: Tensor, name: str, change: float) -> Tensor:
    """Encode clips that are spoken with one parameter of all voices multiplied by exp(change)."""
    parameters_of = voice.voice_parameters

    def changed(people: dict[str, Tensor]) -> VoiceParameters:
        parameters = parameters_of(people)
        return dataclasses.replace(parameters, **{name: getattr(parameters, name) * torch.tensor(change).exp()})

    with patch.object(voice, "voice_parameters", changed):
        return encode_clips(model, dataset, clips)


def _components(fitted: Tensor, number: int, rows: Tensor) -> Tensor:
    """Project rows on the whitened principal components of others, as the recipe `voice` does."""
    transform = PrincipalComponents(DataSpec(0), rows.shape[1], num_components=number, clamp=CLAMP)
    transform.fit(fitted)
    return transform(Condition(rows, rows, rows, {}), None).generator


def _without_sex(values: Tensor, sex: Tensor) -> Tensor:
    """Subtract the mean of the sex from (N, d) values."""
    rest = values.double().clone()
    for group in sex.unique():
        rest[sex == group] -= rest[sex == group].mean(0)
    return rest
