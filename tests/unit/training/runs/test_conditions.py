"""The file of a run's distributions: fitting, keeping other spaces, modes of modules, and damage."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from facegen.core.batch import Batch
from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings
from facegen.data.loading.rows import Rows
from facegen.data.synthetic.speakers import Synthetic
from facegen.training.runs.conditions import FILE, of_tensors, read_conditions, record, stored_problems, to_tensors


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        request = DataSettings(image_pixels=16, speech_seconds=0.1)
        people = Synthetic(request, num_people=210, num_heldout_people=20, clips_per_person=1, clip_seconds=0.2)
        return Rows(people, request, "train", frozenset({"speech"}), torch.device("cpu"), Observer(), keep=False)


def brightness(batch: Batch) -> Tensor:
    return batch.faces.mean((2, 3))


def test_spaces_are_stored_beside_each_other(tmp_path: Path, rows: Rows) -> None:
    record(tmp_path, rows, {"face": brightness}, [])
    record(tmp_path, rows, {"drawn": lambda batch: -brightness(batch)}, [])
    stored = read_conditions(tmp_path)
    assert set(stored) == {"face", "drawn"}
    torch.testing.assert_close(stored["face"].mean, -stored["drawn"].mean)
    torch.testing.assert_close(stored["face"].distances, stored["drawn"].distances)


def test_modules_are_evaluated_and_then_as_before(tmp_path: Path, rows: Rows) -> None:
    """A frozen part inside a module that trains stays frozen."""
    module = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3))
    module[1].eval()
    seen = []

    def encode(batch: Batch) -> Tensor:
        seen.append(module[0].training)
        features: Tensor = module(brightness(batch))
        return features

    record(tmp_path, rows, {"drawn": encode}, [module])
    assert not any(seen)
    assert [part.training for part in module.modules()] == [True, True, False]


def test_no_random_number_is_drawn(tmp_path: Path, rows: Rows) -> None:
    """A run resumes bitwise, so that storing the distributions must not change what follows."""
    state = torch.get_rng_state()
    record(tmp_path, rows, {"face": brightness}, [])
    assert torch.equal(torch.get_rng_state(), state)


def test_a_missing_or_damaged_file_holds_nothing(tmp_path: Path, rows: Rows) -> None:
    assert read_conditions(tmp_path) == {}
    record(tmp_path, rows, {"face": brightness}, [])
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[: len(content) // 2])
    assert read_conditions(tmp_path) == {}


def test_tensors_of_other_spaces_are_refused(tmp_path: Path, rows: Rows) -> None:
    record(tmp_path, rows, {"face": brightness}, [])
    tensors = to_tensors(read_conditions(tmp_path))
    assert list(of_tensors(tensors)) == ["face"]
    shapes = {name: (value.dtype, tuple(value.shape)) for name, value in tensors.items()}
    assert stored_problems(shapes) == []
    assert "of no space of features" in stored_problems({**shapes, "voice.mean": (torch.float64, (3,))})[0]
    assert stored_problems({**shapes, "face.mean": (torch.float64, (4,))})
    with pytest.raises(ValueError, match="of no space"):
        of_tensors({**tensors, "mean": torch.zeros(3)})
