"""Checks of what stands at the two ends: data sets and metrics."""

import math

import torch

from facegen.core.batch import DataSpec
from facegen.core.evidence import Evidence
from facegen.core.interfaces import Dataset, Metric
from facegen.core.tables import Split
from facegen.testing.expect import expect
from facegen.testing.samples import rich_evidence, sample_evidence

SPLITS: tuple[Split, ...] = ("train", "heldout_utterances", "heldout_people")


def check_dataset(dataset: Dataset, data: DataSpec) -> None:
    """Rows of its splits do not overlap, and every column that the corpus claims can be read."""
    spec = dataset.spec
    clips = {split: dataset.clips(split) for split in SPLITS}
    expect(len(clips["train"]) > 0, "has no clips to train on")
    expect(bool((clips["train"].identity >= 0).all()), "has people in train without a number")
    known = max(int(each.identity.max()) for each in clips.values() if len(each))
    expect(known < spec.num_identities, f"numbers an identity {known}, but names only {spec.num_identities}")
    trained = set(clips["train"].person.tolist())
    expect(trained.isdisjoint(clips["heldout_people"].person.tolist()), "people of heldout_people are in train too")
    rows = [row for each in clips.values() for row in each.clip.tolist()]
    expect(len(rows) == len(set(rows)), "has a clip in two splits")
    expect(dataset.fingerprint() == dataset.fingerprint(), "has no stable fingerprint")
    some, frame = clips["train"].clip[:2], torch.zeros(2, dtype=torch.int64)[: len(clips["train"])]
    faces = dataset.faces(some, frame)
    expect(faces.dtype == torch.uint8, f"gives faces as {faces.dtype}, not uint8")
    expect(tuple(faces.shape) == (len(some), spec.image_pixels, spec.image_pixels, 3), f"faces: {tuple(faces.shape)}")
    if "speech" in spec.columns:
        speech = dataset.speech(some, torch.zeros_like(some), spec.speech_samples)
        expect(speech.dtype == torch.int16, f"gives speech as {speech.dtype}, not int16")
        expect(tuple(speech.shape) == (len(some), spec.speech_samples), f"speech: {tuple(speech.shape)}")
    if "caption" in spec.columns:
        expect(all(isinstance(caption, str) for caption in dataset.captions(some)), "gives captions that are no text")
    if "text" in spec.columns:
        expect(tuple(dataset.text(some).shape) == (len(some), spec.text_dim), "its text vectors have another width")


def check_metric(metric: Metric, data: DataSpec) -> None:
    """Figures have names of their own, and a number, or a note that says why there is none."""
    for evidence in (sample_evidence(), rich_evidence()):
        _check_figures(metric, evidence)


def _check_figures(metric: Metric, evidence: Evidence) -> None:
    figures = metric.measure(evidence)
    expect(bool(figures), "answers nothing")
    names = [figure.name for figure in figures]
    expect(len(names) == len(set(names)), "gives two figures one name")
    for figure in figures:
        said = math.isfinite(figure.value) or bool(figure.note)
        expect(said, f"'{figure.name}' is {figure.value}, and no note says why")
        if figure.low is not None and figure.high is not None and math.isfinite(figure.value):
            inside = figure.low <= figure.value <= figure.high
            expect(inside, f"'{figure.name}' = {figure.value} lies outside its interval {figure.low} to {figure.high}")
    again = metric.measure(evidence)
    same = [f.value for f in again if math.isfinite(f.value)] == [f.value for f in figures if math.isfinite(f.value)]
    expect(same, "answers the same evidence differently: draw from evidence.seed")
