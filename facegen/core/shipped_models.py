"""Models that are shipped with facegen."""

from pathlib import Path

MODEL_SUFFIX = ".safetensors"
_FOLDER = Path(__file__).parents[1] / "models"


def shipped_models() -> dict[str, Path]:
    """Return the models that ship with facegen: {name: file}."""
    return {path.stem: path for path in sorted(_FOLDER.glob(f"*{MODEL_SUFFIX}"))}
