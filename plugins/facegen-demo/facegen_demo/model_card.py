"""Facts about a model that the page shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen import __version__
from facegen.core.errors import CheckpointError
from facegen.inference.model import Model
from facegen.training.runs.model_file import ModelFile
from facegen.training.runs.open_run import model_file

CONSENT = {
    "synthetic": "trained on synthetic speakers, no real people",
    "stated": "trained on people whose consent is stated for every clip",
    "declared": "trained on people whose consent the publisher declares",
}


@dataclass(frozen=True)
class ModelCard:
    """Facts about a model.

    Attributes:
        name: of the model.
        line: one line: size of the faces, training, licence.
        paragraphs: of its card; none in a run that was not exported.
    """

    name: str
    line: str
    paragraphs: Sequence[str] = ()


def read_card(path_or_name: Path, model: Model) -> ModelCard:
    """Collect the facts of a run folder, a model file or a shipped model."""
    pixels = f"faces of {model.image_pixels} pixels"
    version = f"facegen {__version__}"
    try:
        metadata = None if path_or_name.is_dir() else ModelFile.open(model_file(path_or_name)).metadata
    except CheckpointError:
        metadata = None
    if metadata is None:
        dataset = model.run.recipe.config("dataset").name
        trained = CONSENT["synthetic"] if dataset == "synthetic" else "trained on a corpus of its owner"
        return ModelCard(model.name, ", ".join((pixels, trained, version)))
    licence = f"licence {metadata.licence}" if metadata.licence else "no licence stated"
    steps = [f"{metadata.step:,} steps"] if metadata.step is not None else []
    line = ", ".join((pixels, CONSENT[metadata.consent], *steps, licence, version))
    blocks = [" ".join(block.split()) for block in metadata.card.split("\n\n")]
    return ModelCard(model.name, line, [block.lstrip("# ") for block in blocks if block])
