"""The index of a split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Clips:
    """The clips of one split, one row each: int64 tensors on the CPU.

    Attributes:
        clip: (N,) row of the corpus.
        person: (N,) who it is, over all splits; what intervals are drawn over.
        identity: (N,) number of a person of the training split; -1 for others.
        num_frames: (N,) how many faces the clip holds.
        track_samples: (N,) length of its speech; 0 without.
        attributes: {column: (N,)} labels such as sex; -1 where unknown.
    """

    clip: Tensor
    person: Tensor
    identity: Tensor
    num_frames: Tensor
    track_samples: Tensor
    attributes: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.clip.shape[0]

    def select(self, rows: Tensor) -> "Clips":
        """Some of the rows, in the given order."""
        return Clips(
            self.clip[rows],
            self.person[rows],
            self.identity[rows],
            self.num_frames[rows],
            self.track_samples[rows],
            {name: values[rows] for name, values in self.attributes.items()},
        )

    @classmethod
    def joined(cls, parts: "Sequence[Clips]") -> "Clips":
        """The clips of several splits as one, in the order of the corpus."""
        clip, order = torch.cat([part.clip for part in parts]).sort()

        def column(values: Sequence[Tensor]) -> Tensor:
            return torch.cat(list(values))[order]

        return cls(
            clip,
            column([part.person for part in parts]),
            column([part.identity for part in parts]),
            column([part.num_frames for part in parts]),
            column([part.track_samples for part in parts]),
            {name: column([part.attributes[name] for part in parts]) for name in parts[0].attributes},
        )
