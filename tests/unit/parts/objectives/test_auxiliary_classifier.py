"""Cross-entropies of the auxiliary classifier against log-softmax in numpy."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.objectives.auxiliary_classifier import AuxiliaryClassifier

PEOPLE = 3
SPEC = DataSpec(16, identities=("anna", "ben", "cleo"), attributes={"sex": 2})
LABELS = np.array([2, 0, -1, 1, 0])
SEX = np.array([1, -1, 0, 0, 1])
RNG = np.random.default_rng(0)


def batch(labels=LABELS):
    rows = torch.arange(len(labels))
    return Batch(
        torch.zeros(len(labels)), rows, torch.tensor(labels), rows[:, None], attributes={"sex": torch.tensor(SEX)}
    )


def with_batch(terms_of):
    return lambda critic: terms_of(SimpleNamespace(batch=batch(), **vars(critic)))


def cross_entropy(logits, labels):
    """Return the mean cross-entropy over rows of known class."""
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    known = np.flatnonzero(labels >= 0)
    return -np.log(chances[known, labels[known]]).mean()


@pytest.fixture
def logits():
    return {side: RNG.normal(size=(5, PEOPLE + 1)) for side in ("real_classes", "fake_classes")}


def test_thesis_form_has_a_class_for_fakes(agree, logits):
    objective = AuxiliaryClassifier(SPEC, real_weight=0.5, fake_weight=2.0, generator_weight=0.25)
    assert objective.heads == {"classify": PEOPLE + 1}
    agree(
        with_batch(objective.discriminator_terms),
        lambda real_classes, fake_classes: {
            "real": 0.5 * cross_entropy(real_classes, LABELS),
            "fake": 2 * cross_entropy(fake_classes, np.full(5, PEOPLE)),
        },
        **logits,
    )
    agree(
        with_batch(objective.generator_terms),
        lambda fake_classes: {"fake": 0.25 * cross_entropy(fake_classes, LABELS)},
        fake_classes=logits["fake_classes"],
    )


def test_odena_form_classifies_real_and_fake_faces(agree, logits):
    objective = AuxiliaryClassifier(SPEC, fake_class=False)
    assert objective.heads == {"classify": PEOPLE}
    agree(
        with_batch(objective.discriminator_terms),
        lambda real_classes, fake_classes: {
            "real": cross_entropy(real_classes, LABELS),
            "fake": cross_entropy(fake_classes, LABELS),
        },
        **{side: values[:, :PEOPLE] for side, values in logits.items()},
    )


def test_voice2face_form_classifies_real_faces_only(agree, logits):
    objective = AuxiliaryClassifier(SPEC, fake_class=False, fake_weight=0.0)
    agree(
        with_batch(objective.discriminator_terms),
        lambda real_classes: {"real": cross_entropy(real_classes, LABELS)},
        real_classes=logits["real_classes"],
    )


def test_attribute_replaces_the_person(agree, logits):
    objective = AuxiliaryClassifier(SPEC, fake_class=False, attribute="sex")
    assert objective.heads == {"classify": 2}
    agree(
        with_batch(objective.generator_terms),
        lambda fake_classes: {"fake": cross_entropy(fake_classes, SEX)},
        fake_classes=logits["fake_classes"][:, :2],
    )


def test_batch_of_unknown_people_has_loss_zero():
    objective = AuxiliaryClassifier(SPEC, fake_class=False)
    logits = torch.randn(5, PEOPLE, requires_grad=True)
    critic = SimpleNamespace(batch=batch(np.full(5, -1)), real_classes=logits, fake_classes=logits)
    terms = objective.discriminator_terms(critic)
    sum(terms.values()).backward()
    assert [term.item() for term in terms.values()] == [0, 0]
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_accuracies_over_rows_of_known_class(logits):
    critic = SimpleNamespace(batch=batch(), **{side: torch.tensor(values) for side, values in logits.items()})
    known = LABELS >= 0
    expected = {
        f"{side}_class_accuracy": (logits[f"{side}_classes"].argmax(axis=1) == LABELS)[known].mean()
        for side in ("real", "fake")
    }
    diagnostics = AuxiliaryClassifier(SPEC).diagnostics(critic)
    assert {name: value.item() for name, value in diagnostics.items()} == pytest.approx(expected)


def test_the_generators_weight_follows_its_ramp(logits):
    objective = AuxiliaryClassifier(SPEC, generator_weight=Ramp(start=1.0, end=0.0, steps=10))
    critic = SimpleNamespace(batch=batch(), fake_classes=torch.tensor(logits["fake_classes"]))
    full = objective.generator_terms(critic)["fake"].item()
    advance_schedules(objective, 5, 100)
    assert objective.generator_terms(critic)["fake"].item() == pytest.approx(full / 2)


@pytest.mark.parametrize(("step", "real", "fake"), [(0, 1.0, 0.0), (4, 1.8, 0.2), (10, 3.0, 0.5)])
def test_the_discriminators_weights_follow_their_ramps(agree, logits, step, real, fake):
    objective = AuxiliaryClassifier(
        SPEC, real_weight=Ramp(start=1.0, end=3.0, steps=10), fake_weight=Ramp(start=0.0, end=0.5, steps=10)
    )
    advance_schedules(objective, step, 100)
    agree(
        with_batch(objective.discriminator_terms),
        lambda real_classes, fake_classes: {
            "real": real * cross_entropy(real_classes, LABELS),
            "fake": fake * cross_entropy(fake_classes, np.full(5, PEOPLE)),
        },
        **logits,
    )


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (DataSpec(16), {}, "the training split names nobody"),
        (SPEC, {"attribute": "age"}, "attribute = 'age': the corpus has no such labels; it has sex"),
        (DataSpec(16), {"attribute": "sex"}, "it has none"),
        (SPEC, {"real_weight": Ramp(start=-1.0, end=1.0, steps=9)}, r"real_weight\.start = -1\.0: must be at least 0"),
        (SPEC, {"fake_weight": 0.0}, "the class of generated faces would never be learnt; set fake_class = false"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(data, settings, message):
    with pytest.raises(RecipeError, match=f"auxiliary_classifier: .*{message}"):
        AuxiliaryClassifier(data, **settings)
