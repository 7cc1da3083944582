"""Rules between the parts of a recipe that need the built networks to be checked."""

from facegen.core.batch import Condition
from facegen.core.interfaces import Augmentation
from facegen.core.recipe.part_config import Recipe
from facegen.training.build import Networks, trainable


def rule_problems(recipe: Recipe, networks: Networks) -> list[str]:
    """List the rules that the parts of a recipe break."""
    return _untrained_face_network(recipe, networks) + _ineffective_augmentation(recipe, networks)


def _untrained_face_network(recipe: Recipe, networks: Networks) -> list[str]:
    """Refuse a matcher that does not train the face network, unless that network is trained already."""
    config, matcher = recipe.optional_config("matcher"), networks.matcher
    if config is None or matcher is None or matcher.trains_faces or config.engine.start or config.engine.run:
        return []
    if not trainable(networks.discriminator):
        return []
    return [
        f"[match] type = '{config.name}': does not train the face network; set start to an earlier run with another "
        f"matcher, or choose a [discriminator] whose weights are trained and fixed"
    ]


def _ineffective_augmentation(recipe: Recipe, networks: Networks) -> list[str]:
    """Refuse [match] augment without an augmentation, or with one that only the train stage adjusts."""
    config, augmentation = recipe.optional_config("matcher"), networks.augmentation
    augment_config = recipe.optional_config("augmentation")
    if config is None or config.engine.run is not None or not config.engine.augment:
        return []
    if augment_config is None or augmentation is None:
        return ["[match] augment = true: needs an [augment] table; add one, or remove the key"]
    if type(augmentation).update is Augmentation.update:
        return []
    return [
        f"[match] augment = true: [augment] type = '{augment_config.name}' is adjusted by diagnostics of the train "
        f"stage, which the match stage does not have; choose another type, or remove the key"
    ]


def separate_encoder_problems(recipe: Recipe, networks: Networks, condition: Condition) -> list[str]:
    """List what conflicts with separate encoders of the discriminator.

    Such are transforms that change its condition, and scores that train the generator's encoders.
    """
    if networks.discriminator_encoders is None:
        return []
    problems = []
    separate = "[conditioner] trained = 'separate': the discriminator has its own encoder"
    if condition.critic is not condition.encoding:
        problems.append(
            f"{separate}, whose encoding passes no [condition], and the recipe's [condition] changes it; remove the "
            f"[condition], let it change only the generator's condition (gaussian_noise: noisy_critic = false), or set "
            f"trained = 'generator'"
        )
    if recipe.train is not None and recipe.train.critic_trains_conditioner:
        problems.append(
            f"{separate}, so no score trains the generator's; remove [train] critic_trains_conditioner, or set "
            f"trained = 'generator'"
        )
    return problems
