"""Tensors at paths that safetensors does not open itself."""

import os

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from facegen.core.tensor_access import load_tensors, open_tensors


def test_a_path_that_is_not_utf8(tmp_path):
    save_file({"a": torch.arange(3)}, tmp_path / "plain")
    os.rename(tmp_path / "plain", os.path.join(os.fsencode(tmp_path), b"\xff.safetensors"))
    (path,) = tmp_path.iterdir()
    with open_tensors(path) as tensors:
        stored = tensors.get_tensor("a")
    assert stored.tolist() == [0, 1, 2]
    assert load_tensors(path)["a"].tolist() == [0, 1, 2]


def test_a_damaged_file(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff" * 20)
    with pytest.raises(SafetensorError):
        load_tensors(tmp_path / "x")
