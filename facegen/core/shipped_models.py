"""Models that ship with facegen; without torch, because shell completion lists them."""

from pathlib import Path

MODEL_SUFFIX = ".safetensors"
_FOLDER = Path(__file__).parents[1] / "models"


def shipped_models() -> dict[str, Path]:
    """Return {name: file} of the models that ship with facegen."""
    return {path.stem: path for path in sorted(_FOLDER.glob(f"*{MODEL_SUFFIX}"))}
