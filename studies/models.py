"""Train and export the models that ship with facegen, with the faces that a test compares.

    python -m studies models
    python -m studies models --models voice-64 --run runs/voice-64

Each model is trained by a recipe, evaluated, exported to facegen/models, and drawn once: tests/models holds the
recording, name or sentence that it is given, and the faces that it drew. The model file holds the card and the figures
of the evaluation, which `facegen models` prints. An interrupted call goes on where it stopped. The evaluation of
voice-64 trains a judge, which takes about 20 minutes on one core, once.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import facegen
from facegen.data.media.generated_media import save_picture
from facegen.data.media.marking import Mark
from studies.facegen_command import INTERRUPTED, RECIPES, run_facegen

MODELS_FOLDER = Path(__file__).parents[1] / "facegen" / "models"
REFERENCE_FOLDER = Path(__file__).parents[1] / "tests" / "models"
LICENCE = "Apache-2.0"
REFERENCE_SEED = 0


@dataclass(frozen=True)
class ShippedModel:
    """Recipe of a shipped model.

    Attributes:
        recipe: name of the recipe.
        preset: of the recipe.
        overrides: further settings, as of `--set`.
        subject: input of the model: speech, name or text.
    """

    recipe: str
    preset: str
    overrides: tuple[str, ...] = ()
    subject: Literal["speech", "name", "text"] = "speech"


MODELS = {
    "speech-64": ShippedModel("speech_relid_separate", "medium"),
    "voice-64": ShippedModel("voice", "medium"),
}
"""{name: recipe}. facegen/models/NAME.md is the model's card."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS), help="models to make")
    parser.add_argument("--out", type=Path, default=Path("runs/models"), help="folder of the runs")
    parser.add_argument("--run", dest="trained", type=Path, help="finished run of the one model, which is not trained")


def run(options: argparse.Namespace) -> int:
    """Make every model; return 0 when all of them were made."""
    if options.trained is not None and len(options.models) != 1:
        print("--run is the run of one model; name it by --models")
        return 1
    for name in options.models:
        words_of_all = commands(name, MODELS[name], options.trained or options.out / name)
        for words in words_of_all if options.trained is None else words_of_all[1:]:
            print(f"\n== {name}: facegen {words[0]}", flush=True)
            code = run_facegen(*words)
            if code:
                return INTERRUPTED if code >= INTERRUPTED else 1
        faces = reference_faces(name, MODELS[name])
        save_picture(Image.fromarray(faces), REFERENCE_FOLDER / f"{name}.png", Mark(name, REFERENCE_SEED))
    return 0


def commands(name: str, model: ShippedModel, folder: Path) -> list[list[str]]:
    """List the commands that make a model: train, evaluate, export."""
    recipe, shipped = str(RECIPES / f"{model.recipe}.toml"), str(MODELS_FOLDER / f"{name}.safetensors")
    settings = [word for text in (f"run.name={name}", *model.overrides) for word in ("--set", text)]
    train = ["train", recipe, "--preset", model.preset, *settings, "--out", str(folder), "--resume"]
    card = ["--card", str(MODELS_FOLDER / f"{name}.md"), "--licence", LICENCE]
    return [train, ["evaluate", str(folder)], ["export", str(folder), shipped, *card]]


def reference_faces(name: str, model: ShippedModel) -> NDArray[np.uint8]:
    """Draw the faces that the test compares, side by side: (H, 4 W, 3)."""
    faces = facegen.load(MODELS_FOLDER / f"{name}.safetensors").sample(
        **reference_subject(model), count=4, seed=REFERENCE_SEED
    )
    return np.concatenate([np.asarray(face) for face in faces], axis=1)


def reference_subject(model: ShippedModel) -> dict[str, str]:
    """Return the recording, the name or the sentence that the faces of the test are drawn from."""
    subjects = {
        "speech": str(REFERENCE_FOLDER / "synthetic_voice.wav"),
        "name": "speaker-0",
        "text": "A woman in her thirties with long brown hair and glasses.",
    }
    return {model.subject: subjects[model.subject]}
