"""People of the synthetic world for the study `reader`: spectra, pictures and true factors."""

import math
import threading
from dataclasses import dataclass

import torch
from torch import Tensor

from facegen.data.synthetic.face import render_faces
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.people import FACTORS, draw_people
from facegen.data.synthetic.voice import speak

SEED = 0
SAMPLE_RATE_HZ = 16000
WINDOW_SAMPLES, HOP_SAMPLES, NUM_MELS = 640, 160, 80
CHUNK_PEOPLE = 128
SHARED = tuple(factor.name for factor in FACTORS if factor.side == "shared")


@dataclass
class People:
    """Voices, faces and true factors of some people, one row each.

    Attributes:
        mel: (N, mels, frames) float16 log-mel spectra without the clip's mean level.
        faces: (N, 3, H, W) uint8.
        log_f0: (N, 1) log of the clip's median pitch in Hz.
        factors: (N, shared factors).
        ready: number of rows that are filled.
    """

    mel: Tensor
    faces: Tensor
    log_f0: Tensor
    factors: Tensor
    ready: int = 0

    @classmethod
    def empty(cls, num: int, pixels: int, num_samples: int) -> "People":
        frames = 1 + num_samples // HOP_SAMPLES
        return cls(
            torch.empty(num, NUM_MELS, frames, dtype=torch.float16),
            torch.empty(num, 3, pixels, pixels, dtype=torch.uint8).contiguous(memory_format=torch.channels_last),
            torch.empty(num, 1),
            torch.empty(num, len(SHARED)),
        )

    @torch.no_grad()
    def render(self, first: int, num_samples: int, device: str, stop: threading.Event | None = None) -> None:
        """Fill the rows with people from number `first` on, until `stop` is set."""
        filters = mel_filters().to(device)
        for start in range(0, len(self.mel), CHUNK_PEOPLE):
            if stop is not None and stop.is_set():
                return
            part = slice(start, min(start + CHUNK_PEOPLE, len(self.mel)))
            number = torch.arange(first + part.start, first + part.stop, device=device)
            people = draw_people(SEED, number)
            voice = speak(people, SEED, number, num_samples, SAMPLE_RATE_HZ)
            moments = draw_moments(SEED, number, torch.zeros_like(number))
            faces = render_faces(people, moments, self.faces.shape[2])
            self.mel[part] = log_mel(voice.samples, filters).cpu()
            self.faces[part] = faces.permute(0, 3, 1, 2).cpu()
            self.log_f0[part] = voice.f0_hz.log().median(dim=1, keepdim=True).values.cpu()
            self.factors[part] = torch.stack([people[name] for name in SHARED], dim=1).cpu()
            self.ready = part.stop


def mel_filters() -> Tensor:
    """Return triangular filters, evenly spaced in mel (O'Shaughnessy 1987) from 40 Hz to 8 kHz: (bins, mels)."""

    def mel(hertz: float) -> float:
        return 2595 * math.log10(1 + hertz / 700)

    places = torch.linspace(mel(40.0), mel(SAMPLE_RATE_HZ / 2), NUM_MELS + 2)
    corners = 700 * (10 ** (places / 2595) - 1)
    bins = torch.fft.rfftfreq(1024, 1 / SAMPLE_RATE_HZ)[:, None]
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)


def log_mel(samples: Tensor, filters: Tensor) -> Tensor:
    """Return log-mel spectra in units of 10 dB without the clip's mean level: (B, samples) -> (B, mels, frames)."""
    window = torch.hann_window(WINDOW_SAMPLES, device=samples.device)
    spectra = torch.stft(samples, 1024, HOP_SAMPLES, WINDOW_SAMPLES, window, return_complex=True).abs().square()
    level = ((spectra.transpose(1, 2) @ filters) + 1e-7).log10().transpose(1, 2)
    return level - level.mean((1, 2), keepdim=True)
