"""Warnings about rows outside of the training data: which rows, and in which words."""

import pytest
import torch
from torch import Tensor

from facegen.core.distribution import Distribution
from facegen.core.progress import Observer
from facegen.inference.domain import note_outside, warn_outside


class Listener(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def rows(num: int, seed: int) -> Tensor:
    return torch.randn(num, 6, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def training() -> Distribution:
    fitted = Distribution.fit(rows(2400, 0), torch.arange(2400), 0)
    assert fitted is not None
    return fitted


def warned(training: Distribution | None, features: Tensor) -> list[str]:
    listener = Listener()
    warn_outside(training, features, [f"{number}.wav" for number in range(len(features))], "voice", listener)
    return listener.warnings


def test_ordinary_rows_are_not_mentioned(training: Distribution) -> None:
    assert len(warned(training, rows(100, 1))) <= 1
    assert warned(None, rows(5, 1) + 100) == []


def test_a_far_row_is_named_with_its_distance(training: Distribution) -> None:
    features = torch.cat([torch.zeros(1, 6), torch.full((1, 6), 20.0)])
    (message,) = warned(training, features)
    assert message.startswith("1.wav: it is further from the training voices than all 1200 of them that were compared")
    assert "times their median distance" in message


def test_a_row_at_the_edge_is_placed_by_share(training: Distribution) -> None:
    """1,200 rows were held back; the row lies between the two furthest of them."""
    length = training.distances[-2:].mean()
    along = training.mean + length * training.variances[0].sqrt() * training.components[0]
    assert "than 99.9% of them (" in warned(training, along[None])[0]


def test_many_far_rows_are_counted(training: Distribution) -> None:
    messages = warned(training, rows(10, 1) + 100)
    assert len(messages) == 4 and messages[-1] == "7 further voices lie as far from the training voices"


def test_features_of_another_width_are_not_compared(training: Distribution) -> None:
    assert warned(training, torch.full((1, 7), 100.0)) == []


def test_a_corpus_is_described_where_more_than_a_tenth_lies_outside(training: Distribution) -> None:
    features = rows(100, 1)
    assert note_outside(training, features, "voice") == ""
    features[:50] += 100
    note = note_outside(training, features, "voice")
    assert note.startswith("5") and "% of the voices are further from the training voices than 99% of them are" in note
