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
        path: of the weights.
        batch_size: faces at a time.
    Raises:
        DataError: the file does not hold such weights.
    """

    def __init__(self, path: Path, *, batch_size: int) -> None:
        with torch.device("meta"):
            network = _blank()("inception", [FEATURES, LOGITS], feature_extractor_weights_path=_no_weights())
        weights = read_weights(path, network.state_dict())
        nn.Module.load_state_dict(network, weights, assign=True)
        self.key = digest(weights)
        self.batch_size = batch_size
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # Channels last is the faster order in memory, on processors as on GPUs.
        self._network = network.requires_grad_(False).eval().to(self._device, memory_format=torch.channels_last)

    def look(self, faces: Tensor, what: str, observer: Observer, cache_folder: Path | None) -> dict[str, Tensor]:
        """Features and logits of faces, which torch-fidelity's own interpolation enlarges to 299 pixels.

        Args:
            faces: (N, H, W, 3) uint8
            what: which faces they are, for the progress.
            observer: told about the progress.
            cache_folder: where they are looked up, and kept; None to compute them in any case.
        Returns:
            FEATURES: (N, 2048), LOGITS: (N, 1008), float32 on the CPU.
        """
        kept = None
        if cache_folder is not None:
            key = digest({"faces": faces})
            kept = cache_folder / f"inception-{version('torch-fidelity')}-{self.key[:16]}-{key[:32]}.safetensors"
            known = _read(kept)
            if known is not None and len(known[FEATURES]) == len(faces):
                return known
        found = self._look(faces, what, observer)
        if kept is not None:
            _write(kept, found)
        return found

    @torch.no_grad()
    def _look(self, faces: Tensor, what: str, observer: Observer) -> dict[str, Tensor]:
        observer.start(f"Inception, {what}", len(faces))
        parts: list[tuple[Tensor, ...]] = []
        done = 0
        for batch in faces.split(self.batch_size):
            with _exact(self._device):
                answer = self._network(batch.to(self._device).permute(0, 3, 1, 2).contiguous())
            parts.append(tuple(values.cpu() for values in answer))
            done += len(batch)
            observer.advance(done)
        observer.finish()
        features, logits = (torch.cat(values) for values in zip(*parts, strict=True))
        return {FEATURES: features, LOGITS: logits}


@cache
def _blank() -> Any:
    """Make torch-fidelity's class without its loading of weights, which would unpickle or download a file."""
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
        found = load_file(path)
    except (OSError, SafetensorError):
        return None  # not there yet, or cut short
    return found if {FEATURES, LOGITS} <= set(found) else None


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    with replacing(path) as part:
        save_file(tensors, part)
