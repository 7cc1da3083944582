"""Data types of a training step: description of a corpus, rows of a batch, and their condition."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

Terms = dict[str, Tensor]
"""Scalar tensors, already weighted; the keys are the same at every step."""
NUM_CHARACTERS = 71
"""Codes of a caption's characters run from 1 to this; 0 stands for the end and for characters without a code."""
CLIP_NAME = "clip_name"
"""Entry of a conditioner's `needs` that asks for `Batch.clip_names`."""
IDENTITY_IMAGE = "identity_image"
"""Entry of a conditioner's `needs` that asks for `Batch.identity_image`."""
FILLED_BY_ALL = frozenset({CLIP_NAME, IDENTITY_IMAGE})
"""Columns that every corpus can fill; identity images, where each person has two faces."""


@dataclass(frozen=True)
class DataSpec:
    """Description of a corpus, as far as parts need it.

    Attributes:
        image_pixels: side of the square faces.
        sample_rate_hz: of the speech.
        speech_samples: length of the crop of speech of a row; 0 without speech.
        text_dim: width of the given text vectors; 0 without.
        caption_characters: length of the coded captions; 0 without.
        identities: names of the people of the training split, in the order of their numbers.
        attributes: {column: number of classes} of labels such as sex.
        columns: Batch columns that the corpus can fill.
    """

    image_pixels: int
    sample_rate_hz: int = 16000
    speech_samples: int = 0
    text_dim: int = 0
    caption_characters: int = 0
    identities: tuple[str, ...] = ()
    attributes: Mapping[str, int] = field(default_factory=dict)
    columns: frozenset[str] = frozenset({"faces", "identity"})

    @property
    def num_identities(self) -> int:
        """Number of people of the training split."""
        return len(self.identities)

    def lacks(self, needs: Iterable[str]) -> list[str]:
        """List the Batch columns that the corpus cannot fill; every corpus can fill FILLED_BY_ALL."""
        return sorted(set(needs) - self.columns - FILLED_BY_ALL)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for a run folder."""
        return {**asdict(self), "columns": sorted(self.columns)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Build a DataSpec from the result of `to_json`."""
        known = {name.name: values[name.name] for name in fields(cls) if name.name in values}
        return cls(**{**known, "identities": tuple(known["identities"]), "columns": frozenset(known["columns"])})


@dataclass(frozen=True)
class Batch:
    """Rows of one step, on the device; a column that no part reads is None.

    Attributes:
        faces: (B, 3, H, W) float in [-1, 1].
        clip: (B,) row of the corpus; key of cached encodings.
        identity: (B,) 0..num_identities-1; -1 for people unseen in training.
        mismatched_rows: (B, K) indices of rows of this batch with other people.
        speech: (B, samples) float in [-1, 1].
        caption: (B, characters) character codes.
        text: (B, text_dim) given vectors.
        attributes: {column: (B,)} labels; -1 where unknown.
        clip_names: names of the clips in the corpus, such as the video and the time, by which a part looks rows up in a
            table of its own.
        frame: (B,) number of the face within its clip, where the rows are of a corpus.
        identity_image: (B, 3, H, W) float in [-1, 1], another face of the same person.
    """

    faces: Tensor
    clip: Tensor
    identity: Tensor
    mismatched_rows: Tensor
    speech: Tensor | None = None
    caption: Tensor | None = None
    text: Tensor | None = None
    attributes: Mapping[str, Tensor] = field(default_factory=dict)
    clip_names: Sequence[str] | None = None
    frame: Tensor | None = None
    identity_image: Tensor | None = None

    def __len__(self) -> int:
        return self.clip.shape[0]

    def with_faces(self, faces: Tensor) -> "Batch":
        """Return the same rows with other faces."""
        return replace(self, faces=faces)

    @classmethod
    def blank(cls, data: DataSpec, num: int, num_mismatched: int = 1, device: str | torch.device = "cpu") -> "Batch":
        """Build rows of zeros with every column of the corpus, for dry runs and layer tables."""
        rows = torch.arange(num, device=device)
        steps = torch.arange(1, num_mismatched + 1, device=device)
        has = data.columns
        return cls(
            faces=torch.zeros(num, 3, data.image_pixels, data.image_pixels, device=device),
            clip=rows,
            identity=rows % max(data.num_identities, 1),
            mismatched_rows=(rows[:, None] + steps) % num,
            speech=torch.zeros(num, data.speech_samples, device=device) if "speech" in has else None,
            caption=torch.zeros(num, data.caption_characters, dtype=torch.int64, device=device)
            if "caption" in has
            else None,
            text=torch.zeros(num, data.text_dim, device=device) if "text" in has else None,
            attributes={name: torch.zeros_like(rows) for name in data.attributes},
            clip_names=tuple(map(str, range(num))),
            identity_image=torch.zeros(num, 3, data.image_pixels, data.image_pixels, device=device),
        )


class Condition(NamedTuple):
    """Condition of the faces of a batch.

    Attributes:
        generator: (B, dim) input of the generator.
        critic: (B, dim) input of the discriminator (StackGAN: the mean, without noise).
        encoding: (B, dim) output of the conditioners, before any transform.
        terms: losses on the condition itself (a KL divergence, an identity classifier).
    """

    generator: Tensor
    critic: Tensor
    encoding: Tensor
    terms: Terms
