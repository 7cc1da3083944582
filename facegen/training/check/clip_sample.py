"""A corpus with few clips in its training split, on which a training is measured."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from facegen.core.batch import IDENTITY_IMAGE
from facegen.core.clips import Clips
from facegen.core.interfaces import Dataset
from facegen.core.randomness import generator_for
from facegen.core.recipe.tables import Split


class ClipSample(Dataset):
    """A corpus whose training split is a sample of another's; nothing of it is cached as rendered data.

    Args:
        dataset: the whole corpus.
        num_clips: least size of the sample, if the split has as many.
        needs: Batch columns in use; with identity images, all clips of a person are taken.
    """

    def __init__(self, dataset: Dataset, num_clips: int, needs: frozenset[str]) -> None:
        self._whole = dataset
        self.spec, self.cache_dir, self.factor_sides = dataset.spec, dataset.cache_dir, dataset.factor_sides
        clips = dataset.clips("train")
        chosen = torch.randperm(len(clips), generator=generator_for(0, "sample"))[:num_clips]
        if IDENTITY_IMAGE in needs:
            chosen = torch.isin(clips.person, clips.person[chosen]).nonzero()[:, 0]
        self._train = clips.select(chosen.sort().values)

    def fingerprint(self) -> str:
        return self._whole.fingerprint()

    def clips(self, split: Split) -> Clips:
        return self._train if split == "train" else self._whole.clips(split)

    def faces(self, clip: Tensor, frame: Tensor) -> Tensor:
        return self._whole.faces(clip, frame)

    def speech(self, clip: Tensor, start_samples: Tensor, num_samples: int) -> Tensor:
        return self._whole.speech(clip, start_samples, num_samples)

    def frame_samples(self, clip: Tensor, frame: Tensor) -> Tensor:
        return self._whole.frame_samples(clip, frame)

    def consents(self, clip: Tensor) -> Sequence[str] | None:
        return self._whole.consents(clip)

    def languages(self, clip: Tensor) -> Sequence[str]:
        return self._whole.languages(clip)

    def clip_names(self, clip: Tensor) -> Sequence[str]:
        return self._whole.clip_names(clip)

    def captions(self, clip: Tensor) -> Sequence[str]:
        return self._whole.captions(clip)

    def text(self, clip: Tensor) -> Tensor:
        return self._whole.text(clip)

    def factors(self, clip: Tensor, frame: Tensor) -> Mapping[str, Tensor]:
        return self._whole.factors(clip, frame)
