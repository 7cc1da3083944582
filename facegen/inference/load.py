"""What a finished run offers: an artist that draws, encoders that match."""

import torch

from facegen.core.errors import CheckpointError
from facegen.core.schedule import advance_schedules
from facegen.training.artist import Artist
from facegen.training.checkpoint import load_module, read_state
from facegen.training.draft import kept_draft
from facegen.training.networks import Networks, build_networks
from facegen.training.run import Run
from facegen.training.trainer import load_match


def load_artist(run: Run, device: torch.device) -> Artist:
    """The averaged artist of the newest checkpoint, ready to draw.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
    """
    artist = build_networks(run.recipe, run.data, kept_draft(run.path)).artist
    if artist is None:
        raise CheckpointError(f"{run.path}: its recipe has no generator; it only matches")
    checkpoint = run.drawing_checkpoint()
    load_module(checkpoint, "average", artist)
    for module in artist.own:
        advance_schedules(module, read_state(checkpoint)["step"] - 1)
    return artist.to(device).eval().requires_grad_(False)


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
