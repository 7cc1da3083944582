"""The face pipeline: drafts, frozen parts, and the encoders of the discriminator."""

import copy

import pytest
import torch
from torch import Tensor, nn

from facegen.core.batch import Batch, Condition, DataSpec
from facegen.core.interfaces import Conditioner, ConditionTransform, Generator
from facegen.core.recipe.recipe import check_recipe
from facegen.training.build import build_networks
from facegen.training.encodings import Encodings
from facegen.training.face_pipeline import DiscriminatorEncoders, Encoders, FacePipeline

DATA = DataSpec(16, identities=tuple("abcdef"), columns=frozenset({"faces", "identity"}))


class Numbers(Conditioner):
    """A linear layer of the identity's number, with a batch norm whose statistics could drift."""

    needs = frozenset({"identity"})

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.condition_dim = dim
        self.line = nn.Linear(1, dim)
        self.norm = nn.BatchNorm1d(dim)

    def forward(self, batch: Batch) -> Tensor:
        return self.norm(self.line(batch.identity[:, None].float()))


class Widen(ConditionTransform):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.condition_dim = after
        self.line = nn.Linear(before, after)

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        to_float32 = self.line(condition.generator)
        return condition._replace(generator=to_float32, critic=2 * to_float32)


class Paint(Generator):
    """A generator of faces of one colour; with `refines`, the mean of the draft is added."""

    def __init__(self, dim: int, noise_dim: int, refines: bool = False) -> None:
        super().__init__()
        self.noise_dim, self.refines = noise_dim, refines
        self.line = nn.Linear(dim + noise_dim, 3)
        self.drop = nn.Dropout(0.5)

    def forward(self, noise: Tensor, condition: Tensor, draft: Tensor | None = None) -> Tensor:
        colour = self.drop(self.line(torch.cat([noise, condition], dim=1)))
        assert (draft is not None) == self.refines
        colour = colour if draft is None else colour + draft.mean((2, 3))
        return colour.tanh()[:, :, None, None].expand(-1, -1, 16, 16)


@pytest.fixture
def draft() -> FacePipeline:
    torch.manual_seed(0)
    return FacePipeline(Encoders([Numbers(3)], [False]), [Widen(3, 4)], Paint(4, 5))


@pytest.fixture
def pipeline(draft: FacePipeline) -> FacePipeline:
    return FacePipeline(Encoders([Numbers(2)], [False]), [Widen(2, 6)], Paint(6, 0, refines=True), draft)


def batch() -> Batch:
    return Batch.blank(DATA, 6)


def test_a_draft_draws_for_the_same_rows_under_the_same_noise(pipeline: FacePipeline, draft: FacePipeline) -> None:
    pipeline.eval()
    condition = pipeline.condition(batch())
    assert condition.generator.shape == (6, 6 + 4) and condition.critic.shape == (6, 6)
    assert torch.equal(condition.encoding, pipeline.encoders(batch()))
    noise = pipeline.noise(6, torch.device("cpu"))
    assert noise.shape == (6, 5) and pipeline.noise_dim == 5
    faces = draft.draw(draft.condition(batch()).generator, noise)
    expected = pipeline.generator(noise[:, :0], condition.generator[:, :6], faces)
    assert torch.equal(pipeline.draw(condition.generator, noise), expected)
    known = Encodings(torch.arange(6), pipeline.encode(batch())).of(torch.arange(6))
    assert torch.equal(pipeline.condition(None, known).generator, condition.generator)
    assert pipeline.needs == {"identity"}


class Loss(ConditionTransform):
    def __init__(self, loss: float) -> None:
        super().__init__()
        self.condition_dim, self.loss = 3, loss

    def forward(self, condition: Condition, batch: Batch | None) -> Condition:
        return condition._replace(terms={**condition.terms, "loss": torch.tensor(self.loss)})


def test_losses_of_every_transform_are_kept_whatever_they_are_called() -> None:
    transforms = [Loss(1.0), Widen(3, 3), Loss(2.0), Loss(3.0)]
    pipeline = FacePipeline(Encoders([Numbers(3)], [False]), transforms, Paint(3, 5))
    terms = pipeline.condition(batch()).terms
    assert {name: loss.item() for name, loss in terms.items()} == {"loss": 1.0, "loss_2": 2.0, "loss_3": 3.0}


def test_a_draft_learns_nothing_and_stays_in_evaluation_mode(pipeline: FacePipeline, draft: FacePipeline) -> None:
    before = copy.deepcopy(draft.state_dict())
    for module in (pipeline, copy.deepcopy(pipeline)):
        module.train()
        assert module.generator.training and not any(part.training for part in module.draft.modules())
    faces = pipeline.draw(pipeline.condition(batch()).generator)
    faces.sum().backward()
    assert all(weight.grad is None for weight in draft.parameters())
    assert all(weight.grad is not None for weight in pipeline.transforms.parameters())
    assert all(torch.equal(value, before[key]) for key, value in draft.state_dict().items())


def test_what_is_frozen_for_one_stage_learns_in_the_next() -> None:
    encoders = Encoders([Numbers(2), Numbers(3)], [True, False])
    encoders.freeze(everything=True)
    assert encoders.is_frozen and not any(weight.requires_grad for weight in encoders.parameters())
    encoders.freeze()
    assert not encoders.is_frozen and not encoders.parts[0].training and encoders.parts[1].training
    assert [part.line.weight.requires_grad for part in encoders.parts] == [False, True]  # type: ignore[union-attr]


def test_the_discriminator_has_copies_of_what_is_trained_apart_and_shares_the_rest() -> None:
    encoders = Encoders([Numbers(2), Numbers(3)], [False, False])
    own = DiscriminatorEncoders({1: Numbers(3)}, encoders.widths)
    own.start_as(encoders)
    encoding = encoders(batch())
    seen = own(batch(), encoding)
    assert torch.equal(seen, encoding)
    seen.sum().backward()
    assert all(weight.grad is None for weight in encoders.parameters())
    assert all(weight.grad is not None for weight in own.parameters())


def test_only_conditioners_that_are_trained_apart_are_copied() -> None:
    recipe = {
        "data": {"type": "synthetic"},
        "conditioner": [
            {"type": "one_hot", "condition_dim": 6, "trained": "frozen"},
            {"type": "one_hot", "condition_dim": 4, "trained": "separate"},
        ],
        "generator": {"type": "adain", "noise_dim": 5, "width": 4, "max_width": 8},
        "discriminator": {"type": "projection", "width": 4, "max_width": 8},
        "objective": [{"type": "relativistic"}],
        "train": {"steps": 10},
    }
    networks = build_networks(check_recipe(recipe, "test.toml"), DATA)
    assert networks.discriminator_encoders is not None
    assert networks.discriminator_encoders.widths == (6, 4) and list(networks.discriminator_encoders.copies) == ["1"]
