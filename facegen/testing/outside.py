"""Checks of datasets and metrics."""

import math
import re

import torch

from facegen.core.batch import DataSpec
from facegen.core.evidence import Evidence
from facegen.core.interfaces import Dataset, Metric
from facegen.core.recipe.tables import Split
from facegen.testing.expect import expect
from facegen.testing.samples import rich_evidence, sample_evidence

SPLITS: tuple[Split, ...] = ("train", "heldout_utterances", "heldout_people")


def check_dataset(dataset: Dataset, data: DataSpec) -> None:
    """Check that splits do not overlap, and that every column of the spec can be read."""
    spec = dataset.spec
    clips = {split: dataset.clips(split) for split in SPLITS}
    expect(len(clips["train"]) > 0, "has no clips in train")
    expect(bool((clips["train"].identity >= 0).all()), "has clips in train without an identity")
    largest = max(int(split_clips.identity.max()) for split_clips in clips.values() if len(split_clips))
    expect(largest < spec.num_identities, f"has the identity {largest}, but names only {spec.num_identities} people")
    trained = set(clips["train"].person.tolist())
    expect(trained.isdisjoint(clips["heldout_people"].person.tolist()), "has people of heldout_people in train")
    rows = [row for split_clips in clips.values() for row in split_clips.clip.tolist()]
    expect(len(rows) == len(set(rows)), "has a clip in two splits")
    expect(dataset.fingerprint() == dataset.fingerprint(), "has no stable fingerprint")
    chosen, frame = clips["train"].clip[:2], torch.zeros(2, dtype=torch.int64)[: len(clips["train"])]
    faces = dataset.faces(chosen, frame)
    expect(faces.dtype == torch.uint8, f"returns faces as {faces.dtype}, not uint8")
    shape: tuple[int, ...] = (len(chosen), spec.image_pixels, spec.image_pixels, 3)
    expect(tuple(faces.shape) == shape, f"returns faces of shape {tuple(faces.shape)}, not {shape}")
    if "speech" in spec.columns:
        speech = dataset.speech(chosen, torch.zeros_like(chosen), spec.speech_samples)
        expect(speech.dtype == torch.int16, f"returns speech as {speech.dtype}, not int16")
        shape = (len(chosen), spec.speech_samples)
        expect(tuple(speech.shape) == shape, f"returns speech of shape {tuple(speech.shape)}, not {shape}")
    if "caption" in spec.columns:
        are_strings = all(isinstance(caption, str) for caption in dataset.captions(chosen))
        expect(are_strings, "returns captions that are not strings")
    if "text" in spec.columns:
        text_shape = tuple(dataset.text(chosen).shape)
        expect(text_shape == (len(chosen), spec.text_dim), "returns text vectors of another width than text_dim")


def check_metric(metric: Metric, data: DataSpec) -> None:
    """Check that figures have unique keys and labels, and a number inside its interval, or a note with the reason."""
    for evidence in (sample_evidence(), rich_evidence()):
        _check_figures(metric, evidence)


def _check_figures(metric: Metric, evidence: Evidence) -> None:
    figures = metric.measure(evidence)
    expect(bool(figures), "returns no figures")
    keys, labels = [figure.key for figure in figures], [figure.label for figure in figures]
    expect(len(keys) == len(set(keys)), "returns two figures with one key")
    expect(len(labels) == len(set(labels)), "returns two figures with one label")
    for figure in figures:
        fits = re.fullmatch(r"([a-z0-9_]+(\.[a-z0-9_]+)*)?", figure.key) is not None
        expect(fits, f"key '{figure.key}': must consist of a-z, 0-9 and _, in parts that dots join")
        has_reason = math.isfinite(figure.value) or bool(figure.note)
        expect(has_reason, f"'{figure.label}' is {figure.value}, without a note that gives the reason")
        if figure.low is not None and figure.high is not None and math.isfinite(figure.value):
            inside = figure.low <= figure.value <= figure.high
            expect(inside, f"'{figure.label}' = {figure.value} lies outside its interval {figure.low} to {figure.high}")
    again = metric.measure(evidence)
    same = [f.value for f in again if math.isfinite(f.value)] == [f.value for f in figures if math.isfinite(f.value)]
    expect(same, "returns other values for the same evidence; seed random numbers by evidence.seed")
