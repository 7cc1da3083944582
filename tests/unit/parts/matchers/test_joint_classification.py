"""One classifier for both sides, against scipy."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from facegen.core.batch import Batch, DataSpec
from facegen.core.errors import RecipeError
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.matchers.joint_classification import JointClassification

ROWS, DIM = 5, 3
DATA = DataSpec(16, identities=("a", "b", "c"), attributes={"sex": 2})
IDENTITY, SEX = (0, 1, 2, -1, 1), (0, -1, 1, 1, -1)


def batch():
    rows = torch.arange(ROWS)
    faces = torch.zeros(ROWS, 3, 16, 16)
    return Batch(faces, rows, torch.tensor(IDENTITY), rows[:, None], attributes={"sex": torch.tensor(SEX)})


def values(seed):
    return torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(seed))


def test_voices_and_faces_share_their_classifiers(agree):
    part = JointClassification(DATA, DIM, DIM, identity_weight=2.0, attribute_weight=0.5).double()
    layers = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in part.classifiers.classifiers]

    def formula(**vectors):
        losses = {}
        for side, named in {"encoding": "encoding", "face": "embedding"}.items():
            for name, (weight, bias), labels, scale in zip(
                ("identity", "sex"), layers, (IDENTITY, SEX), (2.0, 0.5), strict=True
            ):
                logits = vectors[named] @ weight.T + bias
                known = [-log_softmax(row)[label] for row, label in zip(logits, labels, strict=True) if label >= 0]
                losses[f"{name}_{side}"] = scale * np.mean(known)
        return losses

    encoding, embedding = np.random.default_rng(0).normal(size=(2, ROWS, DIM))
    agree(
        lambda given: part.terms(given.encoding, given.embedding, batch()),
        formula,
        encoding=encoding,
        embedding=embedding,
    )


def test_classified_attributes_are_selectable():
    part = JointClassification(DATA, DIM, DIM, attributes=(), attribute_weight=1.0)
    assert set(part.terms(values(0), values(1), batch())) == {"identity_encoding", "identity_face"}
    with pytest.raises(RecipeError, match=r"attributes = 'age': the corpus has no such labels; it has sex"):
        JointClassification(DATA, DIM, DIM, attributes=("age",))


def test_logits_are_cosines_or_inner_products():
    query, candidates = values(0), torch.randn(ROWS, 4, DIM)
    cosine = torch.nn.functional.cosine_similarity(query[:, None], candidates, dim=2)
    product = torch.einsum("bd,bkd->bk", query, candidates)
    for settings, wanted in (({}, cosine), ({"normalise": False}, product)):
        part = JointClassification(DATA, DIM, DIM, **settings)
        torch.testing.assert_close(part.logits(query, candidates, direction="v2f"), wanted)


def test_unequal_widths_and_missing_faces_are_refused_by_joint_classification():
    with pytest.raises(RecipeError, match="joint_classification: encodings of 3 cannot"):
        JointClassification(DATA, 3, 4)
    with pytest.raises(RecipeError, match="joint_classification: matching needs embeddings of the faces"):
        JointClassification(DATA, DIM, DIM).terms(values(0), None, batch())


@pytest.mark.parametrize(("step", "identity", "attribute"), [(0, 2.0, 0.0), (4, 1.2, 0.2), (10, 0.0, 0.5)])
def test_weights_follow_their_ramps(step, identity, attribute):
    part = JointClassification(
        DATA,
        DIM,
        DIM,
        attributes=("sex",),
        identity_weight=Ramp(start=2.0, end=0.0, steps=10),
        attribute_weight=Ramp(start=0.0, end=0.5, steps=10),
    )
    plain = JointClassification(DATA, DIM, DIM, attributes=("sex",))
    plain.load_state_dict(part.state_dict())
    advance_schedules(part, step, 100)
    weights = {"identity": identity, "sex": attribute}
    expected = {
        name: pytest.approx(weights[name.split("_")[0]] * term.item(), rel=1e-5)
        for name, term in plain.terms(values(0), values(1), batch()).items()
    }
    assert {name: term.item() for name, term in part.terms(values(0), values(1), batch()).items()} == expected
