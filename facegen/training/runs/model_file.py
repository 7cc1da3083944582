"""Model files: a run's weights and all that drawing and matching need, in one safetensors file.

A file from a stranger is checked before anything of its size is allocated: the length of its header, its metadata by
`core.model_schema`, its recipe as any recipe, and its tensors against the recipe's networks on the meta device. No code
in it is run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from facegen.core.errors import CheckpointError, FacegenError
from facegen.core.files import replacing
from facegen.core.model_schema import ModelMetadata, Precision, TrainedRecipe
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.plugin_packages import missing_packages
from facegen.core.recipe.portable import without_paths
from facegen.core.recipe.recipe import check_recipe
from facegen.training.build import DraftRun, Networks
from facegen.training.match import match_modules
from facegen.training.runs import checkpoint, conditions
from facegen.training.runs.claimed_networks import build_claimed
from facegen.training.runs.eight_bits import SCALE, quantised, restored
from facegen.training.runs.embedded_files import START, unpack_files
from facegen.training.runs.model_header import METADATA_KEY, opened_model, read_metadata

SUFFIX = ".safetensors"
CONDITIONS = "conditions"
"""Start of the names of tensors that describe the training data, not a network."""
PIPELINE, MATCH_MODULES = "face_pipeline", ("encoders", "discriminator", "recognised_faces", "matcher")
TRAIN_FILES = {
    PIPELINE: "ema",
    "adversarial_discriminator": "discriminator",
    "adversarial_encoders": "discriminator_encoders",
}
"""{module in a model file: its file in a checkpoint of the train stage}; of the face pipeline, the moving average."""
EIGHT_BITS = tuple(name for name in TRAIN_FILES if name != PIPELINE)
"""Modules whose weights an fp16 file holds in 8 bits: only [train] start reads them, and trains them on."""
MAX_SHOWN = 3
_DTYPES = {
    "F16": torch.float16, "F32": torch.float32, "F64": torch.float64, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
_FORMATS_OF_WEIGHTS: Mapping[Precision, torch.dtype] = {"fp16": torch.float16, "fp32": torch.float32}


@dataclass(frozen=True)
class ModelFile:
    """A model file whose metadata and tensors were checked; the tensors are not read yet.

    Attributes:
        path: the file.
        metadata: what it says.
        recipe: checked.
        dtypes: {tensor: type that the networks need}.
        files: {name in the recipe: path in the cache} of files that its parts read.
    """

    path: Path
    metadata: ModelMetadata
    recipe: Recipe
    dtypes: Mapping[str, torch.dtype]
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> "ModelFile":
        """Check a file.

        Raises:
            CheckpointError: it is no model file, is damaged, exceeds a bound, or needs parts that are not installed.
        """
        with opened_model(path) as file:
            metadata = read_metadata(path, file.metadata())
            stored = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            kinds = {name: (_DTYPES.get(part.get_dtype()), tuple(part.get_shape())) for name, part in stored.items()}
            files = unpack_files(path, file, kinds)
        recipe, expected = _networks(path, metadata, files, path.stat().st_size)
        kinds = {name: kind for name, kind in kinds.items() if not name.startswith(START)}
        start = f"{CONDITIONS}."
        distributions = {name: kinds.pop(name) for name in list(kinds) if name.startswith(start)}
        problems = _differences(kinds, expected)
        problems += conditions.stored_problems({name.removeprefix(start): v for name, v in distributions.items()})
        if problems:
            more = [f"and {len(problems) - MAX_SHOWN} more"] if len(problems) > MAX_SHOWN else []
            raise CheckpointError(
                f"{path}: its tensors are not those of its recipe: {'; '.join([*problems[:MAX_SHOWN], *more])}; "
                f"get the file again, or use the version of facegen that wrote it ({_version(metadata)})"
            )
        return cls(path, metadata, recipe, {name: tensor.dtype for name, tensor in expected.items()}, files)

    def tensors(self, module: str) -> dict[str, Tensor]:
        """Read the tensors of one module, in the types that the networks need.

        Raises:
            CheckpointError: a tensor holds NaN or infinity.
        """
        start = f"{module}."
        with opened_model(self.path) as file:
            names = [name for name in self.dtypes if name.startswith(start)]
            stored = set(file.keys())
            tensors = {
                name.removeprefix(start): (
                    restored(file.get_tensor(name), file.get_tensor(f"{name}{SCALE}"))
                    if f"{name}{SCALE}" in stored
                    else file.get_tensor(name)
                ).to(self.dtypes[name])
                for name in names
            }
        bad = checkpoint.non_finite(tensors)
        if bad:
            raise CheckpointError(f"{self.path}: tensor '{start}{bad[0]}' holds NaN or infinity; get the file again")
        return tensors


def write_model_file(
    path: Path,
    metadata: ModelMetadata,
    modules: Mapping[str, Mapping[str, Tensor]],
    files: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a model file, atomically.

    Args:
        path: the file.
        metadata: its precision decides how floats are stored.
        modules: {module: its tensors}.
        files: {name: bytes} of the files that parts read.
    Raises:
        CheckpointError: the file, as written, would be refused by `ModelFile.open`.
        OSError: it cannot be written.
    """
    kind = _FORMATS_OF_WEIGHTS[metadata.precision]
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        for key, value in module.items():
            if name in EIGHT_BITS and kind == torch.float16 and value.dtype == torch.float32 and value.dim() > 1:
                tensors[f"{name}.{key}"], tensors[f"{name}.{key}{SCALE}"] = quantised(value.detach().cpu())
            else:
                tensors[f"{name}.{key}"] = _stored(value, kind)
    with replacing(path) as part:
        save_file(
            {**tensors, **(files or {})}, part, metadata={METADATA_KEY: metadata.model_dump_json(exclude_defaults=True)}
        )
        try:
            ModelFile.open(part)
        except CheckpointError as error:
            raise CheckpointError(*(problem.replace(str(part), str(path)) for problem in error.problems)) from error


def expected_modules(networks: Networks) -> dict[str, nn.Module]:
    """Return the modules that a model file of these networks holds, by name."""
    modules: dict[str, nn.Module | None] = {}
    if networks.face_pipeline is not None:
        modules[PIPELINE] = networks.face_pipeline
        modules["adversarial_discriminator"] = networks.discriminator
        modules["adversarial_encoders"] = networks.discriminator_encoders
    if networks.matcher is not None:
        modules |= match_modules(networks)
    return {name: module for name, module in modules.items() if module is not None}


def encoders_of_pipeline(pipeline: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the conditioners among those of a face pipeline."""
    return {key.removeprefix("encoders."): value for key, value in pipeline.items() if key.startswith("encoders.")}


def _stored(tensor: Tensor, kind: torch.dtype) -> Tensor:
    """Convert a float32 tensor; one with a number beyond the range of fp16 stays as it is."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype != torch.float32 or kind == torch.float32:
        return tensor
    half = tensor.to(kind)
    return half if bool(half.isfinite().all()) else tensor


def _networks(
    path: Path, metadata: ModelMetadata, files: Mapping[str, str], file_bytes: int
) -> tuple[Recipe, dict[str, Tensor]]:
    """Build the networks on the meta device; return the recipe, and the tensors that the file must hold."""
    before = None
    for trained in reversed(metadata.drafts):
        before = DraftRun(_recipe(path, metadata, trained, files), trained.data.spec, before)
    recipe = _recipe(path, metadata, metadata.run, files)
    modules = expected_modules(build_claimed(path, recipe, metadata.run.data.spec, before, file_bytes))
    problems = []
    if (recipe.draft is None) != (before is None):
        problems.append("drafts must be given for a recipe with [draft], and for no other")
    if (metadata.step is None) != (PIPELINE not in modules):
        problems.append("step must be given for a recipe with a generator, and for no other")
    if (metadata.match_step is None) != ("matcher" not in modules):
        problems.append("match_step must be given for a recipe with [match], and for no other")
    if metadata.shares_encoders and not {PIPELINE, "encoders"} <= modules.keys():
        problems.append("shares_encoders must be false without both a face pipeline and a match stage")
    if problems:
        raise CheckpointError(*(f"{path}: metadata: {problem}" for problem in problems))
    if metadata.shares_encoders:
        modules.pop("encoders")
    return recipe, {
        f"{name}.{key}": value for name, part in modules.items() for key, value in part.state_dict().items()
    }


def _recipe(path: Path, metadata: ModelMetadata, trained: TrainedRecipe, files: Mapping[str, str]) -> Recipe:
    try:
        recipe = check_recipe(trained.recipe, str(path))
        # A path in a stranger's file must not lead to files of this machine.
        return check_recipe(without_paths(recipe, files), str(path))
    except FacegenError as error:
        raise CheckpointError(*(missing_packages(path, error.problems, metadata.plugins) or error.problems)) from error


def _differences(
    stored: Mapping[str, tuple[torch.dtype | None, tuple[int, ...]]], expected: Mapping[str, Tensor]
) -> list[str]:
    problems = []
    scaled = {name.removesuffix(SCALE) for name in stored if name.endswith(SCALE)}
    scaled = {name for name in scaled if name.startswith(EIGHT_BITS) and name in expected and name in stored}
    for name in sorted((stored.keys() | expected.keys()) - {f"{name}{SCALE}" for name in scaled}):
        if name in scaled:
            kinds, shape = (stored[name], stored[f"{name}{SCALE}"]), tuple(expected[name].shape)
            if len(shape) < 2 or kinds != ((torch.int8, shape), (torch.float32, shape[:1])):
                problems.append(f"tensor '{name}' in 8 bits is {kinds} instead of {shape} with {shape[:1]} scales")
        elif name not in stored:
            problems.append(f"tensor '{name}' is missing")
        elif name not in expected:
            problems.append(f"tensor {name[:200]!r} is unknown")
        else:
            (dtype, shape), wanted = stored[name], expected[name]
            allowed = {wanted.dtype, torch.float16} if wanted.dtype == torch.float32 else {wanted.dtype}
            if dtype not in allowed or shape != tuple(wanted.shape):
                problems.append(f"tensor '{name}' is {dtype} {shape} instead of {wanted.dtype} {tuple(wanted.shape)}")
    return problems


def _version(metadata: ModelMetadata) -> str:
    return metadata.versions.get("facegen", "unknown")
