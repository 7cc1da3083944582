"""Load the networks of a finished run: a face pipeline that generates, or encoders and matcher that match."""

import torch

from facegen.core.errors import CheckpointError
from facegen.core.recipe.schedule import advance_schedules
from facegen.training.build import Networks, build_networks
from facegen.training.face_pipeline import FacePipeline
from facegen.training.match import load_match_stage, match_modules
from facegen.training.runs.checkpoint import load_module, read_step, require_network
from facegen.training.runs.claimed_networks import claimed_networks
from facegen.training.runs.earlier_runs import stored_draft
from facegen.training.runs.run import Run

DRAWING_WEIGHTS = "ema"
"""Name of the module in a checkpoint that generates: the moving average of the weights."""


def load_face_pipeline(run: Run, device: torch.device) -> FacePipeline:
    """Load the averaged face pipeline of the newest checkpoint, in evaluation mode and without gradients.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
    """
    draft = stored_draft(run.path)
    claimed = claimed_networks(run, draft).face_pipeline
    if claimed is None:
        raise CheckpointError(f"{run.path}: its recipe has no [generator]: it only matches; choose another run")
    checkpoint = run.generator_checkpoint()
    require_network(checkpoint, DRAWING_WEIGHTS, claimed)
    pipeline = build_networks(run.recipe, run.data, draft).face_pipeline
    if pipeline is None:
        raise CheckpointError(f"{run.path}: its generator cannot be built")
    load_module(checkpoint, DRAWING_WEIGHTS, pipeline)
    steps = read_step(checkpoint)
    for module in pipeline.own:
        advance_schedules(module, steps - 1, steps if run.recipe.train is None else run.recipe.train.steps)
    return pipeline.to(device).eval().requires_grad_(False)


def load_matching(run: Run, device: torch.device) -> Networks:
    """Load encoders, discriminator and matcher as the match stage left them.

    Raises:
        CheckpointError: the run has no finished match stage, or it is damaged.
    """
    claimed = claimed_networks(run)
    if claimed.matcher is None:
        raise CheckpointError(f"{run.path}: its recipe has no [match], so it cannot match; choose another run")
    for name, module in match_modules(claimed).items() if run.is_matched else ():
        require_network(run.match_folder, name, module)
    networks = build_networks(run.recipe, run.data)
    load_match_stage(run, networks)
    for part in (networks.encoders, networks.match_faces, networks.matcher):
        if part is not None:
            part.to(device).eval().requires_grad_(False)
    return networks
