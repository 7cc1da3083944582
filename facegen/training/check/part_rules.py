"""Rules between the parts of a recipe that only the built networks can be checked for."""

from facegen.core.batch import Condition
from facegen.core.interfaces import Augmentation
from facegen.core.recipe.part_config import Recipe
from facegen.training.build import Networks, trainable


def rule_problems(recipe: Recipe, networks: Networks) -> list[str]:
    """Explain every rule that the parts of a recipe break together; nothing where there is none."""
    return _untrained_face_network(recipe, networks) + _ineffective_augmentation(recipe, networks)


def _untrained_face_network(recipe: Recipe, networks: Networks) -> list[str]:
    """A matcher that does not train the face network needs an earlier run's, or one whose weights are fixed."""
    config, matcher = recipe.optional_config("matcher"), networks.matcher
    if config is None or matcher is None or matcher.trains_faces or config.engine.start or config.engine.run:
        return []
    if not trainable(networks.discriminator):
        return []
    return [
        f"[match] type = '{config.name}': does not teach the face network, so it reads an earlier run's; name one "
        f"with start = RUN, whose matcher is another, or give a [discriminator] that is taught already and fixed"
    ]


def _ineffective_augmentation(recipe: Recipe, networks: Networks) -> list[str]:
    """[match] augment needs an augmentation that changes faces in the match stage."""
    config, changes, augmentation = (
        recipe.optional_config("matcher"),
        recipe.optional_config("augmentation"),
        networks.augmentation,
    )
    if config is None or config.engine.run is not None or not config.engine.augment:
        return []
    if changes is None or augmentation is None:
        return ["[match] augment = true: there is no [augment] that faces could pass; add one, or leave the key out"]
    if type(augmentation).update is Augmentation.update:
        return []
    return [
        f"[match] augment = true: [augment] type = '{changes.name}' follows what the train stage measures, and the "
        f"match stage has no such measures; choose another type, or leave the key out"
    ]


def separate_encoder_problems(recipe: Recipe, networks: Networks, condition: Condition) -> list[str]:
    """Explain what separate encoders of the discriminator do not go with: transforms that change what it sees, and
    scores that train the generator's encoders."""
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
