"""Dry run: one step of each stage on the meta device with a blank batch, to find errors before training.

The steps are the objects that training executes, with a learning rate of 0 and without optimiser state.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import SGD

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.critic import Critic
from facegen.core.errors import RecipeError
from facegen.core.part_faults import PartFaultError
from facegen.core.recipe.file import judge_tables
from facegen.core.recipe.part_config import Recipe
from facegen.core.recipe.part_paths import missing_paths
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.tables import MatchSettings, TrainSettings
from facegen.data.loading.row_order import balance_problem
from facegen.training.build import Networks, build_networks
from facegen.training.check.part_rules import rule_problems, separate_encoder_problems
from facegen.training.distributed import Distributed
from facegen.training.face_pipeline import FacePipeline
from facegen.training.freezing import set_training_mode
from facegen.training.gan import GanStep, gan_weights
from facegen.training.match import MatchStep, match_weights
from facegen.training.part_terms import failed_part
from facegen.training.runs.earlier_runs import find_draft
from facegen.training.runs.run_logger import run_info

ROWS = 4
ALONE = Distributed(0, 1, torch.device("cpu"))
Problems = list[str]


def dry_run(recipe: Recipe, data: DataSpec, path: Path | None = None) -> Networks:
    """Build the networks of a recipe and run one step of each stage, without memory or time.

    Args:
        recipe: checked.
        data: the corpus.
        path: the run folder, if there is one already.
    Returns:
        the networks, on the meta device.
    Raises:
        RecipeError: every problem that only building or a step shows.
        CheckpointError: an earlier run that it refines is missing or damaged.
    """
    draft = find_draft(recipe, data, path)
    missing = missing_paths(recipe)
    if missing:
        raise RecipeError(*missing)
    with torch.device("meta"):
        networks = build_networks(recipe, data, draft)
        # Only the first problem of each stage: later checks would report the same cause again.
        stages = (_match_problems(recipe, networks, data), _train_problems(recipe, networks, data))
        problems = [problem for stage in stages for problem in next(filter(None, stage), [])]
        problems += rule_problems(recipe, networks)
    balance = balance_problem(recipe.config("dataset").engine.balance, data.attributes)
    problems += [] if balance is None else [f"[data] {balance}"]
    problems += _logger_problems(recipe, path)
    if problems:
        raise RecipeError(*(f"{recipe.source}: {problem}" for problem in problems))
    if "judge" in recipe.tables:
        dry_run(_judge(recipe), data)
    return networks


def _logger_problems(recipe: Recipe, path: Path | None) -> Problems:
    """Build every logger, which opens nothing; return the settings that one refuses."""
    info = run_info(recipe, Path(recipe.run.name) if path is None else path, {})
    problems: Problems = []
    for config in recipe.configs["logger"]:
        try:
            config.build(info)
        except RecipeError as error:
            problems += [problem.removeprefix(f"{recipe.source}: ") for problem in error.problems]
        except Exception:  # the run drops the logger, and reports it then
            continue
    return problems


def dry_match_step(settings: MatchSettings, networks: Networks) -> MatchStep:
    """Build the match step of training for networks on the meta device."""
    networks.encoders.unfreeze()
    if settings.freeze_conditioner:
        networks.encoders.freeze(everything=True)
    set_training_mode(networks.encoders, networks.discriminator, networks.matcher)
    optimiser = SGD(match_weights(settings, networks), lr=0.0)
    return MatchStep(settings, networks, optimiser, distributed=ALONE, precision="fp32")


def dry_gan_step(settings: TrainSettings, networks: Networks, data: DataSpec) -> GanStep:
    """Build the adversarial step of training for networks on the meta device."""
    networks.encoders.freeze()
    set_training_mode(networks.face_pipeline, networks.discriminator, networks.discriminator_encoders)
    optimisers = {side: SGD(weights, lr=0.0) for side, weights in gan_weights(networks).items()}
    return GanStep(
        networks, optimisers, critic_trains_conditioner=settings.critic_trains_conditioner,
        num_identities=data.num_identities, distributed=ALONE, precision="fp32",
    )  # fmt: skip


def blank_batch(data: DataSpec, num_rows: int, num_mismatched: int) -> Batch:
    """Make a batch without values on the meta device."""
    return Batch.blank(data, num_rows, max(num_mismatched, 1), device="meta")


def needs_values(error: BaseException | None) -> bool:
    """Tell whether an operation, also of a plugin, failed because a tensor on the meta device has no values."""
    if isinstance(error, PartFaultError):
        error = error.__cause__
    return isinstance(error, RuntimeError) and "meta" in str(error).lower()


def _judge(recipe: Recipe) -> Recipe:
    """Assemble the recipe of the judge that evaluation trains, to find its errors before the run is trained."""
    tables = judge_tables(recipe.tables, recipe.tables["judge"], recipe.evaluate.judge_start)
    tables |= {"data": recipe.tables["data"], "run": {"name": "judge", "seed": recipe.evaluate.judge_seed}}
    return check_recipe(tables, f"{recipe.source}, its judge")


def _attempt(part: str, work: Callable[[], object]) -> Problems:
    """Run a check; explain why a part, or a part that it calls, fails."""
    try:
        work()
    except PartFaultError as fault:
        return [] if needs_values(fault) else [*fault.problems]
    except AttributeError as error:  # the discriminator was built without the head
        part = failed_part(error, part)
        return [f"{part} reads a head of the discriminator that no objective and no matcher declares: {error}"]
    except RecipeError as error:
        part = failed_part(error, part)
        return [problem if problem.startswith("[") else f"{part} {problem}" for problem in error.problems]
    except (RuntimeError, ValueError, TypeError, LookupError) as error:
        if needs_values(error):
            return []
        return [f"{failed_part(error, part)} does not accept its inputs: {error}"]
    return []


def _expect_shape(part: str, compute: Callable[[], Tensor], shape: tuple[int, ...]) -> Problems:
    def check() -> None:
        result = compute()
        if tuple(result.shape) != shape:
            raise RecipeError(f"returns shape {tuple(result.shape)}; must be {shape}")

    return _attempt(part, check)


def _match_problems(recipe: Recipe, networks: Networks, data: DataSpec) -> Iterator[Problems]:
    config, matcher, encoders = recipe.optional_config("matcher"), networks.matcher, networks.encoders
    batch = blank_batch(data, ROWS, 0 if matcher is None else matcher.num_mismatched)
    yield _expect_shape("[conditioner]", lambda: encoders(batch), (ROWS, encoders.condition_dim))
    if config is None or matcher is None:
        return
    if matcher.needs_faces:
        recognised = networks.recognised_faces
        faces = recognised or networks.discriminator_or_null
        shape = (ROWS, networks.heads["embed"] if recognised is None else recognised.dim)
        embed = lambda: faces.embed(faces.features(batch.faces))  # noqa: E731
        yield _expect_shape("[discriminator]" if recognised is None else "[match.faces]", embed, shape)
    yield _attempt("[match]", lambda: dry_match_step(config.engine, networks)(batch, None))


def _train_problems(recipe: Recipe, networks: Networks, data: DataSpec) -> Iterator[Problems]:
    pipeline = networks.face_pipeline
    if pipeline is None or recipe.train is None or not networks.objectives:
        return
    batch, settings = blank_batch(data, ROWS, networks.num_mismatched), recipe.train
    dim = pipeline.condition_dim
    yield _expect_shape("[condition]", lambda: pipeline.condition(batch).critic, (ROWS, dim))
    condition = pipeline.condition(batch)
    for name, term in condition.terms.items():
        yield _expect_shape(f"[condition] {name}", lambda value=term: value, ())  # type: ignore[misc]
    yield separate_encoder_problems(recipe, networks, condition)
    faces = tuple(batch.faces.shape)
    yield _expect_shape("[generator]", lambda: pipeline.draw(condition.generator), faces)
    yield from _head_problems(networks, batch, condition, pipeline)
    yield _attempt("[train]", lambda: dry_gan_step(settings, networks, data)(batch, None, 0))


def _head_problems(
    networks: Networks, batch: Batch, condition: Condition, pipeline: FacePipeline
) -> Iterator[Problems]:
    fakes = pipeline.draw(condition.generator)
    critic = Critic("discriminator", batch, condition, networks.discriminator_or_null, fakes)
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
        yield _expect_shape(f"[discriminator], its head '{head}',", heads[head], shape)
