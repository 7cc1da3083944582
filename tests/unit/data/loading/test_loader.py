"""Pairing and cropping; resident and streamed rows are equal."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from facegen.core.batch import IDENTITY_IMAGE, DataSpec
from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings, Split
from facegen.data.loading.loader import Loader, start_at_other_time
from facegen.data.loading.rows import Rows, inputs_are_fixed

SPEECH_SAMPLES = 100
TRACKS = torch.tensor([300, 80, 250, 100, 400, 120])
FRAMES = torch.tensor([3, 1, 2, 2, 1, 4])


class Counting(Dataset):
    """Dataset whose samples encode clip and position, and whose faces encode clip and frame."""

    spec = DataSpec(16, 4000, SPEECH_SAMPLES, identities=tuple("abcdef"), columns=frozenset({"faces", "speech"}))
    cache_dir = Path()

    def clips(self, split: Split) -> Clips:
        numbers = torch.arange(len(TRACKS)) if split == "train" else torch.arange(0)
        return Clips(numbers + 10, numbers, numbers, FRAMES[numbers], TRACKS[numbers])

    def faces(self, clip: Tensor, frame: Tensor) -> Tensor:
        values = (10 * (clip - 10) + frame).to(torch.uint8)
        return values[:, None, None, None].expand(-1, 16, 16, 3).contiguous()

    def speech(self, clip: Tensor, start_samples: Tensor, num_samples: int) -> Tensor:
        places = (start_samples[:, None] + torch.arange(num_samples)) % TRACKS[clip - 10][:, None]
        return (1000 * (clip - 10)[:, None] + places).to(torch.int16)

    def frame_samples(self, clip: Tensor, frame: Tensor) -> Tensor:
        return frame * 60


def loader(pairing: str = "different_times", crop: str = "random", resident_gib: float = 1.0) -> Loader:
    lengths = {"image_pixels": 16, "speech_seconds": 0.025, "sample_rate_hz": 4000}
    settings = DataSettings(**lengths, pairing=pairing, crop=crop, resident_gib=resident_gib)
    needs = frozenset({"speech"})
    rows = Rows(Counting(settings), settings, "train", needs, torch.device("cpu"), Observer())
    return Loader(rows, batch_size=4, num_mismatched=2, seed=0, needs=needs)


def spoken(batch_speech: Tensor) -> Tensor:
    return (batch_speech * 32768).round().long()


@pytest.mark.parametrize("pairing", ["different_times", "centred"])
@pytest.mark.parametrize("crop", ["random", "fixed"])
def test_resident_and_read_rows_are_the_same(pairing: str, crop: str) -> None:
    resident, streamed = loader(pairing, crop), loader(pairing, crop, resident_gib=0.0)
    assert resident.rows.is_resident and not streamed.rows.is_resident
    for step in (0, 1, 2, 7):
        one, other = resident.batch(step), streamed.batch(step)
        assert torch.equal(one.faces, other.faces)
        assert one.speech is not None and other.speech is not None
        assert torch.equal(one.speech, other.speech)
        assert torch.equal(one.mismatched_rows, other.mismatched_rows)


def test_the_next_step_is_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    resident, streamed = loader(), loader(resident_gib=0.0)
    made, make = [], streamed._batch
    monkeypatch.setattr(streamed, "_batch", lambda step: made.append(step) or make(step))
    for step in (1, 4, 7):  # the second of three processes
        assert torch.equal(streamed.batch(step, stride=3).clip, resident.batch(step).clip)
    assert streamed._ahead is not None and streamed._ahead[1].result()
    assert made == [1, 4, 7, 10]
    assert torch.equal(streamed.batch(5).clip, resident.batch(5).clip)  # not the batch that was read ahead


def test_a_short_track_is_repeated() -> None:
    rows = loader().rows
    batch = rows.fetch(torch.tensor([1]), torch.tensor([0]), torch.tensor([0]))
    assert batch.speech is not None
    assert (spoken(batch.speech)[0] - 1000).tolist() == [*range(80), *range(20)]


def test_centred_speech_surrounds_its_frame() -> None:
    batch_loader = loader("centred")
    start = batch_loader._start_samples(torch.tensor([0, 0, 4]), torch.tensor([0, 2, 0]), torch.zeros(3))
    assert start.tolist() == [0, 70, 0]


def test_different_times_keep_the_frame_out_of_the_crop() -> None:
    spare, moment = torch.tensor([200] * 1000), torch.tensor([150] * 1000)
    start = start_at_other_time(spare, moment, 100, torch.linspace(0, 0.9999, 1000))
    assert bool(((start + 100 <= 150) | (start > 150)).all())
    assert set(start.tolist()) == {*range(0, 51), *range(151, 201)}


def test_any_crop_is_used_if_no_crop_avoids_the_frame() -> None:
    start = start_at_other_time(torch.tensor([10] * 50), torch.tensor([50] * 50), 100, torch.linspace(0, 0.999, 50))
    assert set(start.tolist()) == set(range(11))


def test_an_unknown_moment_allows_every_crop() -> None:
    start = start_at_other_time(torch.tensor([3] * 40), torch.tensor([-1] * 40), 10, torch.linspace(0, 0.999, 40))
    assert set(start.tolist()) == {0, 1, 2, 3}


def test_encodings_can_be_cached_for_a_fixed_crop_only() -> None:
    assert loader(crop="fixed").rows.inputs_are_fixed
    assert not loader(crop="random").rows.inputs_are_fixed
    assert not loader("centred", "fixed").rows.inputs_are_fixed


def test_a_missing_column_and_an_empty_split_are_explained() -> None:
    settings = DataSettings()
    dataset = Counting(settings)
    with pytest.raises(DataError, match="the corpus has no caption, which the recipe's parts need"):
        Rows(dataset, settings, "train", frozenset({"caption"}), torch.device("cpu"), Observer())
    with pytest.raises(DataError, match="'heldout_people' of this corpus holds no clips"):
        Rows(dataset, settings, "heldout_people", frozenset(), torch.device("cpu"), Observer())


def test_one_row_per_person() -> None:
    chosen = loader().rows.choose(4, seed=0, distinct_people=True)
    assert len(set(chosen.tolist())) == 4


def test_encodings_of_identity_images_are_not_cached() -> None:
    clips, settings = loader(crop="fixed").rows.clips, DataSettings(crop="fixed")
    assert inputs_are_fixed(settings, clips, frozenset({"speech"}))
    assert not inputs_are_fixed(settings, clips, frozenset({"speech", IDENTITY_IMAGE}))
