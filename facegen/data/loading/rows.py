"""Rows of a split as batches on the device: from memory if the split fits, else from the dataset."""

from typing import get_args

import torch
from torch import Tensor

from facegen.core.batch import CLIP_NAME, IDENTITY_IMAGE, Batch
from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.randomness import generator_for
from facegen.core.recipe.tables import DataSettings, EvaluationSplit, Split
from facegen.core.text.caption_codes import encode_captions
from facegen.data.loading.identity_images import IdentityImages
from facegen.data.loading.prepare import prepare_faces, prepare_speech
from facegen.data.loading.resident import ResidentSplit, resident_bytes
from facegen.data.loading.transfer import to_device


def clips_of(dataset: Dataset, split: EvaluationSplit) -> Clips:
    """Return the clips of a split, or of the whole corpus."""
    if split == "all":
        return Clips.joined([dataset.clips(one_split) for one_split in get_args(Split)])
    return dataset.clips(split)


class Rows:
    """A split whose rows can be fetched as batches.

    Args:
        dataset: source of the rows.
        settings: pairing and cropping of face and speech.
        split: the split; "all" means all splits together.
        needs: the Batch columns that may be fetched besides faces.
        device: device of the batches.
        observer: receives the progress of loading.
        keep: hold the split in memory if it fits; otherwise every fetch reads from the dataset.
    Raises:
        DataError: the split is empty, the corpus lacks a column, or a person without a second face needs an identity
            image.
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
        missing = dataset.spec.lacks(needs)
        if missing:
            has = ", ".join(sorted(dataset.spec.columns))
            raise DataError(
                f"the corpus has no {' and no '.join(missing)}, which the recipe's parts need; it has {has}"
            )
        self.dataset, self.settings, self.split, self.needs, self.device = dataset, settings, split, needs, device
        self.clips = clips_of(dataset, split)
        if not len(self.clips):
            raise DataError(f"the split '{split}' of this corpus holds no clips; choose another split or fold")
        self._identity_images = IdentityImages(self.clips, split) if IDENTITY_IMAGE in needs else None
        fits = keep and resident_bytes(dataset, self.clips, needs) <= settings.resident_gib * 2**30
        self._resident = ResidentSplit(dataset, self.clips, needs, device, observer, f"load {split}") if fits else None

    @property
    def is_resident(self) -> bool:
        """True if the split is held in memory."""
        return self._resident is not None

    @property
    def inputs_are_fixed(self) -> bool:
        """True if the conditioners' inputs of a clip never change, so that its encoding can be cached."""
        return inputs_are_fixed(self.settings, self.clips, self.needs)

    def fetch(
        self,
        rows: Tensor,
        frame: Tensor,
        start_samples: Tensor,
        mismatched_rows: Tensor | None = None,
        needs: frozenset[str] | None = None,
        identity_draw: Tensor | None = None,
        *,
        with_faces: bool = True,
    ) -> Batch:
        """Fetch rows of the split as a batch.

        Args:
            rows: (B,) positions in the split, on the CPU.
            frame: (B,) number of the face within the clip.
            start_samples: (B,) first sample of the speech crop.
            mismatched_rows: (B, K) rows of other people in this batch; by default the previous row.
            needs: fetch only these columns; by default all of them.
            identity_draw: (B,) uniform in [0, 1), which choose the identity images; by default each person's next face.
            with_faces: fetch the faces; otherwise they have no pixels.
        """
        needs = self.needs if needs is None else needs
        if "identity" in needs and bool((self.clips.identity[rows] < 0).any()):
            # As an index, -1 would be the last person of a table.
            raise DataError(
                f"'{self.split}' holds people outside the training split, whose names the run does not know"
            )
        if mismatched_rows is None:
            mismatched_rows = torch.arange(len(rows))[:, None].roll(1, 0)
        stored = self.clips.clip[rows]
        labels = {"clip": stored, "identity": self.clips.identity[rows], "frame": frame}
        labels |= {f"attribute {name}": values[rows] for name, values in self.clips.attributes.items()}
        # One copy for all of them: a copy takes longer than its few bytes.
        placed = dict(zip(labels, to_device(torch.stack(list(labels.values())), self.device).unbind(), strict=True))
        return Batch(
            faces=prepare_faces(self._faces(rows, frame))
            if with_faces
            else torch.empty(len(rows), 3, 0, 0, device=self.device),
            clip=placed["clip"],
            identity=placed["identity"],
            mismatched_rows=to_device(mismatched_rows, self.device),
            speech=prepare_speech(self._speech(rows, start_samples)) if "speech" in needs else None,
            caption=self._caption(stored) if "caption" in needs else None,
            text=to_device(self.dataset.text(stored), self.device) if "text" in needs else None,
            attributes={name: placed[f"attribute {name}"] for name in self.clips.attributes},
            clip_names=self.dataset.clip_names(stored) if CLIP_NAME in needs else None,
            frame=placed["frame"],
            identity_image=self._identity_image(rows, frame, identity_draw) if IDENTITY_IMAGE in needs else None,
        )

    def fetch_plain(self, rows: Tensor, frame: int = 0) -> Batch:
        """Fetch rows with a given frame (the last one of shorter clips) and the middle of the track."""
        frames = torch.full_like(rows, frame).minimum(self.clips.num_frames[rows] - 1)
        spare = (self.clips.track_samples[rows] - self.settings.speech_samples).clamp(min=0)
        return self.fetch(rows, frames, spare // 2)

    def choose(self, num: int, seed: int, *, distinct_people: bool = False) -> Tensor:
        """Draw at most `num` positions in the split from a seed, optionally at most one per person."""
        order = torch.randperm(len(self.clips), generator=generator_for(seed, "choose", self.split))
        if distinct_people:
            person = self.clips.person[order]
            sorted_person, place = person.sort(stable=True)
            first = torch.ones_like(sorted_person, dtype=torch.bool)
            first[1:] = sorted_person[1:] != sorted_person[:-1]
            order = order[place[first].sort().values]
        return order[:num]

    def _faces(self, rows: Tensor, frame: Tensor) -> Tensor:
        if self._resident is not None:
            return self._resident.faces(to_device(rows, self.device), to_device(frame, self.device))
        return to_device(self.dataset.faces(*self._for_dataset(self.clips.clip[rows], frame)), self.device)

    def _identity_image(self, rows: Tensor, frame: Tensor, draw: Tensor | None) -> Tensor:
        if self._identity_images is None:
            raise RuntimeError("identity images were not asked for")
        return prepare_faces(self._faces(*self._identity_images.choose(rows, frame, draw)))

    def _speech(self, rows: Tensor, start_samples: Tensor) -> Tensor:
        num_samples = self.dataset.spec.speech_samples
        if self._resident is not None:
            return self._resident.speech(
                to_device(rows, self.device), to_device(start_samples, self.device), num_samples
            )  # fmt: skip
        clip, start = self._for_dataset(self.clips.clip[rows], start_samples)
        return to_device(self.dataset.speech(clip, start, num_samples), self.device)

    def _for_dataset(self, clip: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """Put indices where the dataset works: a rendered one on the device, others on the CPU."""
        if not self.dataset.is_rendered:
            return clip, place
        return to_device(clip, self.device), to_device(place, self.device)

    def _caption(self, clip: Tensor) -> Tensor:
        return to_device(
            encode_captions(self.dataset.captions(clip), self.dataset.spec.caption_characters), self.device
        )


def inputs_are_fixed(settings: DataSettings, clips: Clips, needs: frozenset[str]) -> bool:
    """Check that every clip has one crop of speech, and no identity image, so that its encoding can be cached."""
    if IDENTITY_IMAGE in needs:
        return False
    one_place = settings.crop == "fixed" and settings.pairing != "centred"
    return one_place or bool((clips.track_samples <= settings.speech_samples).all())
