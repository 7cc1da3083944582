"""Which hidden factors of a synthetic face follow the voice, and which follow the noise.

    python benchmarks/factors.py runs/small/speech_relid

A linear reader learns from real renders to read each factor from a picture. It then reads generated faces: some voices,
each under some noises. Of the variance of what it reads, the part between voices is what the condition decides, the
rest what the noise decides. Choi, Park and Lee 2020 (figures 2 to 4) say by eye that the voice decides sex, age and the
shape of the face, and the noise pose, background, hair and glasses.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from facegen.core.observer import Observer
from facegen.core.statistics import Bootstrap
from facegen.data.prepare import prepare_faces
from facegen.data.rows import Rows
from facegen.data.synthetic.moments import draw_moments
from facegen.data.synthetic.speakers import Synthetic
from facegen.inference.load import load_artist
from facegen.training.exhibition import choose_noises, draw_each
from facegen.training.run import Run
from facegen.training.train import open_dataset

SHARED = ("sex", "age", "size", "fullness", "nose", "lips", "tension")
FACE_ONLY = ("skin", "face_length", "eye_spacing", "glasses")
MOMENT = ("yaw", "roll", "light_x", "backdrop_value", "clothing_value")
READ_PIXELS, COMPONENTS, RIDGE = 24, 200, 1e-3


@dataclass(frozen=True)
class Reading:
    """What was found about one factor.

    Attributes:
        factor, decided_by: its name, and what decides it in the world: "voice and face", "face" or "moment".
        reader: R2 of the reader on real renders of other people.
        share, low, high: of the variance read from generated faces, the part between voices, and its 95% interval.
        correlation: of what is read from a voice's faces, on average, with the truth.
    """

    factor: str
    decided_by: str
    reader: float
    share: float
    low: float | None
    high: float | None
    correlation: float

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share; the share itself where there is none."""
        return self.share if self.low is None else self.low, self.share if self.high is None else self.high


class Reader:
    """Ridge regression of standardised factors on principal components of small pictures."""

    def __init__(self, faces: Tensor, truth: Tensor) -> None:
        pixels = self._pixels(faces)
        self._mean = pixels.mean(0)
        _, scale, directions = torch.pca_lowrank(pixels - self._mean, COMPONENTS, center=False, niter=4)
        self._directions = directions / (scale / len(pixels) ** 0.5)
        inputs = self._inputs(faces)
        gram = inputs.T @ inputs + RIDGE * len(inputs) * torch.eye(inputs.shape[1])
        self._weights = torch.linalg.solve(gram, inputs.T @ truth)

    @staticmethod
    def _pixels(faces: Tensor) -> Tensor:
        """(N, H, W, 3) uint8 -> (N, values)"""
        return functional.interpolate(prepare_faces(faces), READ_PIXELS, mode="area").flatten(1)

    def _inputs(self, faces: Tensor) -> Tensor:
        found = (self._pixels(faces) - self._mean) @ self._directions
        return torch.cat([found, torch.ones(len(found), 1)], dim=1)

    def read(self, faces: Tensor) -> Tensor:
        """(N, H, W, 3) uint8 -> (N, factors)"""
        return self._inputs(faces) @ self._weights


def truths(world: Synthetic, clip: Tensor, frame: Tensor) -> Tensor:
    """(N, factors), in the order SHARED, FACE_ONLY, MOMENT."""
    person, moment = world.factors(clip), draw_moments(world.seed, clip, frame)
    person["glasses"] = (person["glasses"] >= 2).float()  # the first two classes wear none
    return torch.stack([*(person[name] for name in SHARED + FACE_ONLY), *(moment[name] for name in MOMENT)], dim=1)


def learn(world: Synthetic, num: int) -> tuple[Reader, Tensor, Tensor, Tensor]:
    """A reader from people of the training split; its R2 on held-out people; mean and deviation of the truth."""
    clip = world.clips("train").clip[:num]
    frame = torch.zeros_like(clip)
    truth = truths(world, clip, frame)
    mean, deviation = truth.mean(0), truth.std(0)
    faces = torch.cat([world.faces(rows, torch.zeros_like(rows)) for rows in clip.split(64)])
    reader = Reader(faces, (truth - mean) / deviation)
    other = world.clips("heldout_people").clip[:1000]
    standard = (truths(world, other, torch.zeros_like(other)) - mean) / deviation
    shown = torch.cat([world.faces(rows, torch.zeros_like(rows)) for rows in other.split(64)])
    error = (reader.read(shown) - standard).square().mean(0)
    return reader, 1 - error / standard.var(0), mean, deviation


@torch.no_grad()
def factors(path: Path, num_people: int, num_voices: int, num_noises: int) -> list[Reading]:
    """Read the generated faces of a run on synthetic speakers whom it never saw."""
    run = Run.open(path)
    world = open_dataset(run.recipe)
    if not isinstance(world, Synthetic):
        raise SystemExit(f"{path}: was not trained on synthetic speakers, so there is no truth to read")
    artist = load_artist(run, torch.device("cpu"))
    reader, accuracy, mean, deviation = learn(world, num_people)
    settings = run.recipe.chosen("dataset").engine
    rows = Rows(
        world, settings, "heldout_people", artist.needs, torch.device("cpu"), Observer(), keep=False
    )  # fmt: skip
    batch = rows.fetch_plain(rows.choose(num_voices, 0, distinct_people=True))
    noises = choose_noises(artist.noise, num_noises, 0, torch.device("cpu"))
    drawn = draw_each(artist, artist.encode(batch), noises, 0)
    read = torch.stack([reader.read(faces) for faces in drawn.unbind(1)], dim=1)
    truth = (truths(world, batch.clip, torch.zeros_like(batch.clip)) - mean) / deviation
    names = SHARED + FACE_ONLY + MOMENT
    return [_reading(name, float(accuracy[n]), read[..., n], truth[:, n]) for n, name in enumerate(names)]


def _reading(name: str, accuracy: float, read: Tensor, truth: Tensor) -> Reading:
    """One-way analysis of variance over voices: (voices, noises)."""
    voices = Bootstrap(torch.arange(len(read)), 0)
    num = read.shape[1]
    within = voices.sums(read.var(1))
    first, second = voices.sums(read.mean(1)), voices.sums(read.mean(1).square())

    def share(weights: Tensor) -> Tensor:
        count = weights.sum(1)
        noise = weights @ within / count
        spread = (weights @ second / count - (weights @ first / count).square()) * count / (count - 1)
        voice = (spread - noise / num).clamp(min=0)
        return voice / (voice + noise).clamp(min=1e-12)

    found = voices.estimate(share)
    decided_by = "voice and face" if name in SHARED else "face" if name in FACE_ONLY else "moment"
    correlation = float(torch.corrcoef(torch.stack([read.mean(1), truth]))[0, 1])
    return Reading(name, decided_by, accuracy, found.value, found.low, found.high, correlation)


def to_markdown(readings: list[Reading]) -> str:
    """A table."""
    lines = ["| factor | decided by | reader's R2 | share between voices | 95% interval | correlation with truth |"]
    lines.append("|---|---|---|---|---|---|")
    for one in readings:
        cells = [one.factor, one.decided_by, f"{one.reader:.2f}", f"{one.share:.2f}"]
        cells.append("{:.2f} to {:.2f}".format(*one.interval))
        lines.append(f"| {' | '.join([*cells, f'{one.correlation:.2f}'])} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print the table of every run that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--people", type=int, default=4000, help="real renders that the reader learns from")
    parser.add_argument("--voices", type=int, default=200)
    parser.add_argument("--noises", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for path in arguments.runs:
        readings = factors(path, arguments.people, arguments.voices, arguments.noises)
        found = json.dumps([asdict(one) for one in readings], indent=1) if arguments.json else to_markdown(readings)
        print(found if arguments.json else f"## {path.name}\n\n{found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
