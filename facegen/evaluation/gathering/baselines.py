"""Baselines: other runs that the evaluated run is compared with."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from facegen.core.errors import DataError
from facegen.core.readable_files import real_path
from facegen.inference.load import load_face_pipeline
from facegen.training.face_pipeline import FacePipeline
from facegen.training.runs.run import Run


def load_baselines(
    paths: Sequence[Path], run: Run, judge_seed: int | None, device: torch.device
) -> dict[str, FacePipeline]:
    """Load the face pipeline of each baseline, by the name of its folder.

    Args:
        paths: run folders.
        run: the evaluated run; baselines must read the same input, and draw faces of the same size.
        judge_seed: random seed of an independent judge, which must differ from the seed of each run; None for another.
        device: device of the pipelines.
    Raises:
        CheckpointError: a baseline has no generator.
        DataError: the run itself has no generator; or a baseline draws faces of another size, reads other speech, draws
            other people by name, or was trained with the judge's seed.
    """
    if paths and run.recipe.optional_config("generator") is None:
        raise DataError(f"--against: {run.path} draws no faces to compare; leave --against out")
    pipelines: dict[str, FacePipeline] = {}
    problems = []
    for path in paths:
        baseline, name = Run.open(path), real_path(path).name
        if name in pipelines:
            problems.append(f"--against {path}: there are two runs named '{name}'; rename the folder of one")
            continue
        pipelines[name] = load_face_pipeline(baseline, device)
        problems += [f"--against {path}: {problem}" for problem in _differences(run, baseline, pipelines[name])]
        if judge_seed == baseline.recipe.run.seed:
            problems.append(
                f"--against {path}: its own encoders have the judge's seed, {judge_seed}; choose another --judge-seed"
            )
    if problems:
        raise DataError(*problems)
    return pipelines


def _differences(run: Run, baseline: Run, pipeline: FacePipeline) -> list[str]:
    """List the reasons why the faces of two runs are not comparable."""
    own, other = run.data, baseline.data
    reasons = []
    if own.image_pixels != other.image_pixels:
        reasons.append(
            f"draws faces of {other.image_pixels} pixels, and this run of {own.image_pixels}; train both at one size"
        )
    speech: Mapping[str, tuple[int, int]] = {
        "samples": (own.speech_samples, other.speech_samples), "Hz": (own.sample_rate_hz, other.sample_rate_hz)
    }  # fmt: skip
    if "speech" in pipeline.needs:
        reasons += [
            f"reads speech of {theirs} {unit}, and this run of {ours}; train both with one [data]"
            for unit, (ours, theirs) in speech.items()
            if ours != theirs
        ]
    if "identity" in pipeline.needs and own.identities != other.identities:
        reasons.append("knows other names than this run; train both on one corpus")
    return reasons
