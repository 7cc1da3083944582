"""Features of faces by a recogniser, in the place of the discriminator's embedding in the match stage."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from facegen.core.cache import load_cached, save_cached
from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.interfaces import Discriminator, Recogniser
from facegen.core.progress import Observer
from facegen.data.loading.prepare import restore_faces
from facegen.data.loading.rows import Rows

CHUNK_FACES = 16


class RecognisedFaces(Discriminator):
    """Features of a recogniser, with the interface of a discriminator that only embeds.

    A face that the recogniser does not find has the features 0. A run holds the hash of the recogniser's weights, not
    the weights.

    Args:
        name: of the recogniser, for errors.
        recogniser: embeds faces.
    Raises:
        RecipeError: its packages are missing, or the match stage may not use it.
    """

    supported_heads = frozenset({"embed"})

    def __init__(self, name: str, recogniser: Recogniser) -> None:
        nn.Module.__init__(self)
        if not recogniser.face_dim:
            raise RecipeError(
                f"type = '{name}': its features of faces cannot be matched; name a recogniser of faces that has a "
                f"face_dim, such as 'dlib_faces'"
            )
        self.name, self.recogniser, self.dim = name, recogniser, recogniser.face_dim
        self.weights_hash = hashlib.sha256(recogniser.fingerprint().encode()).hexdigest()

    def features(self, faces: Tensor) -> Tensor:
        if faces.is_meta:
            return faces.new_empty(len(faces), self.dim)
        features = self.recogniser.embed_faces(restore_faces(faces).cpu())
        return features.float().nan_to_num(0.0).to(faces.device)

    def embed(self, features: Tensor) -> Tensor:
        return features

    def get_extra_state(self) -> Tensor:
        """Return the hash of the recogniser's weights: (32,) uint8."""
        return torch.tensor(list(bytes.fromhex(self.weights_hash)), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Compare the hash of a checkpoint with that of the recogniser.

        Raises:
            CheckpointError: they differ.
        """
        if bytes(state.tolist()).hex() != self.weights_hash:
            raise CheckpointError(
                f"was trained on features of faces of '{self.name}' with other weights or another version of its "
                f"packages; install the packages with which the run was trained, or train it again"
            )


class FaceFeatures:
    """Features of every face of a split, computed once.

    Args:
        clip, frame: (M,) which face.
        values: (M, dim) its features.
    """

    def __init__(self, clip: Tensor, frame: Tensor, values: Tensor) -> None:
        key = _key(clip, frame)
        order = key.argsort()
        self._key, self._values = key[order], values[order]

    def of(self, clip: Tensor, frame: Tensor) -> Tensor:
        """Look up faces: (B,), (B,) -> (B, dim)."""
        return self._values[torch.searchsorted(self._key, _key(clip, frame))]


def _key(clip: Tensor, frame: Tensor) -> Tensor:
    return clip.long() * (1 << 20) + frame.long()


@torch.no_grad()
def face_features_once(rows: Rows, faces: RecognisedFaces, observer: Observer) -> FaceFeatures:
    """Compute the features of every face of a split, or load those that an earlier run on the corpus has computed.

    Args:
        rows: the split.
        faces: computes features.
        observer: progress of the command.
    """
    num_frames = rows.clips.num_frames
    row = torch.arange(len(num_frames)).repeat_interleave(num_frames)
    first = (num_frames.cumsum(0) - num_frames).repeat_interleave(num_frames)
    frame = torch.arange(len(row)) - first
    wanted = _key(rows.clips.clip[row], frame)
    path = rows.dataset.cache_dir / "face_features" / f"{faces.weights_hash[:32]}.safetensors"
    known_key, known_values = _load(path, faces.dim)
    missing = torch.nonzero(~torch.isin(wanted, known_key))[:, 0]
    if len(missing):
        observer.start(f"features of faces by {faces.name}", len(missing))
        done, values = 0, []
        for chunk in missing.split(CHUNK_FACES):
            batch = rows.fetch(row[chunk], frame[chunk], torch.zeros_like(chunk), needs=frozenset())
            values.append(faces.features(batch.faces).cpu())
            done += len(chunk)
            observer.advance(done)
        observer.finish()
        known_key = torch.cat([known_key, wanted[missing]])
        known_values = torch.cat([known_values, *values])
        save_cached(path, {"key": known_key, "values": known_values})
    order = known_key.argsort()
    values_of_split = known_values[order[torch.searchsorted(known_key[order], wanted)]]
    device = rows.device
    return FaceFeatures(rows.clips.clip[row].to(device), frame.to(device), values_of_split.to(device))


def _load(path: Path, dim: int) -> tuple[Tensor, Tensor]:
    cached = load_cached(path)
    if cached is None or not {"key", "values"} <= cached.keys() or cached["values"].shape[1:] != (dim,):
        return torch.empty(0, dtype=torch.int64), torch.empty(0, dim)
    return cached["key"], cached["values"]
