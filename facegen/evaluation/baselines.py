"""Baselines: other runs that the evaluated run is compared with."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from facegen.core.errors import DataError
from facegen.inference.load import load_face_pipeline
from facegen.training.face_pipeline import FacePipeline
from facegen.training.runs.run import Run


def load_baselines(paths: Sequence[Path], run: Run, judge_seed: int, device: torch.device) -> dict[str, FacePipeline]:
    """Load the face pipeline of each baseline, by the name of its folder.

    Args:
        paths: run folders.
        run: which is evaluated; the others must draw from what it reads, faces of its size.
        judge_seed: of the judge, who is to be neither's own.
        device: where they are to draw.
    Raises:
        CheckpointError: one is no run that draws.
        DataError: the run itself draws nothing; one draws faces of another size, from other speech, or other people by
            name, or was trained with the judge's seed.
    """
    if paths and run.recipe.optional_config("generator") is None:
        raise DataError(f"--against: {run.path} draws no faces, so there are none to set against others")
    found: dict[str, FacePipeline] = {}
    problems = []
    for path in paths:
        baseline, name = Run.open(path), path.resolve().name
        if name in found:
            problems.append(f"--against {path}: there are two runs named '{name}'; rename the folder of one")
            continue
        found[name] = load_face_pipeline(baseline, device)
        problems += [f"--against {path}: {problem}" for problem in _differences(run, baseline, found[name])]
        if judge_seed == baseline.recipe.run.seed:
            problems.append(
                f"--against {path}: its own encoders have the judge's seed, {judge_seed}; choose another --judge-seed"
            )
    if problems:
        raise DataError(*problems)
    return found


def _differences(run: Run, baseline: Run, pipeline: FacePipeline) -> list[str]:
    """List the reasons why the faces of two runs are not comparable."""
    own, other = run.data, baseline.data
    found = []
    if own.image_pixels != other.image_pixels:
        found.append(f"draws faces of {other.image_pixels} pixels, and this run {own.image_pixels}; train both alike")
    heard: Mapping[str, tuple[int, int]] = {
        "samples": (own.speech_samples, other.speech_samples), "Hz": (own.sample_rate_hz, other.sample_rate_hz)
    }  # fmt: skip
    if "speech" in pipeline.needs:
        found += [
            f"reads speech of {theirs} {unit}, and this run of {ours}; train both alike"
            for unit, (ours, theirs) in heard.items()
            if ours != theirs
        ]
    if "identity" in pipeline.needs and own.identities != other.identities:
        found.append("draws other people by name than this run knows; train both on one corpus")
    return found
