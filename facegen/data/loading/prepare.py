"""Conversion between stored integers and the floats that parts receive, for training and generation."""

import torch
from torch import Tensor


def prepare_faces(stored: Tensor) -> Tensor:
    """Convert faces: (B, H, W, 3) uint8 -> (B, 3, H, W) float32 in [-1, 1], channels last in memory."""
    return stored.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1.0)


def restore_faces(faces: Tensor) -> Tensor:
    """Invert `prepare_faces`: (B, 3, H, W) float in [-1, 1] -> (B, H, W, 3) uint8."""
    pixels = faces.float().add(1.0).mul(127.5).round().clamp(0, 255)
    return pixels.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def prepare_speech(stored: Tensor) -> Tensor:
    """Convert speech: (B, samples) int16 -> (B, samples) float32 in [-1, 1]."""
    return stored.to(torch.float32).div_(32768.0)


def mirror_faces(faces: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror the marked faces left to right: (B, 3, H, W) faces, (B,) bool marks."""
    return torch.where(mirrored.view(-1, 1, 1, 1), faces.flip(3), faces)


def fit_speech(track: Tensor, num_samples: int) -> Tensor:
    """Crop or repeat a track to the length of training: (samples,) -> (num_samples,).

    A longer track is cropped to its middle. A shorter one is repeated, as in Choi et al. 2020, section 4.
    """
    length = track.shape[0]
    if length >= num_samples:
        start = (length - num_samples) // 2
        return track[start : start + num_samples]
    return track.repeat(-(-num_samples // length))[:num_samples]
