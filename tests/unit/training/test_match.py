"""One step of the match stage: schedules, the share of wins, frozen networks."""

import pytest
import torch
from torch import nn

from facegen.core.batch import DataSpec
from facegen.core.interfaces import Conditioner
from facegen.core.recipe.schedule import Ramp
from facegen.core.recipe.tables import MatchSettings
from facegen.parts.matchers.contrastive import Contrastive
from facegen.parts.matchers.pair_classification import PairClassification
from facegen.testing import SMALL_DATA, SampleDiscriminator, sample_batch
from facegen.training.build import Networks
from facegen.training.distributed import Distributed
from facegen.training.face_pipeline import Encoders
from facegen.training.match import MatchStage

DIM = 4


class Reader(Conditioner):
    """The smallest conditioner."""

    needs = frozenset({"text"})
    condition_dim = DIM

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(SMALL_DATA.text_dim, DIM)

    def forward(self, batch):
        return self.linear(batch.text)


class Normed(SampleDiscriminator):
    """A discriminator with batch statistics."""

    def __init__(self, data, condition_dim, heads):
        super().__init__(data, condition_dim, heads)
        self.norm = nn.BatchNorm1d(12)

    def features(self, faces):
        return self.norm(super().features(faces))


class Batches:
    """A loader of random rows."""

    def batch(self, step, stride):
        return sample_batch(num_mismatched=1, seed=step)


def stage_of(matcher, **settings):
    torch.manual_seed(0)
    networks = Networks(
        encoders=Encoders([Reader()], [False]), discriminator_encoders=None, face_pipeline=None,
        discriminator=Normed(SMALL_DATA, DIM, {"embed": DIM}), matcher=matcher, objectives={}, penalties={},
        augmentation=None,
    )  # fmt: skip
    settings = MatchSettings.model_construct(**MatchSettings(**settings).model_dump())
    return MatchStage(settings, networks, Batches(), None, Distributed(0, 1, torch.device("cpu")), "fp32")


def copies(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_schedules_are_advanced_before_each_step():
    matcher = Contrastive(DataSpec(16), DIM, DIM, hardness=Ramp(start=0.2, end=0.8, steps=3))
    stage, seen = stage_of(matcher), []
    for step in range(4):
        stage.step(step)
        seen.append(matcher.hardness.value.item())
    assert seen == pytest.approx([0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize("frozen", [False, True])
def test_frozen_faces_keep_weights_and_statistics(frozen, tmp_path):
    stage = stage_of(Contrastive(DataSpec(16), DIM, DIM, margin=2.0), freeze_faces=frozen, start=tmp_path)
    faces, encoders = stage.networks.discriminator, stage.networks.encoders
    before, encoders_before = copies(faces), copies(encoders)
    for step in range(2):
        stage.step(step)
    same = {name: torch.equal(before[name], value) for name, value in faces.state_dict().items()}
    assert all(same.values()) if frozen else not (same["norm.running_mean"] or same["trunk.weight"])
    assert not torch.equal(encoders_before["parts.0.linear.weight"], encoders.state_dict()["parts.0.linear.weight"])
    assert all(weight.requires_grad for weight in faces.parameters())  # the train stage goes on with it


def test_a_rule_of_two_candidates_is_measured_and_one_that_prefers_nobody_is_at_chance():
    measures = stage_of(PairClassification(DataSpec(16), DIM, DIM, direction="v2f", widths=(8,))).step(0)
    assert measures["accuracy_f2v"].item() == 0.5
    assert 0 <= measures["accuracy_v2f"].item() <= 1
