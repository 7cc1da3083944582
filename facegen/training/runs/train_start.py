"""Start of a train stage from the networks of an earlier run: fine-tuning."""

from typing import NamedTuple

from torch import nn

from facegen.core.batch import DataSpec
from facegen.core.progress import Observer
from facegen.core.recipe.changes import changed_values
from facegen.core.recipe.part_config import Recipe
from facegen.core.run_schema import StartRecord
from facegen.training.build import Networks
from facegen.training.runs.checkpoint import hash_files, load_module, read_step, shared_children, tensor_differences
from facegen.training.runs.run import Run

MAX_SHOWN = 3
_KINDS = ("conditioner", "transform", "generator", "discriminator")


class EarlierNetworks(NamedTuple):
    """Networks of an earlier run, on the meta device.

    Attributes:
        recipe, data: of the earlier run.
        networks: built from them.
    """

    recipe: Recipe
    data: DataSpec
    networks: Networks


def start_problems(recipe: Recipe, data: DataSpec, networks: Networks, earlier: EarlierNetworks) -> list[str]:
    """Explain why the networks of a recipe cannot start from those of an earlier run.

    Args:
        recipe, data, networks: of the run that starts.
        earlier: the run that [train] start names.
    """
    own_pixels, pixels = data.image_pixels, earlier.data.image_pixels
    if own_pixels != pixels:
        return [f"draws faces of {pixels} pixels, and this recipe of {own_pixels}; set [data] image_pixels = {pixels}"]
    if "speech" in networks.encoders.needs and data.sample_rate_hz != earlier.data.sample_rate_hz:
        own_rate, rate = data.sample_rate_hz, earlier.data.sample_rate_hz
        return [f"reads speech of {rate} Hz, and this recipe of {own_rate} Hz; set [data] sample_rate_hz = {rate}"]
    types = {kind: ([part.name for part in side.configs[kind]] for side in (earlier.recipe, recipe)) for kind in _KINDS}
    problems = []
    for kind, (theirs, ours) in types.items():
        if theirs != ours and (theirs or kind != "discriminator"):
            there, here = (", ".join(names) or "none" for names in (theirs, ours))
            problems.append(f"its {kind} is of another type: {there} there, {here} here; use the same")
    return problems or _tensor_problems(recipe, data, networks, earlier)


def _tensor_problems(recipe: Recipe, data: DataSpec, networks: Networks, earlier: EarlierNetworks) -> list[str]:
    """List the tensors that differ, and the settings by which they may."""
    theirs, kept = _modules(earlier.networks), _kept(recipe, data, earlier.data)
    differing = []
    for name, module in _modules(networks).items():
        if name not in theirs:
            continue
        stored, own = theirs[name].state_dict(), module.state_dict()
        if name == "discriminator":  # heads that only one side has start from random weights
            stored, own = shared_children(stored, own)
        stored, own = ({key: v for key, v in state.items() if not key.startswith(kept)} for state in (stored, own))
        differing += [f"{name}: {difference}" for difference in tensor_differences(stored, own)]
    if not differing:
        return []
    tables = ("conditioner", "condition", "generator", "discriminator")
    theirs_values, own_values = ({name: side.values.get(name) for name in tables} for side in (earlier.recipe, recipe))
    settings = [
        f"{key} = {before} there, {after} here"
        for key, (before, after) in changed_values(theirs_values, own_values).items()
    ]
    more = [f"and {len(differing) - MAX_SHOWN} more"] if len(differing) > MAX_SHOWN else []
    reason = f" ({'; '.join(settings)})" if settings else ""
    return [f"holds networks of another shape{reason}: {'; '.join([*differing[:MAX_SHOWN], *more])}; use the same"]


def load_start(earlier: Run, recipe: Recipe, data: DataSpec, networks: Networks, observer: Observer) -> StartRecord:
    """Load the averaged face pipeline and the newest discriminator of an earlier run.

    A conditioner with a vector per person keeps its random weights if the corpora have other people. So do heads of
    the discriminator that the earlier run lacks, the weights of objectives, and the state of an augmentation.

    Args:
        earlier: the run that [train] start names.
        recipe, data, networks: of the run that starts.
        observer: gets a message about what was loaded.
    Returns:
        what a run records.
    Raises:
        CheckpointError: the earlier run is damaged, or holds other networks.
    """
    folder, kept = earlier.generator_checkpoint(), _kept(recipe, data, earlier.data)
    files = {}
    for name, module in _modules(networks).items():
        file = "ema" if name == "face_pipeline" else name
        if not (folder / f"{file}.safetensors").exists() and name != "face_pipeline":
            continue
        load_module(folder, file, module, shared_only=name == "discriminator", kept=kept)
        files[name] = folder / f"{file}.safetensors"
    if networks.discriminator_encoders is not None and "discriminator_encoders" not in files:
        networks.discriminator_encoders.start_as(networks.encoders)
    step = read_step(folder)
    source = str(recipe.tables["train"]["start"])
    observer.say(f"networks of {source} at step {step} are trained on: {', '.join(files)}")
    if kept:
        observer.say("conditioners that know people by name start from random weights: the corpus has other people")
    return StartRecord(source=source, step=step, weights=hash_files(files.values()))


def _modules(networks: Networks) -> dict[str, nn.Module]:
    modules = {
        "face_pipeline": networks.face_pipeline,
        "discriminator": networks.discriminator,
        "discriminator_encoders": networks.discriminator_encoders,
    }
    return {name: module for name, module in modules.items() if module is not None}


def _kept(recipe: Recipe, data: DataSpec, earlier: DataSpec) -> tuple[str, ...]:
    """Return the beginnings of the names of tensors that belong to people of one corpus."""
    if data.identities == earlier.identities:
        return ()
    configs = enumerate(recipe.configs["conditioner"])
    numbers = [number for number, config in configs if "identity" in config.part.load().needs]  # type: ignore[attr-defined]
    return tuple(f"{above}.{number}." for number in numbers for above in ("encoders.parts", "copies"))
