"""Grids of faces: their content, which is the same every time."""

import torch
from torch import Tensor

from facegen.core.batch import Batch, DataSpec
from facegen.core.recipe.recipe import check_recipe
from facegen.training.build import build_networks
from facegen.training.face_pipeline import FacePipeline, choose_noises, draw_each
from facegen.training.sample_grid import SampleGrid, condition_label

NAMES = tuple("abcdef")
DATA = DataSpec(16, identities=NAMES, columns=frozenset({"faces", "identity"}))
CPU = torch.device("cpu")


def pipeline(noise_dim: int, **tables: object) -> FacePipeline:
    recipe = check_recipe(
        {
            "data": {"type": "synthetic"},
            "conditioner": {"type": "one_hot", "condition_dim": 6},
            "generator": {"type": "stackgan_stage1", "noise_dim": noise_dim, "width": 4},
            "objective": {"type": "reconstruction"},
            "train": {},
            **tables,
        },
        "test.toml",
    )
    face_pipeline = build_networks(recipe, DATA).face_pipeline
    assert face_pipeline is not None
    return face_pipeline.eval()


def faces(drawing: FacePipeline, noises: Tensor, seed: int = 0) -> Tensor:
    torch.manual_seed(123)
    return draw_each(drawing, 100 * drawing.encode(Batch.blank(DATA, 6)), noises, seed)


def test_what_is_random_beside_the_noise_is_the_same_at_every_call() -> None:
    noisy = pipeline(0, condition={"type": "gaussian_noise", "deviation": 100.0})
    noises = choose_noises(noisy.noise, 3, 0, CPU)
    assert noises.shape == (3, 0)
    drawn = faces(noisy, noises)
    state = torch.get_rng_state()
    assert torch.equal(faces(noisy, noises), drawn)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(faces(noisy, noises, seed=1), drawn)
    assert not torch.equal(drawn[:, 0], drawn[:, 1])  # each column has draws of its own


def test_everybody_may_have_a_noise_of_their_own() -> None:
    drawing = pipeline(4)
    noises = choose_noises(drawing.noise, 6, 0, CPU)
    own = faces(drawing, noises[None])
    assert own.shape == (6, 1, 16, 16, 3)
    shared = faces(drawing, noises)
    assert torch.equal(own[:, 0], torch.stack([shared[row, row] for row in range(6)]))


def test_noises_that_are_drawn_at_once_give_the_faces_of_each_alone() -> None:
    drawing = pipeline(4)
    noises = choose_noises(drawing.noise, 20, 0, CPU)
    rows: list[int] = []
    sample = drawing.sample
    drawing.sample = lambda encoding, noise: (rows.append(len(encoding)), sample(encoding, noise))[1]  # type: ignore[method-assign]
    together = faces(drawing, noises)
    assert rows == [6, 60, 54]  # the first alone, which shows that nothing else is random; then up to 64 faces
    alone = torch.cat([faces(drawing, noise[None]) for noise in noises], dim=1)
    assert (together.int() - alone.int()).abs().max() <= 1


def test_a_part_of_a_call_has_the_random_numbers_of_the_whole() -> None:
    noisy = pipeline(4, condition={"type": "gaussian_noise", "deviation": 100.0})
    noises, encoding = choose_noises(noisy.noise, 5, 0, CPU), noisy.encode(Batch.blank(DATA, 2))
    whole = draw_each(noisy, encoding, noises, 0)
    parts = [draw_each(noisy, encoding, noises[:2], 0), draw_each(noisy, encoding, noises[2:], 0, 2)]
    assert torch.equal(torch.cat(parts, dim=1), whole)


def test_without_noise_every_column_is_the_same() -> None:
    still = pipeline(0)
    drawn = faces(still, choose_noises(still.noise, 2, 0, CPU))
    assert drawn.shape == (6, 2, 16, 16, 3) and torch.equal(drawn[:, 0], drawn[:, 1])


def test_people_are_called_by_what_they_are_drawn_from() -> None:
    assert condition_label(frozenset({"speech"})) == "voice"
    assert condition_label(frozenset({"identity", "speech"})) == "voice and name"
    assert condition_label(frozenset({"caption"})) == "sentence"
    assert condition_label(frozenset({"sex"})) == "sex"
    assert condition_label(frozenset()) == "condition"
    shown = SampleGrid(Batch.blank(DATA, 3), torch.zeros(2, 4), "train", NAMES)
    assert shown._labels(frozenset({"identity"})) == ["a", "b", "c"]
    assert shown._labels(frozenset({"speech"})) == ["voice 1", "voice 2", "voice 3"]
    assert shown.picture(pipeline(4), "title").width > 3 * 112
