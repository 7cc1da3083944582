"""The rows of a split on the device: from memory where they fit, from the dataset where they do not."""

from typing import get_args

import torch
from torch import Tensor

from facegen.core.batch import Batch
from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.randomness import generator_for
from facegen.core.recipe.tables import DataSettings, EvaluationSplit, Split
from facegen.data.loading.captions import encode_captions
from facegen.data.loading.prepare import prepare_faces, prepare_speech
from facegen.data.loading.resident import ResidentSplit, resident_bytes


def clips_of(dataset: Dataset, split: EvaluationSplit) -> Clips:
    """The clips of a split, or of the whole corpus."""
    if split == "all":
        return Clips.joined([dataset.clips(each) for each in get_args(Split)])
    return dataset.clips(split)


class Rows:
    """A split, and how to fetch rows of it as batches.

    Args:
        dataset, settings: where the rows come from, and how face and speech of a row are paired and cropped.
        split: which rows; "all" are those of every split.
        needs: the Batch columns that may be fetched beside faces.
        device: where batches go.
        observer: told about loading.
        keep: hold the split in memory if it fits; without, every fetch asks the dataset.
    Raises:
        DataError: the split is empty, or the corpus lacks a column.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: DataSettings,
        split: EvaluationSplit,
        needs: frozenset[str],
        device: torch.device,
        observer: Observer,
        *,
        keep: bool = True,
    ) -> None:
        missing = sorted(needs - dataset.spec.columns)
        if missing:
            has = ", ".join(sorted(dataset.spec.columns))
            raise DataError(
                f"the corpus has no {' and no '.join(missing)}, which the recipe's parts need; it has {has}"
            )
        self.dataset, self.settings, self.split, self.needs, self.device = dataset, settings, split, needs, device
        self.clips = clips_of(dataset, split)
        if not len(self.clips):
            raise DataError(f"the split '{split}' of this corpus holds no clips; choose another split or fold")
        fits = keep and resident_bytes(dataset, self.clips, needs) <= settings.resident_gib * 2**30
        self._resident = ResidentSplit(dataset, self.clips, needs, device, observer, f"load {split}") if fits else None

    @property
    def is_resident(self) -> bool:
        """The split is held in memory."""
        return self._resident is not None

    @property
    def crop_is_fixed(self) -> bool:
        """Every clip has one crop of speech only, so that its encoding can be kept."""
        return crop_is_fixed(self.settings, self.clips)

    def fetch(
        self,
        rows: Tensor,
        frame: Tensor,
        start_samples: Tensor,
        mismatched_rows: Tensor | None = None,
        needs: frozenset[str] | None = None,
    ) -> Batch:
        """Rows of the split as a batch.

        Args:
            rows: (B,) positions in the split, on the CPU.
            frame, start_samples: (B,) which face, and where the speech begins.
            mismatched_rows: (B, K); by default the row before.
            needs: only these columns.
        """
        needs = self.needs if needs is None else needs
        there = rows.to(self.device)
        clip = self.clips.clip[rows].to(self.device)
        if mismatched_rows is None:
            mismatched_rows = torch.arange(len(rows))[:, None].roll(1, 0)
        return Batch(
            faces=prepare_faces(self._faces(there, clip, frame.to(self.device))),
            clip=clip,
            identity=self.clips.identity[rows].to(self.device),
            mismatched_rows=mismatched_rows.to(self.device),
            speech=self._speech(there, clip, start_samples.to(self.device)) if "speech" in needs else None,
            caption=self._caption(clip) if "caption" in needs else None,
            text=self.dataset.text(clip).to(self.device) if "text" in needs else None,
            attributes={name: values[rows].to(self.device) for name, values in self.clips.attributes.items()},
        )

    def fetch_plain(self, rows: Tensor, frame: int = 0) -> Batch:
        """Rows with one given frame (the last, where a clip has fewer) and the speech from the middle of the track."""
        frames = torch.full_like(rows, frame).minimum(self.clips.num_frames[rows] - 1)
        spare = (self.clips.track_samples[rows] - self.settings.speech_samples).clamp(min=0)
        return self.fetch(rows, frames, spare // 2)

    def choose(self, num: int, seed: int, *, distinct_people: bool = False) -> Tensor:
        """(at most num,) positions in the split that a seed fixes, at most one a person if so asked."""
        order = torch.randperm(len(self.clips), generator=generator_for(seed, "choose", self.split))
        if distinct_people:
            person = self.clips.person[order]
            sorted_person, place = person.sort(stable=True)
            first = torch.ones_like(sorted_person, dtype=torch.bool)
            first[1:] = sorted_person[1:] != sorted_person[:-1]
            order = order[place[first].sort().values]
        return order[:num]

    def _faces(self, rows: Tensor, clip: Tensor, frame: Tensor) -> Tensor:
        if self._resident is not None:
            return self._resident.faces(rows, frame)
        return self.dataset.faces(clip, frame).to(self.device)

    def _speech(self, rows: Tensor, clip: Tensor, start_samples: Tensor) -> Tensor:
        num_samples = self.dataset.spec.speech_samples
        if self._resident is not None:
            return prepare_speech(self._resident.speech(rows, start_samples, num_samples))
        return prepare_speech(self.dataset.speech(clip, start_samples, num_samples).to(self.device))

    def _caption(self, clip: Tensor) -> Tensor:
        codes = encode_captions(self.dataset.captions(clip), self.dataset.spec.caption_characters)
        return codes.to(self.device)


def crop_is_fixed(settings: DataSettings, clips: Clips) -> bool:
    """Tell whether every clip has one crop of speech only, so that its encoding can be kept."""
    one_place = settings.crop == "fixed" and settings.pairing != "centred"
    return one_place or bool((clips.track_samples <= settings.speech_samples).all())
