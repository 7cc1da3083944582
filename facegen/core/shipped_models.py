"""Models that ship with facegen; without torch, because shell completion lists them."""

from pathlib import Path

import facegen

MODEL_SUFFIX = ".safetensors"


def shipped_models() -> dict[str, Path]:
    """Return {name: file} of the models that ship with facegen."""
    folder = Path(facegen.__file__).parent / "models"
    return {path.stem: path for path in sorted(folder.glob(f"*{MODEL_SUFFIX}"))}
