"""Which splits are held in memory, and how loading one is stopped."""

import time

import pytest
import torch

from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings
from facegen.data.loading.resident import ResidentSplit, fits_in_memory
from facegen.data.synthetic.speakers import Synthetic

GIB = 2**30


@pytest.mark.parametrize(("num_gib", "on_cpu", "on_gpu"), [(3, True, True), (5, True, False), (9, False, False)])
def test_a_split_is_held_up_to_the_limit_and_half_of_what_is_free(
    num_gib: int, on_cpu: bool, on_gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (8 * GIB, 80 * GIB))
    assert fits_in_memory(num_gib * GIB, 8.0, torch.device("cpu")) is on_cpu
    assert fits_in_memory(num_gib * GIB, 8.0, torch.device("cuda", 1)) is on_gpu


class StoppedError(Exception):
    pass


class StopsAtOnce(Observer):
    def advance(self, done: int, values: object = None) -> None:
        raise StoppedError


class Counted(Synthetic):
    is_rendered = False

    def __init__(self) -> None:
        super().__init__(DataSettings(image_pixels=16), num_people=3000, num_heldout_people=2, clips_per_person=1)
        self.num_chunks = 0

    def faces(self, clip: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
        self.num_chunks += 1
        if self.num_chunks > 1:
            time.sleep(0.05)  # all chunks would take seconds: a stop comes in time on a busy machine, too
        return torch.zeros(len(clip), 16, 16, 3, dtype=torch.uint8)


@pytest.mark.parametrize("num_threads", [1, 2])
def test_nothing_more_is_loaded_after_a_stop(num_threads: int) -> None:
    before, dataset = torch.get_num_threads(), Counted()
    torch.set_num_threads(num_threads)
    try:
        with pytest.raises(StoppedError):
            ResidentSplit(dataset, dataset.clips("train"), frozenset(), torch.device("cpu"), StopsAtOnce(), "load")
        loaded = dataset.num_chunks
        assert torch.get_num_threads() == num_threads
    finally:
        torch.set_num_threads(before)
    assert loaded == dataset.num_chunks < 3000 * 4 // 64
