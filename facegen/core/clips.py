"""Index of the clips of a split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Clips:
    """The clips of one split, one row per clip: int64 tensors on the CPU.

    Attributes:
        clip: (N,) row of the corpus.
        person: (N,) number of the person over all splits; bootstrap intervals resample these.
        identity: (N,) number of the person in the training split; -1 for people outside it.
        num_frames: (N,) number of faces in the clip.
        track_samples: (N,) length of the speech, in samples; 0 if there is none.
        attributes: {column: (N,)} labels such as sex; -1 if unknown.
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
        """Select rows, in the given order."""
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
        """Join the clips of several splits, in the order of the corpus."""
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
