"""Recogniser made of the match stage of a finished run."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from facegen.core.errors import CheckpointError, DataError
from facegen.core.interfaces import Recogniser
from facegen.data.loading.prepare import fit_speech, prepare_faces
from facegen.data.media.images import square_face
from facegen.inference.load import load_matching
from facegen.inference.sample import speech_batch
from facegen.training.devices import device_of_finished
from facegen.training.runs.open_run import open_run_or_model


class RunRecogniser(Recogniser):
    """Encoders and face embedding of a run's match stage.

    Args:
        path: run folder; a judge that `facegen evaluate` trained is a run, too.
    Raises:
        CheckpointError: the run has no finished match stage, or its matcher does not compare faces.
    """

    def __init__(self, path: Path) -> None:
        run = open_run_or_model(path)
        self._device = device_of_finished(run.recipe.run.device)
        networks = load_matching(run, self._device)
        if networks.match_faces is None or networks.matcher is None or not networks.matcher.needs_faces:
            raise CheckpointError(f"{path}: its matcher does not compare faces, so it cannot tell them apart")
        self._path, self._data = path, run.data
        self._discriminator, self._encoders = networks.match_faces, networks.encoders
        self.embeds = frozenset({"faces", *(["speech"] if networks.encoders.needs == {"speech"} else [])})  # type: ignore[misc]

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        modules: list[nn.Module] = [self._discriminator, self._encoders]
        for module in modules:
            for values in module.state_dict().values():
                digest.update(values.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def embed_faces(self, faces: Tensor) -> Tensor:
        pixels = self._data.image_pixels
        if faces.shape[1:3] != (pixels, pixels):
            faces = torch.stack([torch.from_numpy(square_face(face, pixels)) for face in faces.numpy()])
        prepared = prepare_faces(faces.to(self._device))
        return self._discriminator.embed(self._discriminator.features(prepared)).float().cpu()

    @torch.no_grad()
    def embed_speech(self, speech: Tensor, sample_rate_hz: int) -> Tensor:
        if sample_rate_hz != self._data.sample_rate_hz:
            raise DataError(
                f"{self._path}: was trained on speech of {self._data.sample_rate_hz} Hz, and the corpus has "
                f"{sample_rate_hz} Hz; give a run of that rate, or none"
            )
        fitted = torch.stack([fit_speech(track, self._data.speech_samples) for track in speech])
        return self._encoders(speech_batch(fitted.to(self._device))).float().cpu()
