"""Which splits are held on the device."""

import pytest
import torch

from facegen.data.loading.resident import fits_in_memory

GIB = 2**30


@pytest.mark.parametrize(("num_gib", "on_cpu", "on_gpu"), [(3, True, True), (5, True, False), (9, False, False)])
def test_a_split_is_held_up_to_the_limit_and_half_of_what_is_free(
    num_gib: int, on_cpu: bool, on_gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (8 * GIB, 80 * GIB))
    assert fits_in_memory(num_gib * GIB, 8.0, torch.device("cpu")) is on_cpu
    assert fits_in_memory(num_gib * GIB, 8.0, torch.device("cuda", 1)) is on_gpu
