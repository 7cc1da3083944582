"""A batch reaches the device without the host waiting for it."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings
from facegen.data.loading import transfer
from facegen.data.loading.loader import Loader
from facegen.data.loading.rows import Rows
from facegen.data.loading.transfer import to_device
from facegen.data.synthetic.speakers import Synthetic

META = torch.device("meta")
SETTINGS = DataSettings(image_pixels=16, speech_seconds=0.1, mirror=True)


class Copies(TorchDispatchMode):
    """Every operation that copies from the CPU to the device, and whether the host waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[bool] = []

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        keywords = keywords or {}
        result = function(*arguments, **keywords)
        devices = {
            value.device.type for value in tree_leaves((arguments, keywords, result)) if isinstance(value, Tensor)
        }
        if devices == {"cpu", "meta"}:
            self.waits.append(not keywords.get("non_blocking", False))
        return result


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tensor]]:
    """Let the meta device stand for a GPU; collect what is locked in memory."""
    locked: list[Tensor] = []

    def pin(values: Tensor) -> Tensor:
        locked.append(values)
        return values

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    monkeypatch.setattr(transfer, "ASYNCHRONOUS", frozenset({"meta"}))
    yield locked


@pytest.mark.parametrize("is_resident", [True, False])
def test_a_batch_of_training_waits_for_no_copy(is_resident: bool, pinned: list[Tensor]) -> None:
    dataset = Synthetic(
        SETTINGS, num_people=8, num_heldout_people=2, clips_per_person=1, frames_per_clip=2, clip_seconds=0.1
    )  # fmt: skip
    rows = Rows(
        dataset, SETTINGS, "train", frozenset({"speech", "identity"}), torch.device("cpu"), Observer(), keep=is_resident
    )  # fmt: skip
    for place in (rows, *([rows._resident] if rows._resident is not None else [])):
        for name, value in vars(place).items():
            if isinstance(value, Tensor | torch.device):
                setattr(place, name, META if isinstance(value, torch.device) else value.to(META))
    loader = Loader(rows, 4, 2, 0, rows.needs)
    if not is_resident:
        dataset.is_rendered = False  # type: ignore[misc]  # as a packed corpus: read on the CPU
        loader._worker = None
    pinned.clear()
    with Copies() as copies:
        batch = loader.batch(3)
    assert copies.waits and not any(copies.waits)
    assert len(copies.waits) == len(pinned)
    assert {batch.faces.device, batch.mismatched_rows.device, batch.identity.device} == {META}


def test_other_devices_get_an_ordinary_copy() -> None:
    values = torch.arange(3)
    assert to_device(values, torch.device("cpu")) is values
    assert to_device(values, META).device == META
