"""Features of faces in a pretrained network of torch-fidelity, with a cache."""

from collections.abc import Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from facegen.core.files import replacing
from facegen.core.progress import Observer
from facegen.core.tensor_access import load_tensors
from facegen.parts.metrics.weight_files import digest


class Extractor:
    """A network of torch-fidelity that extracts features of faces; torch-fidelity's code enlarges the faces.

    Args:
        network: takes (N, 3, H, W) uint8, and returns a tuple of tensors.
        outputs: their names.
        name: name of the network in progress and in the cache.
        key: hash of its weights.
        batch_size: number of faces in a batch.
    """

    def __init__(self, network: nn.Module, outputs: Sequence[str], *, name: str, key: str, batch_size: int) -> None:
        self.name, self.key, self.outputs, self.batch_size = name, key, tuple(outputs), batch_size
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # Channels last is the faster memory format on CPUs and GPUs.
        placed: Any = network.requires_grad_(False).eval().to(self._device)
        self._network = placed.to(memory_format=torch.channels_last)

    def compute(self, faces: Tensor, label: str, observer: Observer, cache_folder: Path | None) -> dict[str, Tensor]:
        """Compute the outputs of faces.

        Args:
            faces: (N, H, W, 3) uint8
            label: name of the faces in the progress.
            observer: receives the progress.
            cache_folder: folder that they are read from and stored in; None for no cache.
        Returns:
            {output: (N, d) float32 on the CPU}
        """
        path = None
        if cache_folder is not None:
            key = digest({"faces": faces})
            stem = f"{self.name.lower()}-{version('torch-fidelity')}-{self.key[:16]}-{key[:32]}"
            path = cache_folder / f"{stem}.safetensors"
            cached = self._read(path)
            if cached is not None and len(cached[self.outputs[0]]) == len(faces):
                return cached
        outputs = self._compute(faces, label, observer)
        if path is not None:
            with replacing(path) as part:
                save_file(outputs, part)
        return outputs

    @torch.no_grad()
    def _compute(self, faces: Tensor, label: str, observer: Observer) -> dict[str, Tensor]:
        observer.start(f"{self.name}, {label}", len(faces))
        parts: list[tuple[Tensor, ...]] = []
        num_done = 0
        for batch in faces.split(self.batch_size):
            with _exact(self._device):
                output = self._network(batch.to(self._device).permute(0, 3, 1, 2).contiguous())
            parts.append(tuple(values.cpu() for values in output))
            num_done += len(batch)
            observer.advance(num_done)
        observer.finish()
        values = [torch.cat(columns) for columns in zip(*parts, strict=True)]
        return dict(zip(self.outputs, values, strict=True))

    def _read(self, path: Path) -> dict[str, Tensor] | None:
        try:
            tensors = load_tensors(path)
        except (OSError, SafetensorError):
            return None  # the file does not exist, or is incomplete
        return tensors if set(self.outputs) <= set(tensors) else None


def _exact(device: torch.device) -> Any:
    """Compute convolutions in float32, so that results do not depend on the device."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False) if device.type == "cuda" else nullcontext()
