"""Costs are counted by the steps that train: penalties by interval, extra steps, augmentation, cached encodings."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from facegen.core.batch import DataSpec
from facegen.core.clips import Clips
from facegen.core.interfaces import Augmentation, Dataset
from facegen.core.recipe.recipe import check_recipe
from facegen.testing import SMALL_DATA
from facegen.training.build import Networks
from facegen.training.check.cost_meter import CostMeter
from facegen.training.check.costs import StageCost, estimate_costs
from facegen.training.check.dry_run import dry_run

DATA = DataSpec(16, identities=tuple("abcdef"), columns=frozenset({"faces", "identity"}))
SPEAKING = replace(SMALL_DATA, image_pixels=16)


class Corpus(Dataset):
    """The part of a corpus that costs depend on: one clip, longer than a crop of speech."""

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    def clips(self, split: str) -> Clips:
        row = torch.zeros(1, dtype=torch.int64)
        return Clips(row, row, row, row + 1, row + 10**9)


def costs_of(
    spec: DataSpec = DATA, augmentation: Augmentation | None = None, **tables: Any
) -> tuple[list[StageCost], Networks]:
    recipe_tables = {
        "data": {"type": "synthetic"},
        "conditioner": [{"type": "one_hot", "condition_dim": 6}],
        "generator": {"type": "adain", "noise_dim": 5, "width": 4, "max_width": 8},
        "discriminator": {"type": "projection", "width": 4, "max_width": 8},
        "objective": [{"type": "wasserstein"}],
        "train": {"steps": 1000, "batch_size": 8},
        **tables,
    }
    recipe = check_recipe({name: table for name, table in recipe_tables.items() if table is not None}, "test.toml")
    networks = replace(dry_run(recipe, spec), augmentation=augmentation)
    return estimate_costs(recipe, networks, Corpus(spec)), networks


def train_cost(**changes: Any) -> StageCost:
    costs, _ = costs_of(**changes)
    return costs[-1]


def flops(**changes: Any) -> float:
    counted = train_cost(**changes).step_flops
    assert counted is not None
    return counted


def test_a_penalty_costs_by_its_interval() -> None:
    plain, always, sometimes = (
        flops(penalty=penalty) for penalty in ([], [{"type": "r1"}], [{"type": "r1", "every_steps": 16}])
    )
    assert always > 1.2 * plain
    assert sometimes - plain == pytest.approx((always - plain) / 16)


def test_penalties_with_intervals_of_their_own_are_counted_when_they_fall_due_together() -> None:
    """r1 and r2 together share a joint pass, which neither does alone: the mean over six steps, by hand."""
    r1, r2 = {"type": "r1"}, {"type": "r2"}
    none, one, other, both = (flops(penalty=penalty) for penalty in ([], [r1], [r2], [r1, r2]))
    mixed = flops(penalty=[r1 | {"every_steps": 2}, r2 | {"every_steps": 3}])
    assert mixed == pytest.approx((2 * none + 2 * one + other + both) / 6)


def test_a_gradient_penalty_makes_wgan_gp_dearer_than_wgan() -> None:
    clipped = flops(penalty=[{"type": "weight_clip"}])
    assert clipped == flops()
    assert flops(penalty=[{"type": "gradient_penalty"}]) > 1.3 * clipped


def test_extra_discriminator_steps_cost_a_discriminator_phase_and_a_pass_of_the_generator_each() -> None:
    one, two, five = (flops(train={"steps": 1000, "batch_size": 8, "critic_steps": number}) for number in (1, 2, 5))
    assert five - one == pytest.approx(4 * (two - one))
    assert 0.3 * one < two - one < one


def test_extra_steps_pay_their_penalties_too() -> None:
    train = {"steps": 1000, "batch_size": 8, "critic_steps": 3}
    extra = flops(penalty=[{"type": "r1"}]) - flops()
    assert flops(penalty=[{"type": "r1"}], train=train) - flops(train=train) == pytest.approx(3 * extra)


class Blur(Augmentation):
    def forward(self, faces: Tensor) -> Tensor:
        return functional.conv2d(faces, torch.ones(3, 1, 3, 3), padding=1, groups=3)


def test_augmentation_is_counted_in_both_phases() -> None:
    """Real and fake faces in the discriminator phase, fake ones alone in the other, where the gradient passes."""
    blurred, plain = (
        train_cost(augmentation=Blur(), objective=[{"type": "relativistic"}]),
        flops(objective=[{"type": "relativistic"}]),
    )
    one_pass = 2 * 9 * 8 * 3 * 16 * 16
    assert blurred.step_flops == pytest.approx(plain + (2 + 2 + 1) * one_pass)


def test_encodings_of_frozen_conditioners_are_cached_where_crops_are_fixed() -> None:
    conditioner = [{"type": "waveform_sincnet", "trained": "frozen"}]
    learning = [{"type": "waveform_sincnet", "trained": "generator"}]
    match = {"type": "contrastive"}
    moving, fixed, trained = (
        flops(spec=SPEAKING, conditioner=table, match=match, data={"type": "synthetic", "crop": crop})
        for table, crop in ((conditioner, "random"), (conditioner, "fixed"), (learning, "fixed"))
    )
    assert fixed < moving < trained


def test_the_match_step_is_counted_with_what_learns_in_it(tmp_path: Any) -> None:
    matcher = {"type": "contrastive", "batch_size": 8, "steps": 50}
    (whole, _), networks = costs_of(match=matcher)
    assert (whole.name, whole.steps, whole.batch_size) == ("match", 50, 8)
    everything = [networks.encoders, networks.discriminator, networks.matcher]
    assert whole.num_weights == sum(
        weight.numel() for module in everything if module is not None for weight in module.parameters()
    )
    (frozen, _), _ = costs_of(match=matcher | {"freeze_faces": True, "start": str(tmp_path)})
    assert frozen.num_weights < whole.num_weights
    assert frozen.step_flops < 0.5 * whole.step_flops  # type: ignore[operator]


def test_memory_holds_weights_the_average_and_what_one_phase_keeps() -> None:
    """Twice the batch keeps twice as much; extra discriminator steps come one after another and keep no more."""
    small, large = (train_cost(train={"steps": 10, "batch_size": size}) for size in (8, 16))
    further = train_cost(train={"steps": 10, "batch_size": 8, "critic_steps": 5})
    _, networks = costs_of()
    pipeline = networks.face_pipeline
    assert pipeline is not None and further.memory_bytes == small.memory_bytes
    stored = 16 * small.num_weights + 4 * sum(weight.numel() for weight in pipeline.parameters())
    assert small.memory_bytes is not None and large.memory_bytes is not None
    assert large.memory_bytes - stored == pytest.approx(2 * (small.memory_bytes - stored), rel=0.02)


class Reads(Augmentation):
    def forward(self, faces: Tensor) -> Tensor:
        return faces if faces.mean().item() > 0 else -faces


def test_a_step_that_reads_values_cannot_be_counted() -> None:
    cost = train_cost(augmentation=Reads())
    assert cost.step_flops is None and cost.memory_bytes is None and cost.seconds(1e9) is None
    assert cost.num_weights > 0


def test_time_is_operations_over_the_rate_that_steps_reach() -> None:
    assert StageCost("train", 10, 4, 1, 3e9, 1.0).seconds(1e9) == pytest.approx(10 * 3 / 0.5)


def counted(work: Any, *stored: Tensor) -> CostMeter:
    with torch.device("meta"), CostMeter(stored) as meter:
        work()
    return meter


def test_operations_of_a_layer_are_those_of_its_formula() -> None:
    """2 n m k forward, and the same again by the input and by the weight; once more for a gradient's gradient."""
    with torch.device("meta"):
        weight, faces = torch.zeros(5, 7, requires_grad=True), torch.zeros(3, 7, requires_grad=True)

    def penalised() -> None:
        (gradient,) = torch.autograd.grad((faces @ weight.T).sum(), [faces], create_graph=True)
        gradient.square().sum().backward()

    product = 2 * 3 * 7 * 5
    assert counted(lambda: (faces @ weight.T).sum().backward()).flops == 3 * product
    assert counted(penalised).flops == 3 * product  # forward, by the leaf, and by the weight of that


def test_transforms_and_grid_sampling_are_counted() -> None:
    sound = lambda: torch.fft.rfft(torch.zeros(2, 3, 256))  # noqa: E731
    assert counted(sound).flops == 2.5 * 2 * 3 * 256 * 8
    back = lambda: torch.fft.irfft(torch.zeros(4, 129, dtype=torch.complex64), n=256)  # noqa: E731
    assert counted(back).flops == 2.5 * 4 * 256 * 8
    both = lambda: torch.fft.fft2(torch.zeros(2, 16, 16, dtype=torch.complex64))  # noqa: E731
    assert counted(both).flops == 5 * 2 * 256 * 8
    spectrum = lambda: torch.stft(  # noqa: E731
        torch.zeros(2, 1600), 256, window=torch.zeros(256), center=False, return_complex=True
    )
    frames = 1 + (1600 - 256) // 64
    assert counted(spectrum).flops == 2.5 * 2 * frames * 256 * 8

    def warped() -> None:
        faces = torch.zeros(2, 3, 8, 8, requires_grad=True)
        functional.grid_sample(faces, torch.zeros(2, 4, 4, 2), align_corners=False).sum().backward()

    assert counted(warped).flops == (8 + 16) * 2 * 3 * 4 * 4


def test_memory_is_the_most_that_is_kept_at_one_time_and_no_weight() -> None:
    """A chain keeps each input of `exp` (its output) once; two losses one after the other keep no more than one."""
    with torch.device("meta"):
        layer = nn.Linear(8, 8, bias=False)

    def once(rows: int = 4) -> None:
        layer(torch.zeros(rows, 8)).exp().sum().backward()

    one = counted(once, layer.weight)
    assert one.peak_bytes == 4 * (4 * 8 + 4 * 8)  # the input and the result of exp
    assert counted(lambda: (once(), once()), layer.weight).peak_bytes == one.peak_bytes
    results: list[Tensor] = []
    together = lambda: [results.append(layer(torch.zeros(4, 8)).exp()) for _ in range(2)]  # noqa: E731
    assert counted(together, layer.weight).peak_bytes == 2 * one.peak_bytes
