"""From a checked recipe to networks, and every reason why that cannot be done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from facegen.core.batch import Batch, Condition, DataSpec, Terms
from facegen.core.critic import Critic, Phase
from facegen.core.errors import FacegenError, RecipeError
from facegen.core.interfaces import Augmentation, ConditionTransform, Discriminator, Matcher, Objective, Penalty
from facegen.core.randomness import derived_seed
from facegen.core.recipe import Choice, Recipe
from facegen.core.registry import registry
from facegen.training.artist import Artist, Encoders


@dataclass(frozen=True)
class Networks:
    """What a recipe's parts become; None or empty where the recipe has none.

    Attributes:
        encoders: the conditioners; also inside `artist`, where there is one.
        critic_encoders: the discriminator's own copy, where a conditioner is trained "separate".
    """

    encoders: Encoders
    critic_encoders: Encoders | None
    artist: Artist | None
    discriminator: Discriminator | None
    matcher: Matcher | None
    objectives: Mapping[str, Objective]
    penalties: tuple[tuple[Penalty, int], ...]
    augmentation: Augmentation | None

    @property
    def num_mismatched(self) -> int:
        """How many rows of other people the objectives read."""
        return max((objective.num_mismatched for objective in self.objectives.values()), default=0)


def build_networks(recipe: Recipe, data: DataSpec, seed: int | None = None) -> Networks:
    """Build every part of a recipe; weights depend on the seed and on nothing else.

    Args:
        recipe: checked.
        data: what the corpus is.
        seed: of the weights; the recipe's own by default.
    Raises:
        RecipeError: every part that refuses its settings or does not fit the others.
    """
    builder = _Builder(recipe, data, recipe.run.seed if seed is None else seed)
    networks = builder.networks()
    if builder.problems:
        raise RecipeError(*builder.problems)
    return networks


class _Builder:
    """Builds all parts, and goes on where one refuses, so that every problem is found."""

    def __init__(self, recipe: Recipe, data: DataSpec, seed: int) -> None:
        self.recipe, self.data, self.seed = recipe, data, seed
        self.problems: list[str] = []

    def networks(self) -> Networks:
        """What the recipe's parts become; None stands for parts that refused."""
        recipe, data = self.recipe, self.data
        _check_columns(recipe, data, self.problems)
        encoders = self._encoders()
        separate = any(choice.engine.trained == "separate" for choice in recipe.choices["conditioner"])
        transforms, condition_dim = self._transforms(encoders.condition_dim)
        objectives = {
            f"{choice.name}{number or ''}": self._build(choice, data)
            for number, choice in enumerate(recipe.choices["objective"])
        }
        heads = _heads(recipe, [part for part in objectives.values() if part], encoders.condition_dim, self.problems)
        generator = self._one("generator", data, condition_dim)
        embed_dim = heads.get("embed", encoders.condition_dim)
        return Networks(
            encoders=encoders,
            critic_encoders=self._encoders("critic") if separate else None,
            artist=None if generator is None else Artist(encoders, transforms, generator),
            discriminator=self._one("discriminator", data, condition_dim, heads),
            matcher=self._one("matcher", data, encoders.condition_dim, embed_dim),
            objectives=objectives,
            penalties=tuple(
                (self._build(choice, data), choice.engine.every_steps) for choice in recipe.choices["penalty"]
            ),
            augmentation=self._one("augmentation", data),
        )

    def _build(self, choice: Choice, *supplied: Any, salt: str = "") -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(self.seed, "weights", choice.part.kind.name, choice.name, salt))
            try:
                return choice.build(*supplied)
            except FacegenError as error:
                self.problems.extend(error.problems)
                return None

    def _one(self, kind: str, *supplied: Any) -> Any:
        choice = self.recipe.one(kind)
        return None if choice is None else self._build(choice, *supplied)

    def _encoders(self, salt: str = "") -> Encoders:
        choices = self.recipe.choices["conditioner"]
        parts = [self._build(choice, self.data, salt=f"{salt}{number}") for number, choice in enumerate(choices)]
        frozen = [choice.engine.trained == "frozen" for choice in choices]
        built = [(part, rests) for part, rests in zip(parts, frozen, strict=True) if part is not None]
        return Encoders([part for part, _ in built], [rests for _, rests in built])

    def _transforms(self, condition_dim: int) -> tuple[list[ConditionTransform], int]:
        transforms = []
        for choice in self.recipe.choices["transform"]:
            transform = self._build(choice, self.data, condition_dim)
            if transform is not None:
                transforms.append(transform)
                condition_dim = transform.condition_dim
        return transforms, condition_dim


def _check_columns(recipe: Recipe, data: DataSpec, problems: list[str]) -> None:
    has = ", ".join(sorted(data.columns))
    for choice in recipe.choices["conditioner"]:
        for column in sorted(choice.part.load().needs - data.columns):  # type: ignore[attr-defined]
            problems.append(f"{choice.where} type = '{choice.name}' needs {column}; the corpus has {has}")


def _heads(recipe: Recipe, objectives: list[Objective], embed_dim: int, problems: list[str]) -> dict[str, int]:
    """The heads that objectives and matcher ask for, refused where the discriminator cannot have them."""
    heads: dict[str, int] = {}
    asked = [dict(objective.heads) for objective in objectives]
    matcher = recipe.one("matcher")
    if matcher is not None and matcher.part.load().needs_faces:  # type: ignore[attr-defined]
        asked.append({"embed": embed_dim})
    for request in asked:
        for head, width in request.items():
            if heads.setdefault(head, width) != width:
                problems.append(f"{recipe.source}: two parts ask for head '{head}' of width {heads[head]} and {width}")
    choice = recipe.one("discriminator")
    if choice is None:
        if heads:
            problems.append(f"{recipe.source}: [discriminator] is missing: its heads {', '.join(heads)} are needed")
        return heads
    for head in sorted(set(heads) - choice.part.load().offers):  # type: ignore[attr-defined]
        problems.append(
            f"{choice.where} type = '{choice.name}' has no head '{head}', which the recipe's objective or matcher "
            f"needs. Discriminators that have it: {', '.join(_offering(head)) or 'none is installed'}"
        )
    return heads


def _offering(head: str) -> list[str]:
    names = []
    for name, part in sorted(registry().parts["discriminator"].items()):
        try:
            offers = part.load().offers  # type: ignore[attr-defined]
        except FacegenError:
            continue  # a broken plugin is named where it matters, not here
        if head in offers:
            names.append(name)
    return names


def rehearse(recipe: Recipe, data: DataSpec) -> Networks:
    """Build on the meta device and pass one blank batch through: shapes without memory or time.

    Raises:
        RecipeError: all that only building or passing shows.
    """
    with torch.device("meta"):
        networks = build_networks(recipe, data)
        problems = [problem for check in (_rehearse_match, _rehearse_train) if (problem := check(networks, data))]
    if problems:
        raise RecipeError(*(f"{recipe.source}: {problem}" for problem in problems))
    return networks


def _attempt(name: str, work: Callable[[], Any], shape: tuple[int, ...]) -> str:
    try:
        found = tuple(work().shape)
    except AttributeError as error:  # of a discriminator that was built without the head
        return f"{name} reads a head that no objective and no matcher asks the discriminator for: {error}"
    except (RuntimeError, ValueError, NotImplementedError) as error:
        return f"{name} does not accept what the recipe gives it: {error}"
    return "" if found == shape else f"{name} returns shape {found} where {shape} is due"


def _rehearse_match(networks: Networks, data: DataSpec) -> str:
    batch = Batch.blank(data, 4, device="meta")
    dim = networks.encoders.condition_dim
    problem = _attempt("[conditioner]", lambda: networks.encoders(batch), (4, dim))
    discriminator, matcher = networks.discriminator, networks.matcher
    if problem or matcher is None or discriminator is None or not matcher.needs_faces:
        return problem
    return _attempt("[discriminator]", lambda: discriminator.embed(discriminator.features(batch.faces)), (4, dim))


def _rehearse_train(networks: Networks, data: DataSpec) -> str:
    if networks.artist is None or networks.discriminator is None:
        return ""
    batch = Batch.blank(data, 4, max(networks.num_mismatched, 1), device="meta")
    artist, size = networks.artist, data.image_pixels
    condition = artist.condition(batch)
    if not artist.generator.uses_draft:
        problem = _attempt("[generator]", lambda: artist.draw(condition.generator), (4, 3, size, size))
        if problem:
            return problem
    return _rehearse_losses(networks, batch, condition)


def _rehearse_losses(networks: Networks, batch: Batch, condition: Condition) -> str:
    """Every term of both phases: a head that nobody asks for, or of another width, shows here."""
    artist, judge, augmentation = networks.artist, networks.discriminator, networks.augmentation
    if artist is None or judge is None or not networks.objectives:
        return ""
    leaves = frozenset[str]().union(*(penalty.image_leaves for penalty, _ in networks.penalties))
    phases: tuple[Phase, Phase] = ("discriminator", "generator")
    judging, drawing = (
        Critic(
            phase, batch, condition, judge, batch.faces,
            augmentation=augmentation, image_leaves=leaves, draw=artist.draw,
        )
        for phase in phases
    )  # fmt: skip
    if any("score" in objective.heads for objective in networks.objectives.values()):
        problem = _attempt("[discriminator]", lambda: judging.real, (len(batch),))
        if problem:
            return problem
    losses: list[tuple[str, Callable[[Critic], Terms], Critic]] = []
    for name, objective in networks.objectives.items():
        losses.append((f"[objective] {name}", objective.discriminator_terms, judging))
        losses.append((f"[objective] {name}", objective.generator_terms, drawing))
    losses += [(f"[penalty] {type(penalty).__name__}", penalty.terms, judging) for penalty, _ in networks.penalties]
    if augmentation is not None:
        losses.append(("[augment]", augmentation.measures, judging))
    problems = [_attempt(name, partial(_total, terms, critic), ()) for name, terms, critic in losses]
    return next(filter(None, problems), "")


def _total(terms: Callable[[Critic], Terms], critic: Critic) -> Tensor:
    return sum(terms(critic).values(), start=torch.zeros(()))


def trainable(*modules: nn.Module | None) -> list[nn.Parameter]:
    """Parameters that learn, each once."""
    found = {id(weight): weight for module in modules if module is not None for weight in module.parameters()}
    return [weight for weight in found.values() if weight.requires_grad]
