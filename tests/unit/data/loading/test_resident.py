"""A split that is being loaded stops within a chunk, whatever is left of it."""

import pytest
import torch

from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings
from facegen.data.loading.resident import ResidentSplit
from facegen.data.synthetic.speakers import Synthetic


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
