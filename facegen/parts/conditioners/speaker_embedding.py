"""Conditioner: embeddings of a pretrained speaker encoder."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import DataError, RecipeError
from facegen.core.interfaces import Conditioner
from facegen.core.tensor_files import read_tensor_file
from facegen.parts.layers.packages import file_hash, find_file
from facegen.parts.layers.pretrained_weights import PretrainedWeights
from facegen.parts.layers.speaker_encoder import HOP_SAMPLES, RATE_HZ, WIDTH, SpeakerEncoder, SpeakerNetwork

_NAME = "speaker_embedding"
_PACKAGE, _FILE, _INSTALL = "resemblyzer", "pretrained.pt", "--no-deps Resemblyzer==0.1.4"
_PACKAGE_HASH = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
_FRAMES_PER_SECOND = RATE_HZ // HOP_SAMPLES


class SpeakerEmbedding(Conditioner):
    """Embedding of the speaker by a pretrained network, independent of the words; its weights stay fixed.

    c = n(mean_i n(ReLU(W h_i + b))),   h_i = the last state of three LSTM layers over window i,   n(v) = v / |v|

    The windows of 1.6 s overlap. The weights are those of the package Resemblyzer, which is not imported, or of a file.
    A run and a model file do not hold them, but their SHA-256; whatever loads the run needs the same weights. Use it
    with trained = "frozen", so that every encoding is computed once.

    Engine:
        data: supplies sample_rate_hz and speech_samples.
    Settings:
        weights: file with the weights (.pt or .safetensors); by default that of the package Resemblyzer 0.1.4.
        step_seconds: distance between the starts of windows.
    Shape:
        speech (B, samples), float in [-1, 1] -> (B, 256)
    Raises:
        RecipeError: the weights are missing, or others than expected.
        CheckpointError: a run was trained with other weights.
    Source:
        Wan et al. 2018 (generalised end-to-end loss), with sizes, windows and level of Resemblyzer 0.1.4. That package
        removes silences first, which is left out here. Its authors trained the weights on about 9,600 real speakers
        (VoxCeleb1 and 2, LibriSpeech-other), for whose consent we cannot vouch.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"speech"})
    pretrained: ClassVar[bool] = True
    whole_speech_seconds: ClassVar[float | None] = 60.0

    def __init__(
        self,
        data: DataSpec,
        *,
        weights: Path | None = None,
        step_seconds: Annotated[float, Field(ge=0.01, le=1.6)] = 0.77,
    ) -> None:
        super().__init__()
        self.condition_dim = WIDTH
        path = find_file(f"conditioner '{_NAME}'", _PACKAGE, _FILE, _INSTALL) if weights is None else weights
        self.weights = PretrainedWeights(
            _NAME, "speaker encoder weights", "weights", path, _hash_of_file(path), _PACKAGE_HASH, _INSTALL
        )
        if weights is None:
            self.weights.require_package()
        network = SpeakerNetwork()
        if torch.get_default_device().type != "meta":
            network.load_state_dict(_tensors_of_file(path, self.weights.sha256))
        self.encoder = SpeakerEncoder(network, data.sample_rate_hz, round(step_seconds * _FRAMES_PER_SECOND))

    def forward(self, batch: Batch) -> Tensor:
        if batch.speech is None:
            raise RecipeError(f"{_NAME}: the batch holds no speech")
        embedding: Tensor = self.encoder(batch.speech)
        return embedding

    def get_extra_state(self) -> Tensor:
        return self.weights.state()

    def set_extra_state(self, state: Tensor) -> None:
        self.weights.compare(state)


def _hash_of_file(path: Path) -> str:
    try:
        status = path.stat()
        return _cached_hash(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise RecipeError(f"{_NAME}: weights = '{path}': cannot be read ({error}); give a file with weights") from error


@lru_cache(maxsize=8)
def _cached_hash(path: Path, modified_ns: int, size: int) -> str:
    return file_hash(path)


@lru_cache(maxsize=2)
def _tensors_of_file(path: Path, digest: str) -> Mapping[str, Tensor]:
    """Read the network's tensors; a training file may hold more, such as an optimiser.

    Args:
        path: the file.
        digest: its SHA-256, so that a changed file is read again.
    """
    try:
        with torch.device("cpu"):
            content = read_tensor_file(path)
    except DataError as error:
        raise RecipeError(*(f"{_NAME}: {problem}" for problem in error.problems)) from error
    tensors = content.get("model_state", content)
    with torch.device("meta"):
        expected = SpeakerNetwork().state_dict()
    unfit = [
        name
        for name, tensor in expected.items()
        if not isinstance(tensors, Mapping)
        or not isinstance(tensors.get(name), Tensor)
        or tensors[name].shape != tensor.shape
    ]
    if unfit:
        raise RecipeError(
            f"{_NAME}: weights = '{path}': holds another network: {', '.join(unfit[:3])} are missing or of another "
            f"shape; give the weights of the network of Resemblyzer 0.1.4"
        )
    return {name: tensors[name].float() for name in expected}
