"""Both stages on the meta device with one blank batch: what does not fit shows before any work."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.batch import Batch, Condition, DataSpec, Terms
from facegen.core.chosen import Recipe
from facegen.core.critic import Critic
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Augmentation
from facegen.core.recipe import check_recipe
from facegen.core.recipe_file import judge_tables
from facegen.training.build import Networks, build_networks, trainable
from facegen.training.draft import find_draft
from facegen.training.face_pipeline import FacePipeline

ROWS = 4
Problems = list[str]


def dry_run(recipe: Recipe, data: DataSpec, path: Path | None = None) -> Networks:
    """Build everything, and pass one blank batch through it: shapes without memory or time.

    Args:
        recipe: checked.
        data: what the corpus is.
        path: the run folder, where there is one already.
    Raises:
        RecipeError: all that only building or passing shows.
        CheckpointError: an earlier run that it refines is missing or damaged.
    """
    draft = find_draft(recipe, data, path)
    with torch.device("meta"):
        networks = build_networks(recipe, data, draft)
        # Of each stage the first problem alone: what comes after it would only repeat it.
        stages = (_match_problems(networks, data), _train_problems(recipe, networks, data))
        found = [problem for stage in stages for problem in next((some for some in stage if some), [])]
        found += _untaught_faces(recipe, networks) + _idle_augmentation(recipe, networks)
    if found:
        raise RecipeError(*(f"{recipe.source}: {problem}" for problem in found))
    if "judge" in recipe.tables:
        dry_run(_judge(recipe), data)
    return networks


def _judge(recipe: Recipe) -> Recipe:
    """The judge that evaluation will train: it had better fit together before the run is trained."""
    tables = judge_tables(recipe.tables, recipe.tables["judge"], recipe.evaluate.judge_start)
    tables |= {"data": recipe.tables["data"], "run": {"name": "judge", "seed": recipe.evaluate.judge_seed}}
    return check_recipe(tables, f"{recipe.source}, its judge")


def _attempt(name: str, work: Callable[[], Tensor | Terms], shape: tuple[int, ...] = ()) -> Problems:
    """What is wrong with the shape of a tensor, or of any of several terms."""
    try:
        found = work()
    except AttributeError as error:  # of a discriminator that was built without the head
        return [f"{name} reads a head that no objective and no matcher asks the discriminator for: {error}"]
    except RecipeError as error:
        return [f"{name} {problem}" for problem in error.problems]
    except (RuntimeError, ValueError, TypeError, LookupError) as error:
        # What reads a value, or has no kernel without one, can only be tried with values.
        return [] if "meta" in str(error).lower() else [f"{name} does not accept what the recipe gives it: {error}"]
    tensors = {name: found} if isinstance(found, Tensor) else {f"{name} ({term})": found[term] for term in found}
    return [
        f"{what} returns shape {tuple(tensor.shape)} where {shape} is due"
        for what, tensor in tensors.items()
        if tuple(tensor.shape) != shape
    ]


def _match_problems(networks: Networks, data: DataSpec) -> Iterator[Problems]:
    encoders, matcher, judging = networks.encoders, networks.matcher, networks.discriminator_or_null
    batch = Batch.blank(data, ROWS, max(matcher.num_mismatched, 1) if matcher is not None else 1, device="meta")
    yield _attempt("[conditioner]", lambda: encoders(batch), (ROWS, encoders.condition_dim))
    if matcher is None:
        return
    embedding = None
    if matcher.needs_faces:
        shape = (ROWS, networks.heads["embed"])
        yield _attempt("[discriminator]", lambda: judging.embed(judging.features(batch.faces)), shape)
        embedding = judging.embed(judging.features(batch.faces))
    yield _attempt("[match]", lambda: matcher.terms(encoders(batch), embedding, batch))


def _untaught_faces(recipe: Recipe, networks: Networks) -> Problems:
    """A matcher that leaves the face network as it is needs one that is taught: an earlier run's, or a ready-made one.

    A network without a weight that learns is ready-made.
    """
    choice, matcher = recipe.one("matcher"), networks.matcher
    if choice is None or matcher is None or matcher.trains_faces or choice.engine.start or choice.engine.run:
        return []
    if not trainable(networks.discriminator):
        return []
    return [
        f"[match] type = '{choice.name}': does not teach the face network, so it reads an earlier run's; name one "
        f"with start = RUN, whose matcher is another, or give a [discriminator] that is taught already and fixed"
    ]


def _idle_augmentation(recipe: Recipe, networks: Networks) -> Problems:
    """Faces of the match stage can only pass an augmentation that is there and changes them."""
    choice, changes, augmentation = recipe.one("matcher"), recipe.one("augmentation"), networks.augmentation
    if choice is None or choice.engine.run is not None or not choice.engine.augment:
        return []
    if changes is None or augmentation is None:
        return ["[match] augment = true: there is no [augment] that faces could pass; add one, or leave the key out"]
    if type(augmentation).update is Augmentation.update:
        return []
    return [
        f"[match] augment = true: [augment] type = '{changes.name}' follows what the train stage measures, and the "
        f"match stage has no such measures; choose another type, or leave the key out"
    ]


def _train_problems(recipe: Recipe, networks: Networks, data: DataSpec) -> Iterator[Problems]:
    pipeline = networks.face_pipeline
    if pipeline is None or not networks.objectives:
        return
    batch = Batch.blank(data, ROWS, max(networks.num_mismatched, 1), device="meta")
    yield _attempt("[condition]", lambda: pipeline.condition(batch).critic, (ROWS, pipeline.condition_dim))
    condition = pipeline.condition(batch)
    yield _attempt("[condition]", lambda: condition.terms)
    yield _apart_problems(recipe, networks, condition)
    yield _attempt("[generator]", lambda: pipeline.draw(condition.generator), tuple(batch.faces.shape))
    yield from _head_problems(networks, batch, condition, pipeline)
    yield from _loss_problems(networks, batch, condition, pipeline)


def _apart_problems(recipe: Recipe, networks: Networks, condition: Condition) -> Problems:
    """Encoders that the discriminator has to itself: nothing else changes what it sees, and no score leaves them."""
    if networks.discriminator_encoders is None:
        return []
    apart, problems = "[conditioner] trained = 'separate': the discriminator then sees an encoding of its own", []
    if condition.critic is not condition.encoding:
        problems.append(
            f"{apart}, which passes no [condition]; the one here would change it. Leave it out, let it change the "
            f"generator's condition alone (gaussian_noise can: noisy_critic = false), or write trained = 'generator'"
        )
    if recipe.train is not None and recipe.train.critic_trains_conditioner:
        problems.append(
            f"{apart}, so that no score can reach the generator's; leave out [train] critic_trains_conditioner, or "
            f"write trained = 'generator'"
        )
    return problems


def _head_problems(
    networks: Networks, batch: Batch, condition: Condition, pipeline: FacePipeline
) -> Iterator[Problems]:
    critic = Critic(
        "discriminator", batch, condition, networks.discriminator_or_null, pipeline.draw(condition.generator)
    )
    heads: dict[str, Callable[[], Tensor]] = {
        "score": lambda: critic.real,
        "score_unconditional": lambda: critic.real_unconditional,
        "embed": lambda: critic.real_embedding,
        "classify": lambda: critic.real_classes,
        "reconstruct": lambda: critic.real_reconstruction,
    }
    for head, width in networks.heads.items():
        flat = (ROWS,) if head.startswith("score") else (ROWS, width)
        shape = tuple(batch.faces.shape) if head == "reconstruct" else flat
        yield _attempt(f"[discriminator], its head '{head}',", heads[head], shape)


def _loss_problems(
    networks: Networks, batch: Batch, condition: Condition, pipeline: FacePipeline
) -> Iterator[Problems]:
    leaves = frozenset[str]().union(*(penalty.grad_inputs for penalty, _ in networks.penalties))
    fake = pipeline.draw(condition.generator)
    critic = Critic(
        "discriminator", batch, condition, networks.discriminator_or_null, fake, augmentation=networks.augmentation,
        grad_inputs=leaves, draw=pipeline.draw, num_identities=len(batch),
    )  # fmt: skip
    for name, objective in networks.objectives.items():
        yield _attempt(f"[objective] {name}", lambda part=objective: part.discriminator_terms(critic))  # type: ignore[misc]
    for penalty, _ in networks.penalties:
        yield _attempt(f"[penalty] {type(penalty).__name__}", lambda part=penalty: part.terms(critic))  # type: ignore[misc]
    if networks.augmentation is not None:
        measures = networks.augmentation.diagnostics
        yield _attempt("[augment]", lambda: measures(critic))
    critic = Critic(
        "generator", batch, condition, networks.discriminator_or_null, fake, augmentation=networks.augmentation,
        draw=pipeline.draw, num_identities=len(batch),
    )  # fmt: skip
    for name, objective in networks.objectives.items():
        yield _attempt(f"[objective] {name}", lambda part=objective: part.generator_terms(critic))  # type: ignore[misc]
