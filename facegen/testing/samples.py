"""Small inputs for parts: data spec, batch, condition, critic, evidence."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.critic import Critic, Phase
from facegen.core.evidence import Evidence, Recognised, Training
from facegen.core.interfaces import Discriminator

SMALL_DATA = DataSpec(
    image_pixels=64,
    sample_rate_hz=16000,
    speech_samples=16000,
    text_dim=32,
    caption_characters=201,
    identities=("anna", "ben", "cleo", "dan", "eve", "finn"),
    attributes={"sex": 2},
    columns=frozenset({"faces", "identity", "speech", "caption", "text", "sex"}),
)
"""A corpus with every column."""
CONDITION_DIM = 16
ROWS = 6


def sample_batch(data: DataSpec = SMALL_DATA, num: int = ROWS, num_mismatched: int = 1, seed: int = 0) -> Batch:
    """Return random rows of different people, so that every other row is a mismatch."""
    random = torch.Generator().manual_seed(seed)
    rows = torch.arange(num)
    steps = torch.arange(1, num_mismatched + 1)
    faces = torch.rand(num, 3, data.image_pixels, data.image_pixels, generator=random)
    return Batch(
        faces=faces * 2 - 1,
        clip=rows,
        identity=rows % max(data.num_identities, 1),
        mismatched_rows=(rows[:, None] + steps) % num,
        speech=torch.rand(num, data.speech_samples, generator=random) * 2 - 1,
        caption=torch.randint(0, 40, (num, data.caption_characters), generator=random),
        text=torch.randn(num, data.text_dim, generator=random),
        attributes={name: rows % classes for name, classes in data.attributes.items()},
        clip_names=[f"clip{row}" for row in range(num)],
        identity_image=torch.rand(num, 3, data.image_pixels, data.image_pixels, generator=random) * 2 - 1,
    )


def sample_condition(num: int = ROWS, condition_dim: int = CONDITION_DIM, seed: int = 0) -> Condition:
    """Return random conditions, the same for both networks."""
    values = torch.randn(num, condition_dim, generator=torch.Generator().manual_seed(seed + 1000))
    return Condition(values, values, values, {})


class SampleDiscriminator(Discriminator):
    """Small discriminator with every head.

        f = tanh(W avgpool(x)), score = v . f + (U c) . f

    Engine:
        data: supplies image_pixels.
        condition_dim: width of the condition.
        heads: {head to build: its width}.
    Source:
        Ours, for tests.
    """

    supported_heads = frozenset({"score", "score_unconditional", "embed", "classify", "reconstruct"})

    def __init__(self, data: DataSpec, condition_dim: int, heads: Mapping[str, int]) -> None:
        super().__init__(data, condition_dim, heads)
        self._pixels = data.image_pixels
        self.trunk = nn.Linear(3 * 8 * 8, 12)
        self.condition = nn.Linear(condition_dim, 12, bias=False)
        widths = {**heads, "reconstruct": 3 * 8 * 8}
        self.heads = nn.ModuleDict({name: nn.Linear(12, widths[name]) for name in heads})

    def features(self, faces: Tensor) -> Tensor:
        return torch.tanh(self.trunk(F.adaptive_avg_pool2d(faces, 8).flatten(1)))

    def score(self, features: Tensor, condition: Tensor | None) -> Tensor:
        if condition is None:
            return self._head("score_unconditional", features).squeeze(1)
        return self._head("score", features).squeeze(1) + (self.condition(condition) * features).sum(1)

    def embed(self, features: Tensor) -> Tensor:
        return self._head("embed", features)

    def classify(self, features: Tensor) -> Tensor:
        return self._head("classify", features)

    def reconstruct(self, features: Tensor, condition: Tensor | None) -> Tensor:
        return F.interpolate(self._head("reconstruct", features).view(-1, 3, 8, 8), size=self._pixels)

    def _head(self, name: str, features: Tensor) -> Tensor:
        if name not in self.heads:
            raise AssertionError(f"the head '{name}' is used, but not in `heads`")
        result: Tensor = self.heads[name](features)
        return result


def sample_discriminator(
    heads: Mapping[str, int] | None = None, data: DataSpec = SMALL_DATA, seed: int = 0
) -> SampleDiscriminator:
    """Return a discriminator with the given heads; with `score` alone by default."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SampleDiscriminator(data, CONDITION_DIM, {"score": 1} if heads is None else heads)


def sample_critic(
    phase: Phase,
    discriminator: Discriminator | None = None,
    *,
    grad_inputs: frozenset[str] = frozenset(),
    num_mismatched: int = 1,
    data: DataSpec = SMALL_DATA,
    seed: int = 0,
) -> Critic:
    """Return one phase of one step on random faces; the fakes are a leaf, so that they can have a gradient."""
    condition = sample_condition(seed=seed)
    scored = sample_discriminator(data=data, seed=seed) if discriminator is None else discriminator
    scored.requires_grad_(phase == "discriminator")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 2000)
        fake_faces = torch.tanh(torch.randn(ROWS, 3, data.image_pixels, data.image_pixels)).requires_grad_()
        paint = torch.randn(CONDITION_DIM, 3)

    def draw(conditions: Tensor) -> Tensor:
        return torch.tanh(conditions @ paint)[:, :, None, None] * fake_faces.mean(0)

    return Critic(
        phase,
        sample_batch(data, num_mismatched=num_mismatched, seed=seed),
        condition,
        scored,
        fake_faces,
        grad_inputs=grad_inputs,
        draw=draw,
        num_identities=data.num_identities,
    )


def sample_evidence(num: int = 40, num_noises: int = 2, dim: int = 8, seed: int = 0) -> Evidence:
    """Return random, correlated encodings and embeddings, and random images."""
    random = torch.Generator().manual_seed(seed)

    def near(centre: Tensor, *shape: int) -> Tensor:
        return F.normalize(centre + 0.5 * torch.randn(*shape, dim, generator=random), dim=-1)

    people = F.normalize(torch.randn(num, dim, generator=random), dim=-1)
    return Evidence(
        judge="random",
        split="heldout_people",
        seed=seed,
        person=torch.arange(num),
        attributes={"sex": torch.arange(num) % 2},
        encodings=near(people, num),
        real=near(people, num),
        real_other=near(people, num),
        fake=near(people[:, None], num, num_noises),
        real_faces=torch.randint(0, 256, (num, 32, 32, 3), dtype=torch.uint8, generator=random),
        fake_faces=torch.randint(0, 256, (num, num_noises, 32, 32, 3), dtype=torch.uint8, generator=random),
        logits=lambda query, candidates, direction: torch.einsum("bd,bkd->bk", query, candidates),
        max_candidates=None,
    )


def rich_evidence(num: int = 120, num_training: int = 150, dim: int = 8, seed: int = 0) -> Evidence:
    """Return `sample_evidence` with every optional field: recognisers, training faces, hidden factors."""
    evidence = sample_evidence(num, dim=dim, seed=seed)
    random = torch.Generator().manual_seed(seed + 1)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    def factors(faces: Tensor) -> dict[str, Tensor]:
        """Return the mean brightness of each image, and 1 where its upper half is the brighter one."""
        rows = faces.double().mean((2, 3))
        brighter = rows[:, : rows.shape[1] // 2].mean(1) > rows[:, rows.shape[1] // 2 :].mean(1)
        return {"brightness": rows.mean(1), "upper": brighter.double()}

    faces = torch.randint(0, 256, (num_training, 32, 32, 3), dtype=torch.uint8, generator=random)
    missed = torch.arange(num) % 10 == 0
    seen = evidence.real.masked_fill(missed[:, None], torch.nan)
    looks = Recognised(seen, evidence.real_other, evidence.fake, None)
    listens = Recognised(None, None, None, evidence.encodings + 0.1 * drawn(num, dim))
    return replace(
        evidence,
        recognised={"looks": looks, "listens": listens},
        training=Training(faces, drawn(num_training, dim), torch.arange(num_training) + num, factors(faces)),
        factors=factors(evidence.real_faces),
        factor_sides={"brightness": "voice and face", "upper": "face"},
        embed=lambda shown: shown.float().mean((1, 2)) @ torch.ones(3, dim),
        faces_key=f"sample {num} {seed}",
    )
