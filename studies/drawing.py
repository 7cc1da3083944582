"""Faces that a model draws for encodings, each under a noise of its own."""

import torch
from torch import Tensor

import facegen
from facegen.training.face_pipeline import choose_noises, draw_each

CHUNK_ROWS = 64


def draw_faces(model: facegen.Model, encoding: Tensor, num_faces: int, seed: int = 0) -> Tensor:
    """Draw faces of (N, d) encodings: (N, faces, H, W, 3) uint8.

    Noises that rows share would hide how much of the faces the noise decides.
    """
    noises = choose_noises(model.pipeline.noise, num_faces * len(encoding), seed, model.device)
    own = noises.reshape(num_faces, len(encoding), -1)
    parts = zip(encoding.split(CHUNK_ROWS), own.split(CHUNK_ROWS, dim=1), strict=True)
    return torch.cat([draw_each(model.pipeline, rows.to(model.device), noise, seed) for rows, noise in parts])
