"""Dataset `packed`: clips of a packed corpus."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.batch import DataSpec
from facegen.core.cache import user_cache
from facegen.core.clips import Clips
from facegen.core.errors import DataError, RecipeError
from facegen.core.interfaces import Dataset
from facegen.core.recipe.tables import DataSettings, Split
from facegen.core.text.caption_codes import CAPTION_CHARACTERS
from facegen.data.corpus.reader import Corpus
from facegen.data.loading.splits import held_out_person, rows_of_split
from facegen.data.media.images import square_face


class Packed(Dataset):
    """Clips of a corpus that `facegen pack` or `facegen collect` wrote.

    Faces are resized from the stored to the requested size (by area averaging when they shrink). Speech keeps the
    sample rate of the corpus. Files are mapped into memory and read when they are used.

    Engine:
        request: image_pixels, sample_rate_hz and speech_seconds of the batches; num_folds and the held-out fold.
    Settings:
        path: folder of the corpus.
    Shape:
        faces (batch, image_pixels, image_pixels, 3) uint8; speech (batch, samples) int16; text (batch, text_dim)
    Raises:
        DataError: the corpus is missing or damaged, or its speech has a different sample rate.
        RecipeError: fold is not below num_folds.
    Source:
        The format is ours. Tracks shorter than the crop are repeated: Choi et al. 2020, section 4.
    """

    def __init__(self, request: DataSettings, *, path: Path) -> None:
        super().__init__(request)
        if request.fold >= request.num_folds:
            raise RecipeError(f"[data] fold = {request.fold}: must be less than num_folds = {request.num_folds}")
        self._request = request
        self.corpus = Corpus.open(path)
        header = self.corpus.header
        has_speech = "speech" in header.columns
        if has_speech and header.sample_rate_hz != request.sample_rate_hz:
            raise DataError(
                f"{path}: its speech is sampled at {header.sample_rate_hz} Hz, but [data] sample_rate_hz = "
                f"{request.sample_rate_hz}; set sample_rate_hz = {header.sample_rate_hz}, or pack the corpus again"
            )
        unseen = [held_out_person(name, request.num_folds, request.fold) for name in header.identities]
        self._person_is_held_out = torch.tensor(unseen)
        self._clips: dict[Split, Clips] = {}
        self.spec = DataSpec(
            image_pixels=request.image_pixels,
            sample_rate_hz=request.sample_rate_hz,
            speech_samples=request.speech_samples if has_speech else 0,
            text_dim=header.text_dim,
            caption_characters=CAPTION_CHARACTERS if "caption" in header.columns else 0,
            identities=tuple(name for name, out in zip(header.identities, unseen, strict=True) if not out),
            attributes=dict(header.attributes),
            columns=frozenset(header.columns),
        )
        writable = os.access(path, os.W_OK)
        self.cache_dir = path / "derived" if writable else user_cache("derived") / self.fingerprint()[:16]

    def fingerprint(self) -> str:
        """Hash the content: faces, speech, index, names and labels, and the settings that select rows and faces."""
        request, header = self._request, self.corpus.header
        parts = [shard.sha256 for shard in header.shards]
        # corpus.json alone holds the names and the number of classes; the index refers to both by number.
        parts += [json.dumps([header.identities, dict(sorted(header.attributes.items()))])]
        parts += [f"{request.image_pixels} {request.sample_rate_hz} {request.num_folds} {request.fold}"]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def clips(self, split: Split) -> Clips:
        """Select the rows of a split, once; it may be empty if the corpus is small."""
        if split not in self._clips:
            self._clips[split] = self._select(split)
        return self._clips[split]

    def _select(self, split: Split) -> Clips:
        index = self.corpus.index
        rows = rows_of_split(split, index.identity, index.utterance, self._person_is_held_out)
        person = index.identity[rows]
        number = torch.where(self._person_is_held_out, -1, (~self._person_is_held_out).cumsum(0) - 1)
        track = index.track[rows]
        lengths = index.track_offsets.diff()
        return Clips(
            clip=rows,
            person=person,
            identity=number[person],
            num_frames=index.frame_offsets.diff()[rows],
            track_samples=lengths[track] if "speech" in self.spec.columns else torch.zeros_like(rows),
            attributes={name: labels[rows] for name, labels in index.attributes.items()},
        )

    def faces(self, clip: Tensor, frame: Tensor) -> Tensor:
        stored = self.corpus.faces(clip.cpu(), frame.cpu())
        pixels = self.spec.image_pixels
        if pixels == self.corpus.header.image_pixels:
            return stored
        return torch.stack([torch.from_numpy(square_face(face, pixels)) for face in stored.numpy()])

    def speech(self, clip: Tensor, start_samples: Tensor, num_samples: int) -> Tensor:
        return self.corpus.speech(clip.cpu(), start_samples.cpu(), num_samples)

    def frame_samples(self, clip: Tensor, frame: Tensor) -> Tensor:
        index = self.corpus.index
        return index.frame_time_samples[index.frame_offsets[clip.cpu()] + frame.cpu()]

    def consents(self, clip: Tensor) -> Sequence[str]:
        column = self.corpus.index.strings.get("consent")
        return [""] * len(clip) if column is None else column.at(clip.cpu())

    def languages(self, clip: Tensor) -> Sequence[str]:
        column = self.corpus.index.strings.get("language")
        return [] if column is None else column.at(clip.cpu())

    def clip_names(self, clip: Tensor) -> Sequence[str]:
        column = self.corpus.index.strings.get("name")
        return super().clip_names(clip) if column is None else column.at(clip.cpu())

    def captions(self, clip: Tensor) -> Sequence[str]:
        return self.corpus.index.strings["caption"].at(clip.cpu())

    def text(self, clip: Tensor) -> Tensor:
        if self.corpus.index.text is None:
            raise ValueError("the corpus has no text vectors")
        return self.corpus.index.text[clip.cpu()]
