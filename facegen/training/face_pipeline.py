"""Conditioners, transforms of the condition and generator: what EMA copies and a run stores."""

from collections.abc import Callable, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from facegen.core.batch import Batch, Condition
from facegen.core.interfaces import Conditioner, ConditionTransform, Generator
from facegen.core.randomness import random_state, repeatable, seed_torch
from facegen.core.recipe.unique_names import unique_names
from facegen.data.loading.prepare import restore_faces
from facegen.training.freezing import Frozen, set_frozen_to_eval

FACES_AT_ONCE = 64
"""Number of faces up to which several noises are drawn in one pass."""


class Encoders(nn.Module):
    """Conditioners whose encodings are concatenated.

    Args:
        conditioners: in the recipe's order.
        frozen: which of them `freeze` freezes.
    """

    def __init__(self, conditioners: Sequence[Conditioner], frozen: Sequence[bool]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(conditioners)
        self.frozen = tuple(frozen)
        self.widths = tuple(conditioner.condition_dim for conditioner in conditioners)
        self.condition_dim = sum(self.widths)
        self.needs = frozenset[str]().union(*(conditioner.needs for conditioner in conditioners))
        limits = [conditioner.whole_speech_seconds for conditioner in conditioners if "speech" in conditioner.needs]
        known = [limit for limit in limits if limit is not None]
        self._whole_speech_seconds = min(known) if known and len(known) == len(limits) else None
        self._frozen_parts: tuple[nn.Module, ...] = ()
        self._freeze = Frozen()

    @property
    def is_frozen(self) -> bool:
        """All conditioners are frozen, so that encodings can be cached."""
        return len(self._frozen_parts) == len(self.parts)

    def freeze(self, *, everything: bool = False) -> None:
        """Freeze the frozen conditioners: no gradient, and evaluation mode after every later `train()`.

        An earlier call ends: what it froze learns again, except weights that the conditioner itself has fixed.

        Args:
            everything: freeze the others, too.
        """
        self.unfreeze()
        chosen = zip(self.parts, self.frozen, strict=True)
        self._frozen_parts = tuple(part for part, frozen in chosen if frozen or everything)
        self._freeze = Frozen(*self._frozen_parts)
        self.train(self.training)

    def unfreeze(self) -> None:
        """End an earlier `freeze`; weights that a conditioner itself has fixed stay fixed."""
        self._freeze.release()
        self._frozen_parts = ()
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for part in self.parts:
            set_frozen_to_eval(part)
        for part in self._frozen_parts:
            part.eval()
        return self

    @property
    def whole_speech_seconds(self) -> float | None:
        """Length up to which recordings are encoded whole; None where an encoder needs the length of training."""
        return self._whole_speech_seconds

    def forward(self, batch: Batch) -> Tensor:
        """Concatenate the encodings: (B, condition_dim)."""
        return torch.cat([part(batch) for part in self.parts], dim=1)


class DiscriminatorEncoders(nn.Module):
    """The discriminator's copies of the conditioners that are trained "separate".

    Encodings of the other conditioners are taken over without gradient.

    Args:
        copies: {index of the conditioner: copy}.
        widths: width of every conditioner's encoding.
    """

    def __init__(self, copies: Mapping[int, Conditioner], widths: Sequence[int]) -> None:
        super().__init__()
        self.copies = nn.ModuleDict({str(index): copy for index, copy in copies.items()})
        self.widths = tuple(widths)

    def start_as(self, encoders: Encoders) -> None:
        """Copy the weights of the conditioners."""
        for index, copy in self.copies.items():
            copy.load_state_dict(encoders.parts[int(index)].state_dict())

    def forward(self, batch: Batch, encoding: Tensor) -> Tensor:
        """Replace the copied conditioners' part of an encoding: (B, condition_dim)."""
        parts = [*encoding.detach().split(self.widths, dim=1)]
        for index, copy in self.copies.items():
            parts[int(index)] = copy(batch)
        return torch.cat(parts, dim=1)


class FacePipeline(nn.Module):
    """Encoders, transforms and generator: from a batch to faces.

    With a draft, an encoding is the pipeline's own followed by the draft's, and so is the generator's condition; code
    that passes them on need not tell them apart. The discriminator's condition is the pipeline's own.

    Args:
        encoders, transforms, generator: the recipe's parts.
        draft: trained pipeline whose faces the generator refines; it gets the same noise and stays fixed.
    """

    def __init__(
        self,
        encoders: Encoders,
        transforms: Sequence[ConditionTransform],
        generator: Generator,
        draft: "FacePipeline | None" = None,
    ) -> None:
        super().__init__()
        self.encoders = encoders
        self.transforms = nn.ModuleList(transforms)
        self.generator = generator
        self.draft = None if draft is None else draft.eval().requires_grad_(False)
        self.condition_dim = transforms[-1].condition_dim if transforms else encoders.condition_dim

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for part in (*self.transforms, self.generator):
            set_frozen_to_eval(part)
        if self.draft is not None:
            self.draft.eval()
        return self

    @property
    def own(self) -> tuple[nn.Module, ...]:
        """The modules without the draft."""
        return self.encoders, self.transforms, self.generator

    @property
    def noise_dim(self) -> int:
        """Width of the noise."""
        return self.generator.noise_dim if self.draft is None else self.draft.noise_dim

    @property
    def needs(self) -> frozenset[str]:
        """The Batch columns that are read."""
        return self.encoders.needs | (frozenset() if self.draft is None else self.draft.needs)

    @property
    def is_frozen(self) -> bool:
        """All conditioners are frozen, so that encodings can be cached."""
        return self.encoders.is_frozen

    @property
    def whole_speech_seconds(self) -> float | None:
        """Length up to which recordings are encoded whole; None where an encoder needs the length of training."""
        return self.encoders.whole_speech_seconds if self.draft is None else None

    def encode(self, batch: Batch) -> Tensor:
        """Encode the rows, before any transform: (B, dim)."""
        own: Tensor = self.encoders(batch)
        if self.draft is None:
            return own
        with torch.no_grad():
            return torch.cat([own, self.draft.encode(batch)], dim=1)

    def condition(self, batch: Batch | None, encoding: Tensor | None = None) -> Condition:
        """Compute the condition of a batch, from its encodings where they are given."""
        if encoding is None:
            if batch is None:
                raise ValueError("a condition needs a batch or an encoding")
            encoding = self.encode(batch)
        own, drafts = encoding.tensor_split([self.encoders.condition_dim], dim=1)
        condition = Condition(own, own, own, {})
        terms: list[tuple[str, Tensor]] = []
        for transform in self.transforms:
            condition = transform(condition._replace(terms={}), batch)
            terms += condition.terms.items()
        names = unique_names(name for name, _ in terms)
        condition = condition._replace(terms=dict(zip(names, (value for _, value in terms), strict=True)))
        if self.draft is None:
            return condition
        with torch.no_grad():
            before = self.draft.condition(None, drafts).generator
        return condition._replace(generator=torch.cat([condition.generator, before], dim=1))

    def noise(self, num: int, device: torch.device) -> Tensor:
        """Draw noise of the generator, or of the draft where there is one: (num, noise_dim)."""
        return self.generator.noise(num, device) if self.draft is None else self.draft.noise(num, device)

    def draw(self, condition: Tensor, noise: Tensor | None = None) -> Tensor:
        """Generate faces under a condition, with fresh noise unless it is given: (B, dim) -> (B, 3, H, W)."""
        if noise is None:
            noise = self.noise(condition.shape[0], condition.device)
        if self.draft is None:
            return self.generator(noise, condition)
        own, before = condition.tensor_split([self.condition_dim], dim=1)
        with torch.no_grad():
            faces = self.draft.draw(before, noise)
        return self.generator(noise[:, : self.generator.noise_dim], own, faces)

    @torch.no_grad()
    def sample(self, encoding: Tensor, noise: Tensor) -> Tensor:
        """Generate faces of encodings under given noise; random transforms are drawn anew.

        Args:
            encoding: (B, dim)
            noise: (noise_dim,), or (B, noise_dim) one each.
        Returns:
            (B, 3, H, W)
        """
        return self.draw(self.condition(None, encoding).generator, noise.expand(len(encoding), -1))


def choose_noises(noise: Callable[[int, torch.device], Tensor], num: int, seed: int, device: torch.device) -> Tensor:
    """Draw noises that depend on the seed only, without changing the random state of training.

    Args:
        noise: draws (num, noise_dim), such as `FacePipeline.noise`.
    """
    with torch.random.fork_rng(devices=[]):
        seed_torch(seed, "noises")
        return noise(num, torch.device("cpu")).to(device)


@torch.no_grad()
def draw_each(pipeline: FacePipeline, encoding: Tensor, noises: Tensor, seed: int, first: int = 0) -> Tensor:
    """Generate every person under every noise; random transforms and dropout are the same at every call.

    Several noises are drawn at once, unless the pipeline uses random numbers beside them, which belong to one noise
    each. Drawing at once or one by one differs by rounding: by one of 256 levels of a colour at most.

    Args:
        encoding: (B, dim)
        noises: (Z, noise_dim), or (Z, B, noise_dim) for different noises per person.
        seed: of random transforms.
        first: number of the first noise among those of a larger call, of which this one draws a part.
    Returns:
        (B, Z, H, W, 3) uint8 on the CPU.
    """
    people, columns, num_at_once = len(encoding), list[Tensor](), 1
    start = 0
    while start < len(noises):
        group = noises[start : start + num_at_once]
        rows = group if group.dim() == 3 else group[:, None].expand(-1, people, -1)
        with repeatable(encoding.device, seed, "drawing", first + start):
            before = random_state(encoding.device)
            faces = pipeline.sample(encoding.repeat(len(group), 1), rows.flatten(0, 1))
            is_random = not torch.equal(random_state(encoding.device), before)
        columns += restore_faces(faces).cpu().unflatten(0, (len(group), people)).unbind()
        start += len(group)
        num_at_once = 1 if is_random else max(FACES_AT_ONCE // people, 1)
    return torch.stack(columns, dim=1)
