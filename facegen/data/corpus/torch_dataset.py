"""A packed corpus as a PyTorch dataset."""

from typing import Any, get_args

import torch
import torch.utils.data

from facegen.core.clips import Clips
from facegen.core.recipe.tables import EvaluationSplit, Split
from facegen.data.corpus.dataset import Packed
from facegen.data.loading.prepare import prepare_faces, prepare_speech


class CorpusDataset(torch.utils.data.Dataset[dict[str, Any]]):
    """Clips of a packed corpus, in the order of the corpus, for `torch.utils.data.DataLoader`.

    An item is a dict:

        face        (3, image_pixels, image_pixels) float in [-1, 1], the first face of the clip
        speech      (samples,) float in [-1, 1] from the start of the track, repeated where it is shorter
        person      number of the person, over all splits
        identity    number of the person among those of the training split; -1 for others
        name        name of the person
        caption     a sentence
        text        (text_dim,) given vector
        ...         every attribute of the corpus, such as sex; -1 where unknown

    speech, caption and text are missing where the corpus has none.

    Args:
        packed: the corpus.
        split: which clips; "all" are those of every split.
    Attributes:
        data: description of the corpus.
        names: of all people, by their number.
    """

    def __init__(self, packed: Packed, split: EvaluationSplit) -> None:
        self._packed = packed
        self.data = packed.spec
        self.names = packed.corpus.header.identities
        splits = get_args(Split) if split == "all" else (split,)
        self._clips = Clips.joined([packed.clips(name) for name in splits])

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"clip {index}: the dataset holds {len(self)} clips")
        clips, packed = self._clips, self._packed
        row = clips.clip[index].view(1)
        first = torch.zeros_like(row)
        person = int(clips.person[index])
        item: dict[str, Any] = {name: int(values[index]) for name, values in clips.attributes.items()}
        item |= {"person": person, "identity": int(clips.identity[index]), "name": self.names[person]}
        item["face"] = prepare_faces(packed.faces(row, first))[0]
        if "speech" in self.data.columns:
            item["speech"] = prepare_speech(packed.speech(row, first, self.data.speech_samples))[0]
        if "caption" in self.data.columns:
            item["caption"] = packed.captions(row)[0]
        if "text" in self.data.columns:
            item["text"] = packed.text(row)[0]
        return item
