"""Objective: auxiliary classification of the person or of an attribute."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from facegen.core.batch import Batch, DataSpec, Terms
from facegen.core.critic import Critic
from facegen.core.errors import RecipeError
from facegen.core.interfaces import Objective
from facegen.core.recipe.schedule import Ramp, Schedule, require_weights

Weight = Annotated[float, Field(ge=0)] | Ramp


class AuxiliaryClassifier(Objective):
    """Cross-entropy of a classifier on the discriminator's features; rows of unknown class are left out.

    with fake_class:  L_D = r CE(f_r, y) + f CE(f_f, n + 1),   L_G = g CE(f_f, y),   over n + 1 classes
    without:          L_D = r CE(f_r, y) + f CE(f_f, y),       L_G = g CE(f_f, y),   over n classes

    With fake_class it is a complete objective. Without it, another objective of the recipe must tell real from fake.

    Engine:
        data: supplies the people of the training split, or the attribute's classes.
    Settings:
        fake_class: add a class for generated faces.
        attribute: the label to classify, such as "sex"; the person where it is left out.
        real_weight: r, weight of real faces in L_D, a number or a ramp.
        fake_weight: f, weight of generated faces in L_D, a number or a ramp; with the number 0, D classifies real faces
            only, as in voice2face.
        generator_weight: g, weight of L_G, a number or a ramp.
    Shape:
        logits (B, classes) -> scalar terms
    Raises:
        RecipeError: the corpus has no such labels, the class of generated faces would never be learned, or a ramp
            falls below 0.
    Source:
        Roldan Sanchez 2018, figure 7, is the first form; Odena, Olah and Shlens 2017 is the second, with all weights 1.
        Both minimise every cross-entropy, of which published code of the thesis negates G's.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        fake_class: bool = True,
        attribute: str | None = None,
        real_weight: Weight = 1.0,
        fake_weight: Weight = 1.0,
        generator_weight: Weight = 1.0,
    ) -> None:
        super().__init__()
        num_classes = data.num_identities if attribute is None else data.attributes.get(attribute, 0)
        if num_classes == 0:
            raise RecipeError(_no_labels(data, attribute))
        require_weights(
            "auxiliary_classifier",
            {"real_weight": real_weight, "fake_weight": fake_weight, "generator_weight": generator_weight},
        )
        self.real_weight, self.fake_weight = Schedule(real_weight), Schedule(fake_weight)
        self.generator_weight = Schedule(generator_weight)
        if fake_class and self.fake_weight.is_zero:
            raise RecipeError(
                "auxiliary_classifier: fake_weight = 0 with fake_class = true: the class of generated faces would "
                "never be learnt; set fake_class = false, or a weight above 0"
            )
        self.heads = {"classify": num_classes + fake_class}
        self.fake_class, self.attribute, self.num_classes = fake_class, attribute, num_classes

    def discriminator_terms(self, critic: Critic) -> Terms:
        labels = self._labels(critic.batch)
        terms = {"real": self.real_weight.value * _cross_entropy(critic.real_classes, labels)}
        if not self.fake_weight.is_zero:
            target = torch.full_like(labels, self.num_classes) if self.fake_class else labels
            terms["fake"] = self.fake_weight.value * _cross_entropy(critic.fake_classes, target)
        return terms

    def generator_terms(self, critic: Critic) -> Terms:
        return {"fake": self.generator_weight.value * _cross_entropy(critic.fake_classes, self._labels(critic.batch))}

    def diagnostics(self, critic: Critic) -> Terms:
        labels = self._labels(critic.batch)
        named = {"real": critic.real_classes, "fake": critic.fake_classes}
        return {
            f"{side}_class_accuracy": _mean_of_known((logits.detach().argmax(dim=1) == labels).float(), labels)
            for side, logits in named.items()
        }

    def _labels(self, batch: Batch) -> Tensor:
        return batch.identity if self.attribute is None else batch.attributes[self.attribute]


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return _mean_of_known(functional.cross_entropy(logits, labels, ignore_index=-1, reduction="none"), labels)


def _mean_of_known(values: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over rows of known class; the values are 0 elsewhere. 0, not NaN, if there is no such row."""
    return values.sum() / (labels >= 0).sum().clamp(min=1)


def _no_labels(data: DataSpec, attribute: str | None) -> str:
    if attribute is None:
        return "auxiliary_classifier: the training split names nobody; a classifier needs at least one person"
    has = ", ".join(sorted(data.attributes)) or "none"
    return f"auxiliary_classifier: attribute = '{attribute}': the corpus has no such labels; it has {has}"
