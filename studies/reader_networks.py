"""Networks of the study `reader` and their training loop."""

import math
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from studies.reader_people import NUM_MELS

EMBEDDING_DIM = 64
Batches = Callable[[int], tuple[Tensor, Tensor]]


class VoiceTower(nn.Module):
    """Convolutions over time, pooled by mean and deviation over time: (B, mels, frames) -> (B, 64)."""

    def __init__(self) -> None:
        super().__init__()
        shapes = ((NUM_MELS, 128, 5, 1), (128, 192, 5, 2), (192, 256, 3, 2), (256, 256, 3, 1))
        layers: list[nn.Module] = []
        for before, after, kernel, stride in shapes:
            layers += [
                nn.Conv1d(before, after, kernel, stride, kernel // 2, bias=False),
                nn.BatchNorm1d(after),
                nn.ReLU(),
            ]
        self.backbone = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, EMBEDDING_DIM))

    def forward(self, mel: Tensor) -> Tensor:
        hidden = self.backbone(mel.float())
        return self.head(torch.cat([hidden.mean(2), (hidden.var(2) + 1e-5).sqrt()], dim=1))


class FaceTower(nn.Module):
    """Strided convolutions down to 4 x 4, flattened without pooling: (B, 3, H, W) uint8 -> (B, 64)."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        channels, size = [3, 24], pixels
        layers = [nn.Conv2d(3, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU()]
        while size > 4:
            channels.append(min(256, 2 * channels[-1]))
            layers += [nn.Conv2d(*channels[-2:], 3, 2, 1, bias=False), nn.BatchNorm2d(channels[-1]), nn.ReLU()]
            size = (size + 1) // 2
        self.backbone = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        self.head = nn.Sequential(nn.Linear(channels[-1] * size * size, 256), nn.ReLU(), nn.Linear(256, EMBEDDING_DIM))

    def forward(self, faces: Tensor) -> Tensor:
        return self.head(self.backbone(faces.float() / 127.5 - 1).flatten(1))


class TowerPair(nn.Module):
    """Two towers under a symmetric softmax over the batch, with a learnt temperature (van den Oord et al. 2018)."""

    def __init__(self, voice: nn.Module, face: nn.Module) -> None:
        super().__init__()
        self.voice, self.face = voice, face
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def loss(self, voices: Tensor, faces: Tensor) -> Tensor:
        one, other = functional.normalize(self.voice(voices)), functional.normalize(self.face(faces))
        logits = one @ other.T * self.log_scale.clamp(max=math.log(100)).exp()
        own = torch.arange(len(logits), device=logits.device)
        return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2

    @torch.no_grad()
    def embed(self, voices: Tensor, faces: Tensor, device: str) -> tuple[Tensor, Tensor]:
        """Return unit vectors of both sides on the CPU, computed 512 rows at a time."""
        self.eval()

        def through(tower: nn.Module, rows: Tensor) -> Tensor:
            return torch.cat([functional.normalize(tower(part.to(device))).cpu() for part in rows.split(512)])

        return through(self.voice, voices), through(self.face, faces)


def train(pair: TowerPair, batches: Batches, done_share: Callable[[int], float], rate: float, name: str) -> int:
    """Train by AdamW until `done_share` reaches 1; return the number of steps.

    The learning rate rises over the first fiftieth and then falls along half a cosine.
    """
    optimiser = torch.optim.AdamW(pair.parameters(), rate, weight_decay=1e-2)
    step, last_report = 0, time.monotonic()
    pair.train()
    while (share := done_share(step)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(50 * share + 0.02, (1 + math.cos(math.pi * share)) / 2)
        loss = pair.loss(*batches(step))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
        if time.monotonic() - last_report > 20:
            last_report = time.monotonic()
            print(f"{name}: step {step}, {share:.0%}, loss {float(loss.detach()):.3f}", file=sys.stderr, flush=True)
    return step
