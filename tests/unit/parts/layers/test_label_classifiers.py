"""Cross-entropies of labels against scipy, the unknown left out."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.layers.label_classifiers import LabelClassifiers

ROWS, DIM = 5, 3
DATA = DataSpec(16, identities=("a", "b", "c"), attributes={"sex": 2, "age": 4})


def classifiers(data=DATA, **settings):
    return LabelClassifiers(
        "x", data, DIM, **{"attributes": None, "identity_weight": 1.0, "attribute_weight": 1.0, **settings}
    )


def batch_of(identity, sex, age=(0,) * ROWS):
    rows = torch.arange(ROWS)
    attributes = {"sex": torch.tensor(sex), "age": torch.tensor(age)}
    return Batch(torch.zeros(ROWS, 3, 16, 16), rows, torch.tensor(identity), rows[:, None], attributes=attributes)


def expected(classifier, values, labels):
    logits = values.double() @ classifier.weight.detach().double().T + classifier.bias.detach().double()
    losses = [-log_softmax(row)[label] for row, label in zip(logits.numpy(), labels, strict=True) if label >= 0]
    return np.mean(losses)


@pytest.fixture
def values():
    return torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(0))


def test_identity_and_every_attribute_have_a_weighted_term(values):
    part = classifiers(identity_weight=2.0, attribute_weight=0.5)
    labels = {"identity": (0, 1, 2, -1, 1), "sex": (0, -1, 1, 1, -1), "age": (3, 2, 1, 0, 3)}
    terms = part(values, batch_of(*labels.values()))
    assert list(terms) == ["identity", "sex", "age"]
    for (name, weight), classifier in zip(
        {"identity": 2.0, "sex": 0.5, "age": 0.5}.items(), part.classifiers, strict=True
    ):
        assert terms[name].item() == pytest.approx(weight * expected(classifier, values, labels[name]), rel=1e-5)


def test_batch_without_labels_has_a_finite_loss_of_zero(values):
    values.requires_grad_()
    term = classifiers(attributes=("sex",))(values, batch_of((-1,) * ROWS, (-1,) * ROWS))
    assert [value.item() for value in term.values()] == [0.0, 0.0]
    sum(term.values()).backward()
    assert torch.equal(values.grad, torch.zeros(ROWS, DIM))


def test_rows_of_unknown_label_get_no_gradient(values):
    values.requires_grad_()
    classifiers(attributes=())(values, batch_of((0, -1, 2, 1, -1), (0,) * ROWS))["identity"].backward()
    assert (values.grad != 0).any(dim=1).tolist() == [True, False, True, True, False]


def test_classifier_of_weight_zero_is_not_built():
    assert classifiers(identity_weight=0.0).labels == ("sex", "age")
    assert classifiers(attribute_weight=0.0).labels == ("identity",)
    assert [layer.out_features for layer in classifiers(attributes=("age",)).classifiers] == [3, 4]


@pytest.mark.parametrize(("step", "identity", "attribute"), [(0, 2.0, 0.0), (4, 1.2, 0.2), (10, 0.0, 0.5)])
def test_weights_follow_ramps_that_touch_zero(values, step, identity, attribute):
    part = classifiers(
        attributes=("sex",),
        identity_weight=Ramp(start=2.0, end=0.0, steps=10),
        attribute_weight=Ramp(start=0.0, end=0.5, steps=10),
    )
    advance_schedules(part, step, 100)
    people, sexes = (0, 1, 2, -1, 1), (0, -1, 1, 1, -1)
    terms = part(values, batch_of(people, sexes))
    who, sex = part.classifiers
    assert {name: term.item() for name, term in terms.items()} == {
        "identity": pytest.approx(identity * expected(who, values, people), rel=1e-5),
        "sex": pytest.approx(attribute * expected(sex, values, sexes), rel=1e-5),
    }


def test_negative_ramp_is_refused():
    with pytest.raises(RecipeError, match=r"x: attribute_weight\.end = -1\.0: must be at least 0$"):
        classifiers(attribute_weight=Ramp(start=1.0, end=-1.0, steps=10))


def test_all_problems_of_labels_are_reported_at_once():
    with pytest.raises(RecipeError) as error:
        classifiers(DataSpec(16, identities=("a",)), attributes=("sex", "age"))
    assert error.value.problems == (
        "x: attributes = 'sex': the corpus has no such labels; it has none",
        "x: attributes = 'age': the corpus has no such labels; it has none",
        "x: the training split names 1 people; there is nothing to tell apart below two: "
        "set identity_weight = 0, or take another corpus",
    )


@pytest.mark.parametrize("settings", [{"attributes": ()}, {"attribute_weight": 0.0}])
def test_no_classifier_at_all_is_refused(settings):
    with pytest.raises(RecipeError, match=r"nothing is left to classify.*\(age, sex\)"):
        classifiers(identity_weight=0.0, **settings)
