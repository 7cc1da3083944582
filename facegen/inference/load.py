"""What a finished run offers: a face pipeline that draws, encoders that match."""

import torch

from facegen.core.errors import CheckpointError
from facegen.core.recipe.schedule import advance_schedules
from facegen.training.build import Networks, build_networks
from facegen.training.face_pipeline import FacePipeline
from facegen.training.runs.checkpoint import load_module, read_state
from facegen.training.runs.draft import kept_draft
from facegen.training.runs.run import Run
from facegen.training.trainer import load_match

DRAWING_WEIGHTS = "ema"
"""Name of the module in a checkpoint that draws: the averaged weights."""


def load_face_pipeline(run: Run, device: torch.device) -> FacePipeline:
    """The averaged face pipeline of the newest checkpoint, ready to draw.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
    """
    pipeline = build_networks(run.recipe, run.data, kept_draft(run.path)).face_pipeline
    if pipeline is None:
        raise CheckpointError(f"{run.path}: its recipe has no generator; it only matches")
    checkpoint = run.drawing_checkpoint()
    load_module(checkpoint, DRAWING_WEIGHTS, pipeline)
    for module in pipeline.own:
        advance_schedules(module, read_state(checkpoint)["step"] - 1)
    return pipeline.to(device).eval().requires_grad_(False)


def load_matching(run: Run, device: torch.device) -> Networks:
    """The networks as the match stage left them: encoders, the discriminator that embeds faces, matcher.

    Raises:
        CheckpointError: the run has no finished match stage, or it is damaged.
    """
    networks = build_networks(run.recipe, run.data)
    if networks.matcher is None:
        raise CheckpointError(f"{run.path}: its recipe has no [match], so it cannot tell who belongs together")
    load_match(run, networks)
    for module in (networks.encoders, networks.discriminator, networks.matcher):
        if module is not None:
            module.to(device).eval().requires_grad_(False)
    return networks
