"""Pictures of evidence with known neighbours: the order of the nearest faces, and the frame of the true one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from facegen.core.evidence import Evidence, Training
from facegen.data.media.grids import GAP
from facegen.data.media.marking import SOURCE_TYPE, Mark
from facegen.evaluation.render import pictures as module
from facegen.evaluation.render.pictures import FACE_PIXELS, draw_pictures

PEOPLE, NOISES, PIXELS = 12, 2, 96
MARK = Mark("a_run", 3)
FRAME = (34, 160, 84)


def flat(levels: Tensor) -> Tensor:
    """Return faces of one grey each."""
    return levels.to(torch.uint8)[..., None, None, None].expand(*levels.shape, PIXELS, PIXELS, 3)


def evidence(**changes: Any) -> Evidence:
    """Return evidence: person p has the grey 10 + 10 p and the angle 0.2 p; generated faces the next angle."""
    angle = 0.2 * torch.arange(PEOPLE)
    real = torch.stack([angle.cos(), angle.sin()], dim=1)
    shifted = angle + 0.2  # exactly at the next person, but for the last
    fake = torch.stack([shifted.cos(), shifted.sin()], dim=1)[:, None].repeat(1, NOISES, 1)
    greys = 10 + 10 * torch.arange(PEOPLE)
    values: dict[str, Any] = {
        "judge": "a judge", "split": "train", "seed": 3, "person": torch.arange(PEOPLE),
        "attributes": {"sex": torch.arange(PEOPLE) % 2}, "encodings": real, "real": real, "real_other": None,
        "fake": fake, "real_faces": flat(greys), "fake_faces": flat((greys + 130)[:, None].repeat(1, NOISES)),
        "logits": None, "max_candidates": None, **changes,
    }  # fmt: skip
    return Evidence(**values)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that draws without a face pipeline: pictures by name, and the cells and labels of each grid."""
    cells: dict[str, list[list[np.ndarray]]] = {}
    labels: dict[str, Any] = {}
    save = module._save

    def note(pictures: Any, rows: Any, columns: Any, path: Path, mark: Mark) -> None:
        cells[path.stem] = [list(row) for row in pictures]
        labels[path.stem] = (list(rows), list(columns))
        save(pictures, rows, columns, path, mark)

    monkeypatch.setattr(module, "_save", note)

    def draw(drawn_evidence: Evidence) -> Any:
        subjects: Any = SimpleNamespace(face_pipeline=None)
        drawn = draw_pictures(drawn_evidence, subjects, tmp_path / "train", MARK)
        pictures = {picture.name: picture for picture in drawn}
        assert all((tmp_path / picture.file).is_file() for picture in pictures.values())
        for path in tmp_path.rglob("*.png"):
            with Image.open(path) as written:
                assert written.text["Model"] == "a_run" and SOURCE_TYPE in written.text["XML:com.adobe.xmp"]
        return pictures, cells, labels

    return draw


def grey(cell: np.ndarray) -> int:
    return int(cell[PIXELS // 2, PIXELS // 2, 0])


def framed(cell: np.ndarray) -> bool:
    return tuple(int(value) for value in cell[0, 0]) == FRAME


def test_the_nearest_real_faces_stand_in_order_and_the_true_one_is_framed(shown: Any) -> None:
    pictures, cells, labels = shown(evidence())
    for row, label in zip(cells["retrieval"], labels["retrieval"][0], strict=True):
        person = (grey(row[0]) - 140) // 10
        assert grey(row[1]) == 10 + 10 * person
        angles = 0.2 * np.arange(PEOPLE)
        order = np.argsort(1 - np.cos(angles - 0.2 * (person + 1)), kind="stable")
        distances = np.round(1 - np.cos(angles - 0.2 * (person + 1)), 9)
        shown_people = [(grey(cell) - 10) // 10 for cell in row[2:]]
        # Neighbours on either side are equally far, so distances are compared rather than people.
        assert [distances[other] for other in shown_people] == [distances[other] for other in order[:5]]
        assert [framed(cell) for cell in row[2:]] == [other == person for other in shown_people]
        rank = int(label.split()[1])
        assert (distances < distances[person]).sum() < rank <= (distances <= distances[person]).sum()
    assert labels["retrieval"][1] == ["generated", "true face", "nearest", "2nd", "3rd", "4th", "5th"]
    assert "a gallery of 12 real faces" in pictures["retrieval"].caption


def test_the_closest_training_faces_come_first(shown: Any) -> None:
    """Person 7 has a generated face exactly where a training face is; the others lie further off."""
    without_training = evidence()
    angle = torch.tensor([0.2 * 7 + 0.2, -2.0])
    training = Training(
        faces=flat(torch.tensor([250, 251])), embeddings=torch.stack([angle.cos(), angle.sin()], dim=1),
        person=torch.tensor([7, 99]),
    )  # fmt: skip
    pictures, cells, labels = shown(replace(without_training, training=training))
    drawn, nearest, true = cells["nearest_training"]
    assert (grey(drawn[0]), grey(nearest[0]), grey(true[0])) == (10 + 70 + 130, 250, 80)
    assert labels["nearest_training"][1][0] == "0.000 same person"
    distances = [float(label.split()[0]) for label in labels["nearest_training"][1]]
    assert distances == sorted(distances)
    fake_angles, gallery = 0.2 * np.arange(PEOPLE) + 0.2, angle.numpy()
    every = (1 - np.cos(fake_angles[:, None] - gallery)).min(1)
    # torch's median is the lower of the two in the middle.
    assert f"{np.sort(every)[(PEOPLE - 1) // 2]:.3f} for generated faces" in pictures["nearest_training"].caption


def test_pairs_are_of_strangers_and_coloured_by_sex(shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clouds: dict[str, Any] = {}

    def note(groups: Any, title: str, x_label: str, y_label: str, path: Path) -> None:
        clouds[title] = groups
        path.parent.mkdir(exist_ok=True)
        path.touch()

    monkeypatch.setattr(module, "draw_scatter", note)
    shown(evidence())
    same, different = clouds["real faces"]
    assert (same.name, different.name) == ("same sex", "different sexes")
    # Real faces stand where their conditions do, so that both distances are one; strangers are 0.2 apart at least.
    np.testing.assert_allclose(same.x, same.y, atol=1e-9)
    assert min(same.x.min(), different.x.min()) > 1 - np.cos(0.2) - 1e-6
    generated = clouds["generated faces"][0]
    np.testing.assert_allclose(generated.x, generated.y, atol=1e-6)  # all turned by the same angle


def test_a_run_that_only_matches_shows_distances_alone(shown: Any) -> None:
    pictures, _, _ = shown(evidence(fake=None, fake_faces=None))
    assert list(pictures) == ["distances_real"]


def test_one_person_has_no_pairs(shown: Any) -> None:
    pictures, _, _ = shown(evidence(person=torch.zeros(PEOPLE, dtype=torch.int64)))
    assert "distances_real" not in pictures


def test_small_faces_are_enlarged_by_whole_pixels(shown: Any, tmp_path: Path) -> None:
    large = evidence()
    small = replace(large, real_faces=large.real_faces[:, :32, :32], fake_faces=large.fake_faces[:, :, :32, :32])
    _, cells, _ = shown(small)
    assert cells["retrieval"][0][0].shape == (FACE_PIXELS, FACE_PIXELS, 3)
    with Image.open(tmp_path / "train" / "retrieval.png") as picture:
        assert picture.width > 7 * (FACE_PIXELS + GAP)
