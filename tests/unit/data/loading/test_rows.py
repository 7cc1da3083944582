"""Rows of a split as batches: names of clips, and people outside the training split."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from facegen.core.batch import CLIP_NAME, IDENTITY_IMAGE, DataSpec
from facegen.core.clips import Clips
from facegen.core.errors import DataError
from facegen.core.interfaces import Dataset
from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings, Split
from facegen.data.loading.rows import Rows


class Named(Dataset):
    """Three clips, of which the last shows a person outside the training split."""

    spec = DataSpec(16, identities=("a", "b"))
    cache_dir = Path()

    def clips(self, split: Split) -> Clips:
        ones = torch.ones(3, dtype=torch.int64)
        return Clips(torch.tensor([7, 8, 9]), torch.arange(3), torch.tensor([0, 1, -1]), ones, 0 * ones)

    def faces(self, clip: Tensor, frame: Tensor) -> Tensor:
        return torch.zeros(len(clip), 16, 16, 3, dtype=torch.uint8)


def rows(*needs: str) -> Rows:
    settings = DataSettings(image_pixels=16)
    return Rows(Named(settings), settings, "train", frozenset(needs), torch.device("cpu"), Observer())


def test_clip_names_are_fetched_where_a_conditioner_needs_them() -> None:
    assert rows(CLIP_NAME).fetch_plain(torch.tensor([2, 0])).clip_names == ["9", "7"]
    assert rows().fetch_plain(torch.tensor([2, 0])).clip_names is None


def test_people_outside_the_training_split_have_no_identity() -> None:
    assert rows("identity").fetch_plain(torch.tensor([0, 1])).identity.tolist() == [0, 1]
    with pytest.raises(DataError, match="'train' holds people outside the training split"):
        rows("identity").fetch_plain(torch.tensor([0, 2]))
    assert rows().fetch_plain(torch.tensor([0, 2])).identity.tolist() == [0, -1]


def test_people_with_one_face_have_no_identity_image() -> None:
    with pytest.raises(DataError, match="3 of the 3 people of 'train' have one face only"):
        rows(IDENTITY_IMAGE)
