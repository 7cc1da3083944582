"""Recogniser: Resemblyzer's speaker features."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from facegen.core.interfaces import Recogniser
from facegen.parts.layers.packages import find_file, hash_of, import_package, version_of

_NAME = "resemblyzer"
_PART = f"recogniser '{_NAME}'"
_INSTALL = "--no-deps Resemblyzer && pip install librosa webrtcvad-wheels"
_WEIGHTS = "pretrained.pt"
_DIM = 256
_FULL_SCALE = 32768.0


class Resemblyzer(Recogniser):
    """256 speaker features of a recurrent network that was trained to verify speakers, independent of the words.

    Silences are removed first; speech without voice activity has no features. The weights are part of the package;
    nothing is downloaded.

    Source:
        Wan et al. 2018 (generalised end-to-end loss), in the package Resemblyzer.
    """

    embeds: ClassVar[frozenset[str]] = frozenset({"speech"})

    @cached_property
    def _package(self) -> Any:
        return import_package(_PART, "resemblyzer", _INSTALL)

    @cached_property
    def _encoder(self) -> Any:
        return self._package.VoiceEncoder("cpu", verbose=False)

    def fingerprint(self) -> str:
        # Imported first, so that a missing package is named in the error.
        versions = (_NAME, version_of("Resemblyzer"), version_of("librosa"), self._package.sampling_rate)
        return hash_of([find_file(_PART, "resemblyzer", _WEIGHTS, _INSTALL)], *versions)

    def embed_speech(self, speech: Tensor, sample_rate_hz: int) -> Tensor:
        return torch.stack([self._embed(row.cpu(), sample_rate_hz) for row in speech])

    def _embed(self, speech: Tensor, sample_rate_hz: int) -> Tensor:
        no_features = torch.full((_DIM,), torch.nan)
        samples = (speech.double() / _FULL_SCALE).float().numpy()
        if not samples.any():
            return no_features  # preprocess_wav would divide by its loudness of 0
        rate = self._package.sampling_rate
        voiced = self._package.preprocess_wav(samples, source_sr=None if sample_rate_hz == rate else sample_rate_hz)
        if not len(voiced):
            return no_features
        features = torch.from_numpy(np.asarray(self._encoder.embed_utterance(voiced), dtype=np.float32))
        return features if bool(features.isfinite().all()) else no_features
