"""Speaker encoder of Wan et al. 2018, in the sizes of the package Resemblyzer."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.optional_imports import torchaudio
from facegen.parts.layers.precision import without_autocast
from facegen.parts.layers.recurrent import recurrent_states
from facegen.parts.layers.spectra import torchaudio_transform

RATE_HZ = 16000
WINDOW_SAMPLES, HOP_SAMPLES, NUM_MELS = 400, 160, 40
"""25 ms and 10 ms."""
WIDTH, NUM_LAYERS = 256, 3
PARTIAL_FRAMES = 160
"""Length of a partial utterance, 1.6 s: what the network was trained on."""
LEVEL = 10 ** (-30 / 20)
"""Root mean square of speech at -30 dB of full scale."""
MIN_COVERAGE = 0.75
"""Smallest share of the last partial utterance that speech must fill; the rest of it is silence."""


class SpeakerNetwork(nn.Module):
    """Three LSTM layers over mel bands; the last state, projected, rectified and scaled to length 1.

    Shape:
        (B, frames, 40) -> (B, 256)
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(NUM_MELS, WIDTH, NUM_LAYERS, batch_first=True)
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, mels: Tensor) -> Tensor:
        states = recurrent_states(self.lstm, mels)
        return functional.normalize(functional.relu(self.linear(states[:, -1])))


class PartialMels(nn.Module):
    """Mel power spectrograms of overlapping partial utterances.

    Speech below -30 dB of full scale is raised to it; louder speech stays as it is. The bands are Slaney's, with
    triangles of equal area; neither a root nor a logarithm is taken.

    Args:
        sample_rate_hz: of the speech; other rates than 16 kHz are resampled.
        step_frames: distance between the starts of partial utterances, in frames of 10 ms.
    Shape:
        (B, samples) -> (B, partials, 160, 40)
    """

    def __init__(self, sample_rate_hz: int, step_frames: int) -> None:
        super().__init__()
        self.step_frames = step_frames
        transforms = torchaudio().transforms
        self.resample = torchaudio_transform(lambda: transforms.Resample(sample_rate_hz, RATE_HZ))
        self.bands = torchaudio_transform(
            lambda: transforms.MelSpectrogram(
                RATE_HZ, WINDOW_SAMPLES, hop_length=HOP_SAMPLES, n_mels=NUM_MELS, pad_mode="constant", norm="slaney",
                mel_scale="slaney",
            )
        )  # fmt: skip

    def forward(self, speech: Tensor) -> Tensor:
        speech = self.resample(speech)
        level = speech.square().mean(dim=1, keepdim=True).sqrt()
        speech = speech * (LEVEL / level.clamp(min=1e-7)).clamp(min=1.0)
        num = num_partials(speech.shape[1], self.step_frames)
        end = ((num - 1) * self.step_frames + PARTIAL_FRAMES) * HOP_SAMPLES
        mels = self.bands(functional.pad(speech, (0, max(end - speech.shape[1], 0))))
        return mels.unfold(2, PARTIAL_FRAMES, self.step_frames)[:, :, :num].permute(0, 2, 3, 1)


def num_partials(num_samples: int, step_frames: int) -> int:
    """Return the number of partial utterances of speech at 16 kHz; at least one, whose end may be silence."""
    frames = math.ceil((num_samples + 1) / HOP_SAMPLES)
    num = len(range(0, max(1, frames - PARTIAL_FRAMES + step_frames + 1), step_frames))
    last_start = (num - 1) * step_frames * HOP_SAMPLES
    is_covered = (num_samples - last_start) / (PARTIAL_FRAMES * HOP_SAMPLES) >= MIN_COVERAGE
    return num if is_covered or num == 1 else num - 1


class SpeakerEncoder(nn.Module):
    """Average of the network's embeddings of partial utterances, scaled to length 1.

    The network has fixed weights that are no part of a run: `state_dict` leaves them out, and no optimiser sees them.

    Args:
        network: with its weights.
        sample_rate_hz: of the speech.
        step_frames: distance between the starts of partial utterances, in frames of 10 ms.
    Shape:
        (B, samples) float in [-1, 1] -> (B, 256)
    """

    def __init__(self, network: SpeakerNetwork, sample_rate_hz: int, step_frames: int) -> None:
        super().__init__()
        self.mels = PartialMels(sample_rate_hz, step_frames)
        # A list hides the network from nn.Module, so that its weights are not among the encoder's.
        self._hidden = [network.eval().requires_grad_(False)]

    def _apply(self, function, recurse=True):  # type: ignore[no-untyped-def]  # torch's signature
        """Move the hidden network, too, as `to` and its like do."""
        self._hidden[0]._apply(function, recurse)
        return super()._apply(function, recurse)

    @torch.no_grad()
    def forward(self, speech: Tensor) -> Tensor:
        with without_autocast(speech.device):
            mels = self.mels(speech.float())
            partials: Tensor = self._hidden[0](mels.flatten(0, 1)).unflatten(0, mels.shape[:2])
            return functional.normalize(partials.mean(dim=1))
