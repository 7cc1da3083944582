"""torch-fidelity's Inception network, applied to faces."""

import io
from contextlib import nullcontext
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from facegen.core import optional_imports
from facegen.core.files import replacing
from facegen.core.progress import Observer
from facegen.parts.metrics.inception_weights import digest, read_weights

FEATURES, LOGITS = "2048", "logits_unbiased"


class Inception:
    """torch-fidelity's Inception network with the weights of a file.

    Args:
        path: file of the weights.
        batch_size: number of faces in a batch.
    Raises:
        DataError: the file holds other weights.
    """

    def __init__(self, path: Path, *, batch_size: int) -> None:
        with torch.device("meta"):
            network = _blank()("inception", [FEATURES, LOGITS], feature_extractor_weights_path=_no_weights())
        weights = read_weights(path, network.state_dict())
        nn.Module.load_state_dict(network, weights, assign=True)
        self.key = digest(weights)
        self.batch_size = batch_size
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # Channels last is the faster memory format on CPUs and GPUs.
        self._network = network.requires_grad_(False).eval().to(self._device, memory_format=torch.channels_last)

    def compute(self, faces: Tensor, name: str, observer: Observer, cache_folder: Path | None) -> dict[str, Tensor]:
        """Compute features and logits of faces, enlarged to 299 pixels by torch-fidelity's interpolation.

        Args:
            faces: (N, H, W, 3) uint8
            name: name of the faces in the progress.
            observer: receives the progress.
            cache_folder: folder that they are read from and stored in; None for no cache.
        Returns:
            FEATURES: (N, 2048), LOGITS: (N, 1008), float32 on the CPU.
        """
        path = None
        if cache_folder is not None:
            key = digest({"faces": faces})
            path = cache_folder / f"inception-{version('torch-fidelity')}-{self.key[:16]}-{key[:32]}.safetensors"
            cached = _read(path)
            if cached is not None and len(cached[FEATURES]) == len(faces):
                return cached
        outputs = self._compute(faces, name, observer)
        if path is not None:
            _write(path, outputs)
        return outputs

    @torch.no_grad()
    def _compute(self, faces: Tensor, name: str, observer: Observer) -> dict[str, Tensor]:
        observer.start(f"Inception, {name}", len(faces))
        parts: list[tuple[Tensor, ...]] = []
        num_done = 0
        for batch in faces.split(self.batch_size):
            with _exact(self._device):
                output = self._network(batch.to(self._device).permute(0, 3, 1, 2).contiguous())
            parts.append(tuple(values.cpu() for values in output))
            num_done += len(batch)
            observer.advance(num_done)
        observer.finish()
        features, logits = (torch.cat(values) for values in zip(*parts, strict=True))
        return {FEATURES: features, LOGITS: logits}


@cache
def _blank() -> Any:
    """Derive a class from torch-fidelity's that loads no weights; its own loading unpickles or downloads a file."""
    base: Any = optional_imports.torch_fidelity().FeatureExtractorInceptionV3

    class Blank(base):
        def load_state_dict(self, state_dict: object) -> None:
            """Do nothing; read_weights supplies the weights."""

    return Blank


def _no_weights() -> io.BytesIO:
    """Make an empty file of weights."""
    file = io.BytesIO()
    torch.save({}, file)
    file.seek(0)
    return file


def _exact(device: torch.device) -> Any:
    """Compute convolutions in float32, so that results do not depend on the device."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False) if device.type == "cuda" else nullcontext()


def _read(path: Path) -> dict[str, Tensor] | None:
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError):
        return None  # the file does not exist, or is incomplete
    return tensors if {FEATURES, LOGITS} <= set(tensors) else None


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    with replacing(path) as part:
        save_file(tensors, part)
