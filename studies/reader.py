"""Matching of synthetic voices and faces: by chance, by shortcuts, by a trained reader, and by the true factors.

    python -m studies reader --people 100000 --minutes 20

A reader is a pair of small networks, one on log-mel spectra and one on pictures, trained to match voices and faces of
people that the renderer streams. It is measured on unseen people, beside pitch alone, mean colour alone and the true
shared factors. The reader's score is a target for recipes on this corpus; a recipe that only reaches the shortcuts'
scores has learnt nothing else.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

import torch
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.evidence import Evidence, Figure
from facegen.core.text.json_text import json_text
from facegen.parts.metrics.matching import Matching
from studies.reader_networks import FaceTower, TowerPair, VoiceTower, train
from studies.reader_people import SAMPLE_RATE_HZ, SEED, SHARED, People

FIRST_HELDOUT = 10_000_000


def train_reader(learnt: People, arguments: argparse.Namespace, num_samples: int) -> tuple[TowerPair, dict[str, float]]:
    """Render on one core and train on the other; train on both once all people are rendered."""
    device, size = arguments.device, arguments.batch_size
    stop, started = threading.Event(), time.monotonic()
    failed: list[BaseException] = []

    def produce() -> None:
        try:
            learnt.render(0, num_samples, device, stop)
        except BaseException as error:
            failed.append(error)

    torch.set_num_threads(1)
    producer = threading.Thread(target=produce, daemon=True)
    producer.start()
    while learnt.ready < min(8 * size, len(learnt.mel)) and producer.is_alive():
        time.sleep(0.1)
    random = torch.Generator().manual_seed(SEED)

    def batches(_: int) -> tuple[Tensor, Tensor]:
        if failed:
            raise failed[0]
        if not producer.is_alive():
            torch.set_num_threads(arguments.threads)
        # Rows are drawn uniformly from those rendered so far: training never waits, and early rows stay in use.
        rows = torch.randint(learnt.ready, (size,), generator=random)
        faces = learnt.faces[rows]
        mirrored = torch.rand(size, 1, 1, 1, generator=random) < 0.5
        return learnt.mel[rows].to(device), torch.where(mirrored, faces.flip(3), faces).to(device)

    torch.manual_seed(SEED)
    pair = TowerPair(VoiceTower(), FaceTower(learnt.faces.shape[2])).to(device)
    seconds = 60 * arguments.minutes

    def done_share(step: int) -> float:
        by_steps = step / arguments.steps if arguments.steps else 0.0
        return max((time.monotonic() - started) / seconds, by_steps)

    steps = train(pair, batches, done_share, 1e-3, "reader")
    stop.set()
    producer.join()
    torch.set_num_threads(arguments.threads)
    print(f"reader: {steps} steps, {learnt.ready} people", file=sys.stderr, flush=True)
    return pair, {"steps": steps, "samples": steps * size, "people": learnt.ready}


def train_pitch(log_f0: Tensor, faces: Tensor, steps: int) -> TowerPair:
    """Train a head on the true pitch and one on the trained face tower's embeddings to match each other."""
    torch.manual_seed(SEED)
    middle, scale = log_f0.mean(), log_f0.std()
    voice = nn.Sequential(
        _Scaled(middle, scale), nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16)
    )
    face = nn.Sequential(nn.Linear(faces.shape[1], 128), nn.ReLU(), nn.Linear(128, 16))
    random = torch.Generator().manual_seed(SEED)

    def batches(_: int) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(faces), (512,), generator=random)
        return log_f0[rows], faces[rows]

    pair = TowerPair(voice, face)
    train(pair, batches, lambda step: step / steps, 3e-3, "pitch alone")
    return pair


class _Scaled(nn.Module):
    def __init__(self, middle: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("middle", middle)
        self.register_buffer("scale", scale)

    def forward(self, values: Tensor) -> Tensor:
        return (values - self.middle) / self.scale


def ridge(inputs: Tensor, targets: Tensor, penalty: float = 1e-3) -> Callable[[Tensor], Tensor]:
    """Fit least squares with an intercept on standardised inputs; return the function that predicts."""
    middle, scale, offset = inputs.mean(0), inputs.std(0) + 1e-6, targets.mean(0)
    x = ((inputs - middle) / scale).double()
    gram = x.T @ x + penalty * len(x) * torch.eye(x.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, x.T @ (targets - offset).double()).float()
    return lambda rows: ((rows - middle) / scale) @ weights + offset


def embed_means(learnt: People, tested: People) -> tuple[Tensor, Tensor]:
    """Embed by mean colour of the face and mean spectrum of the voice, each predicted from the other by a ridge.

    Voices query by the predicted colour, faces by the predicted spectrum; both are compared by the cosine. The vector
    of each side holds both, and each direction of matching reads one of them.
    """
    sides = []
    for people in (learnt, tested):
        colour = torch.cat([part.float().mean((2, 3)) for part in people.faces[: people.ready].split(1024)])
        sides.append((colour, people.mel[: people.ready].float().mean(2)))
    (colour, spectrum), (test_colour, test_spectrum) = sides
    voice = torch.cat(
        [_standard(ridge(spectrum, colour)(test_spectrum), colour), _standard(test_spectrum, spectrum)], 1
    )
    face = torch.cat([_standard(test_colour, colour), _standard(ridge(colour, spectrum)(test_colour), spectrum)], 1)
    return voice, face


def _standard(values: Tensor, like: Tensor) -> Tensor:
    return functional.normalize((values - like.mean(0)) / (like.std(0) + 1e-6), dim=1)


def means_logits(query: Tensor, candidates: Tensor, direction: str) -> Tensor:
    """Return cosines of the colours for v2f, of the spectra for f2v: (B, K)."""
    part = slice(0, 3) if direction == "v2f" else slice(3, None)
    return torch.einsum("bd,bkd->bk", query[:, part], candidates[..., part])


def inner_products(query: Tensor, candidates: Tensor, _: str) -> Tensor:
    """Return inner products, the reader's score: (B, K)."""
    return torch.einsum("bd,bkd->bk", query, candidates)


def negative_distances(query: Tensor, candidates: Tensor, _: str) -> Tensor:
    """Return negative squared distances, the score of the true factors: (B, K)."""
    return -(query[:, None] - candidates).square().sum(2)


def measure(
    tested: People, voices: Tensor, faces: Tensor, rule: Callable[[Tensor, Tensor, str], Tensor]
) -> list[Figure]:
    """Return 2-way and 10-way accuracies with intervals, among all people and within one sex."""
    num = len(voices)
    evidence = Evidence(
        judge="", split="heldout_people", seed=SEED, person=torch.arange(num),
        attributes={"sex": tested.factors[:num, SHARED.index("sex")].long()}, encodings=voices, real=faces,
        real_other=None, fake=None, real_faces=tested.faces[:num], fake_faces=None, logits=rule, max_candidates=None,
    )  # fmt: skip
    return Matching().measure(evidence)


def explained(inputs: Tensor, factors: Tensor, test_inputs: Tensor, test_factors: Tensor) -> list[float]:
    """Return the share of the variance of each held-out factor that ridge regression on an embedding explains."""
    left = (ridge(inputs, factors)(test_inputs) - test_factors).square().mean(0)
    return (1 - left / test_factors.var(0, unbiased=False)).tolist()


def compare(arguments: argparse.Namespace) -> dict[str, object]:
    """Render, train and measure; return settings, cost, accuracies and explained variance."""
    num_samples = round(arguments.seconds * SAMPLE_RATE_HZ)
    tested = People.empty(arguments.heldout, arguments.pixels, num_samples)
    tested.render(FIRST_HELDOUT, num_samples, arguments.device)
    learnt = People.empty(arguments.people, arguments.pixels, num_samples)
    reader, cost = train_reader(learnt, arguments, num_samples)
    some = slice(0, min(learnt.ready, 20000))
    voices, faces = reader.embed(learnt.mel[some], learnt.faces[some], arguments.device)
    test_voices, test_faces = reader.embed(tested.mel, tested.faces, arguments.device)
    pitch = train_pitch(learnt.log_f0[some], faces, steps=1500)
    factors = (tested.factors - tested.factors.mean(0)) / tested.factors.std(0)
    rows = {
        "mean colour and spectrum": measure(tested, *embed_means(learnt, tested), means_logits),
        "pitch alone": measure(tested, *pitch.embed(tested.log_f0, test_faces, "cpu"), inner_products),
        "reader": measure(tested, test_voices, test_faces, inner_products),
        "true shared factors": measure(tested, factors, factors, negative_distances),
    }
    probes = {
        "voice": explained(voices, learnt.factors[some], test_voices, tested.factors),
        "face": explained(faces, learnt.factors[some], test_faces, tested.factors),
    }
    return {
        "settings": vars(arguments), "cost": cost,
        "accuracy": {name: [asdict(figure) for figure in figures] for name, figures in rows.items()},
        "explained": {side: dict(zip(SHARED, shares, strict=True)) for side, shares in probes.items()},
    }  # fmt: skip


def show(result: dict) -> None:
    """Print two tables: accuracies, and the variance of each shared factor that the reader's embeddings explain."""
    columns = [figure["label"].replace(", real", "") for figure in next(iter(result["accuracy"].values()))]
    print(f"| matched by | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    chances = [figure["chance"] for figure in next(iter(result["accuracy"].values()))]
    print(f"| chance | {' | '.join(f'{chance:.3f}' for chance in chances)} |")
    for name, figures in result["accuracy"].items():
        cells = [f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})" for figure in figures]
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\n| explained variance | {' | '.join(SHARED)} |\n|---|{'---|' * len(SHARED)}")
    for side, shares in result["explained"].items():
        print(f"| {side} | {' | '.join(f'{share:.2f}' for share in shares.values())} |")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--people", type=int, default=100000, help="maximum number of people to train on")
    parser.add_argument("--minutes", type=float, default=20.0, help="time for rendering and training together")
    parser.add_argument("--steps", type=int, default=0, help="end training after this number of steps; 0 for no limit")
    parser.add_argument("--heldout", type=int, default=2000, help="number of people to measure on")
    parser.add_argument("--pixels", type=int, default=64, help="side of the faces, in pixels")
    parser.add_argument("--seconds", type=float, default=1.2, help="length of the speech, in seconds")
    parser.add_argument("--batch-size", type=int, default=256, help="people per training step")
    parser.add_argument("--threads", type=int, default=2, help="threads for training once all people are rendered")
    parser.add_argument("--device", default="cpu", help="torch device")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Render, train, measure and print; return 0."""
    result = compare(arguments)
    if arguments.json:
        print(json_text(result, indent=1))
    else:
        show(result)
    return 0
