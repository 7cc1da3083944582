"""Build the networks of a checked recipe, or list every reason why they cannot be built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from facegen.core.batch import DataSpec
from facegen.core.errors import FacegenError, RecipeError
from facegen.core.interfaces import Augmentation, ConditionTransform, Discriminator, Matcher, Objective, Penalty
from facegen.core.randomness import derived_seed
from facegen.core.recipe.part_config import PartConfig, Recipe
from facegen.core.recipe.recipe import face_recogniser
from facegen.core.recipe.schedule import advance_schedules
from facegen.core.recipe.unique_names import unique_names
from facegen.training.build_limits import build_limits
from facegen.training.face_pipeline import DiscriminatorEncoders, Encoders, FacePipeline
from facegen.training.recognised_faces import RecognisedFaces

STAND_IN_DIM = 128
"""Width of the condition where a conditioner is refused, so that the problems of the networks are reported, too.

Transforms are left out then: some compare their settings with the width.
"""


@dataclass(frozen=True)
class Networks:
    """The networks of a recipe; None or empty where the recipe has no such part.

    Attributes:
        encoders: the conditioners; also inside `face_pipeline`, where there is one.
        discriminator_encoders: the discriminator's own copies, where a conditioner is trained "separate".
        objectives: by the names under which they are logged, their types as the recipe writes them.
        penalties: likewise, each with its interval in discriminator steps.
        heads: {head: width} that the recipe's parts ask of the discriminator.
        recognised_faces: features of a recogniser, where [match.faces] names one.
    """

    encoders: Encoders
    discriminator_encoders: DiscriminatorEncoders | None
    face_pipeline: FacePipeline | None
    discriminator: Discriminator | None
    matcher: Matcher | None
    objectives: Mapping[str, Objective]
    penalties: Mapping[str, tuple[Penalty, int]]
    augmentation: Augmentation | None
    heads: Mapping[str, int] = field(default_factory=dict)
    recognised_faces: RecognisedFaces | None = None

    @property
    def match_faces(self) -> Discriminator | None:
        """The network that embeds faces in the match stage: that of [match.faces], or else the discriminator."""
        return self.recognised_faces if self.recognised_faces is not None else self.discriminator

    @property
    def discriminator_or_null(self) -> Discriminator:
        """The discriminator, or one without any head where the recipe has none."""
        return _NoDiscriminator() if self.discriminator is None else self.discriminator

    @property
    def num_mismatched(self) -> int:
        """Number of mismatched rows that the objectives read."""
        return max((objective.num_mismatched for objective in self.objectives.values()), default=0)


class _NoDiscriminator(Discriminator):
    supported_heads = frozenset()

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def features(self, faces: Tensor) -> Tensor:
        raise NotImplementedError("the recipe has no [discriminator]")


@dataclass(frozen=True)
class DraftRun:
    """Earlier run whose faces a generator refines, as far as its face pipeline is built from it.

    Attributes:
        recipe: of the earlier run.
        data: corpus that it was trained on.
        draft: the run that it refines itself.
    """

    recipe: Recipe
    data: DataSpec
    draft: "DraftRun | None" = None


def build_networks(recipe: Recipe, data: DataSpec, draft: DraftRun | None = None) -> Networks:
    """Build every part of a recipe; weights depend on the seed and on nothing else.

    Args:
        recipe: checked.
        data: shape and columns of the corpus.
        draft: the earlier run whose faces the generator refines; its weights are not read.
    Raises:
        RecipeError: every part that refuses its settings or does not fit the others.
    """
    problems: list[str] = []
    networks = _Builder(recipe, data, problems).networks(draft)
    if problems:
        raise RecipeError(*problems)
    return networks


class _Builder:
    """Builder of all parts that continues after a part is refused, so that every problem is reported."""

    def __init__(self, recipe: Recipe, data: DataSpec, problems: list[str]) -> None:
        self.recipe, self.data, self.problems = recipe, data, problems
        _check_columns(recipe, data, problems)
        known = len(problems)
        self.encoders = self._encoders()
        if len(problems) == known:
            self.encoding_dim = self.encoders.condition_dim
            self.transforms, self.condition_dim = self._transforms(self.encoding_dim)
        else:
            self.encoding_dim = self.condition_dim = STAND_IN_DIM
            self.transforms = []

    def networks(self, draft: DraftRun | None) -> Networks:
        """Build every network; None stands for a part that was refused."""
        recipe, data = self.recipe, self.data
        objectives = {name: self._build(config, data) for name, config in _by_name(recipe.configs["objective"])}
        heads = _heads(recipe, [part for part in objectives.values() if part], self.encoding_dim, self.problems)
        recognised_faces = self._recognised_faces()
        embed_dim = heads.get("embed", self.encoding_dim) if recognised_faces is None else recognised_faces.dim
        return Networks(
            encoders=self.encoders,
            discriminator_encoders=self._discriminator_encoders(),
            face_pipeline=self.face_pipeline(draft),
            discriminator=self._one("discriminator", data, self.condition_dim, heads),
            recognised_faces=recognised_faces,
            matcher=self._one("matcher", data, self.encoding_dim, embed_dim),
            objectives=objectives,
            penalties={
                name: (self._build(config, data), config.engine.every_steps)
                for name, config in _by_name(recipe.configs["penalty"])
            },
            augmentation=self._one("augmentation", data),
            heads=heads,
        )

    def _recognised_faces(self) -> RecognisedFaces | None:
        config = face_recogniser(self.recipe)
        if config is None or self.recipe.config("matcher").engine.run is not None:
            return None
        try:
            return RecognisedFaces(config.name, config.build())
        except FacegenError as error:
            self.problems += [f"{config.where} {problem}" for problem in error.problems]
            return None

    def face_pipeline(self, draft: DraftRun | None) -> FacePipeline | None:
        """Build the face pipeline and that of its draft; None without a generator."""
        generator = self._one("generator", self.data, self.condition_dim)
        before = None
        if draft is not None:
            before = _Builder(draft.recipe, draft.data, self.problems).face_pipeline(draft.draft)
            steps = draft.recipe.train.steps if draft.recipe.train is not None else 1
            for module in () if before is None else before.own:
                advance_schedules(module, steps - 1, steps)
        if generator is None:
            return None
        pipeline = FacePipeline(self.encoders, self.transforms, generator, before)
        if before is not None and generator.noise_dim not in (0, pipeline.noise_dim):
            self.problems.append(
                f"{self.recipe.config('generator').where} has noise of {generator.noise_dim} of its own; with a draft "
                f"the noise is the draft's, of {pipeline.noise_dim}, or there is none (0)"
            )
        return pipeline

    def _build(self, config: PartConfig, *supplied: Any, salt: str = "") -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(self.recipe.run.seed, "weights", config.part.kind.name, config.name, salt))
            try:
                with build_limits():
                    return config.build(*supplied)
            except FacegenError as error:
                self.problems.extend(error.problems)
                return None

    def _one(self, kind: str, *supplied: Any) -> Any:
        config = self.recipe.optional_config(kind)
        return None if config is None else self._build(config, *supplied)

    def _encoders(self) -> Encoders:
        configs = self.recipe.configs["conditioner"]
        parts = [self._build(config, self.data, salt=str(number)) for number, config in enumerate(configs)]
        frozen = [config.engine.trained == "frozen" for config in configs]
        built = [(part, is_frozen) for part, is_frozen in zip(parts, frozen, strict=True) if part is not None]
        return Encoders([part for part, _ in built], [is_frozen for _, is_frozen in built])

    def _discriminator_encoders(self) -> DiscriminatorEncoders | None:
        copies = {
            number: self._build(config, self.data, salt=f"critic{number}")
            for number, config in enumerate(self.recipe.configs["conditioner"])
            if config.engine.trained == "separate"
        }
        if not copies or self.problems:
            return None
        return DiscriminatorEncoders(copies, self.encoders.widths)

    def _transforms(self, condition_dim: int) -> tuple[list[ConditionTransform], int]:
        transforms = []
        for config in self.recipe.configs["transform"]:
            transform = self._build(config, self.data, condition_dim)
            if transform is not None:
                transforms.append(transform)
                condition_dim = transform.condition_dim
        return transforms, condition_dim


def _by_name(configs: Sequence[PartConfig]) -> list[tuple[str, PartConfig]]:
    """Parts of one kind with the names that tell them apart in the log."""
    return list(zip(unique_names(config.name for config in configs), configs, strict=True))


def _check_columns(recipe: Recipe, data: DataSpec, problems: list[str]) -> None:
    columns = ", ".join(sorted(data.columns))
    for config in recipe.configs["conditioner"]:
        for column in data.lacks(config.part.load().needs):  # type: ignore[attr-defined]
            problems.append(f"{config.where} type = '{config.name}' needs {column}; the corpus has {columns}")


def _heads(recipe: Recipe, objectives: list[Objective], embed_dim: int, problems: list[str]) -> dict[str, int]:
    """Collect the heads that objectives and matcher need, and report those that the discriminator lacks."""
    heads: dict[str, int] = {}
    requests = [dict(objective.heads) for objective in objectives]
    matcher = recipe.optional_config("matcher")
    embeds = matcher is not None and matcher.engine.faces is None
    if matcher is not None and embeds and matcher.part.load().needs_faces:  # type: ignore[attr-defined]
        requests.append({"embed": embed_dim})
    for request in requests:
        for head, width in request.items():
            if heads.setdefault(head, width) != width:
                problems.append(
                    f"{recipe.source}: two parts need head '{head}' of different widths, {heads[head]} and {width}"
                )
    config = recipe.optional_config("discriminator")
    if config is None:
        if heads:
            problems.append(f"{recipe.source}: [discriminator] is missing: its heads {', '.join(heads)} are needed")
        return heads
    for head in sorted(set(heads) - config.part.load().supported_heads):  # type: ignore[attr-defined]
        others = recipe.available("discriminator", partial(_supports, head))
        problems.append(
            f"{config.where} type = '{config.name}' has no head '{head}', which the recipe's objective or matcher "
            f"needs. Discriminators that have it: {', '.join(others) or 'none is installed'}"
        )
    return heads


def _supports(head: str, discriminator: type[Discriminator]) -> bool:
    return head in discriminator.supported_heads


def trainable(*modules: nn.Module | None) -> list[nn.Parameter]:
    """List the parameters that learn, each once."""
    weights = {id(weight): weight for module in modules if module is not None for weight in module.parameters()}
    return [weight for weight in weights.values() if weight.requires_grad]
