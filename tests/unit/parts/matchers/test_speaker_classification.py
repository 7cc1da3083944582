"""Naming the speaker from the encoding, against scipy."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from facegen.core.batch import Batch, DataSpec
from facegen.core.recipe.schedule import Ramp, advance_schedules
from facegen.parts.matchers.speaker_classification import SpeakerClassification

ROWS, DIM = 4, 3
DATA = DataSpec(16, identities=("a", "b", "c"), attributes={"sex": 2})
IDENTITY = (0, 2, -1, 1)


def batch():
    rows = torch.arange(ROWS)
    faces, sex = torch.zeros(ROWS, 3, 16, 16), torch.tensor([0, 1, 1, 0])
    return Batch(faces, rows, torch.tensor(IDENTITY), rows[:, None], attributes={"sex": sex})


@pytest.fixture
def encoding():
    return torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("widths", [(), (5,)])
def test_cross_entropy_over_the_training_people(agree, widths):
    torch.manual_seed(0)
    part = SpeakerClassification(DATA, DIM, DIM, widths=widths, identity_weight=2.0).double()
    layers = [*part.hidden[::2], *part.classifiers.classifiers]
    assert [layer.out_features for layer in layers] == [*widths, 3]

    def formula(encoding):
        values = encoding
        for number, layer in enumerate(layers):
            values = np.maximum(values, 0) if number else values
            values = values @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        known = [-log_softmax(row)[label] for row, label in zip(values, IDENTITY, strict=True) if label >= 0]
        return {"identity": 2 * np.mean(known)}

    encoding = np.random.default_rng(0).normal(size=(ROWS, DIM))
    agree(lambda given: part.terms(given.encoding, None, batch()), formula, encoding=encoding)


def test_attributes_are_optional_and_faces_unused(encoding):
    assert not SpeakerClassification.needs_faces
    part = SpeakerClassification(DATA, DIM, 7, attributes=("sex",))
    assert set(part.terms(encoding, None, batch())) == {"identity", "sex"}


def test_logits_of_voices_are_cosines(encoding):
    candidates = torch.stack([torch.roll(encoding, 1, 0), 3 * encoding], dim=1)
    logits = SpeakerClassification(DATA, DIM, DIM).logits(encoding, candidates, direction="v2f")
    torch.testing.assert_close(logits[:, 1], torch.ones(ROWS))
    assert (logits.argmax(dim=1) == 1).all()


@pytest.mark.parametrize(("step", "identity", "attribute"), [(0, 2.0, 0.0), (4, 1.2, 0.2), (10, 0.0, 0.5)])
def test_weights_follow_their_ramps(encoding, step, identity, attribute):
    part = SpeakerClassification(
        DATA,
        DIM,
        DIM,
        attributes=("sex",),
        identity_weight=Ramp(start=2.0, end=0.0, steps=10),
        attribute_weight=Ramp(start=0.0, end=0.5, steps=10),
    )
    plain = SpeakerClassification(DATA, DIM, DIM, attributes=("sex",))
    plain.load_state_dict(part.state_dict())
    advance_schedules(part, step, 100)
    weights = {"identity": identity, "sex": attribute}
    expected = {
        name: pytest.approx(weights[name.split("_")[0]] * term.item(), rel=1e-5)
        for name, term in plain.terms(encoding, None, batch()).items()
    }
    assert {name: term.item() for name, term in part.terms(encoding, None, batch()).items()} == expected
