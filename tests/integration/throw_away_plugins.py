"""Parts of throw-away plugins, written to a folder and registered in this process."""

import importlib
import sys
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
import tomli_w

from facegen.core.kinds import KINDS
from facegen.core.registry import Part, Source, registry

SOURCE = Source("odd", "facegen-odd", "0.3")
PLUGIN = "plugin 'odd' (package facegen-odd 0.3)"
HEAD = """
from pathlib import Path
from typing import Literal

import torch
from torch import nn

import facegen
from facegen import *


class Odd({interface}):
"""
TABLES: dict[str, Any] = {
    "run": {"device": "cpu", "seed": 3},
    "data": {
        "type": "synthetic", "image_pixels": 16, "num_people": 8, "num_heldout_people": 2, "clips_per_person": 2,
        "frames_per_clip": 1, "clip_seconds": 0.1, "speech_seconds": 0.1,
    },
    "conditioner": {"type": "one_hot", "condition_dim": 4},
    "generator": {"type": "dcgan", "width": 2},
    "discriminator": {"type": "projection", "width": 2, "max_width": 4},
    "objective": {"type": "relid"},
    "train": {
        "steps": 4, "batch_size": 4, "log_steps": 1, "checkpoint_steps": 1, "keep_checkpoints": 1, "sample_steps": 4,
        "monitor_steps": 4,
    },
}  # fmt: skip
MATCH = {"type": "softmax", "steps": 1, "batch_size": 4, "log_steps": 1, "checkpoint_steps": 1}
"""A recipe that trains in a fraction of a second, and its match stage."""


class ThrowAwayPlugins:
    """Writer of parts and of recipes that use them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        monkeypatch.syspath_prepend(folder)

    def add(self, kind: str, body: str, name: str = "odd") -> Path:
        """Register a part whose class has this body; return the file of its source."""
        module = f"throw_away_{name}"
        path = self.folder / f"{module}.py"
        source = HEAD.format(interface=KINDS[kind].interface) + indent(dedent(body), "    ")
        path.write_text(source, encoding="utf-8")
        self.monkeypatch.delitem(sys.modules, module, raising=False)
        importlib.invalidate_caches()
        part = Part(KINDS[kind], name, f"{module}:Odd", SOURCE)
        self.monkeypatch.setitem(registry().parts[kind], name, part)
        return path

    def recipe(self, **tables: Any) -> Path:
        """Write the recipe with other tables; None removes one."""
        merged = {name: table for name, table in {**TABLES, **tables}.items() if table is not None}
        path = self.folder / "odd.toml"
        path.write_text(tomli_w.dumps(merged), encoding="utf-8")
        return path

    def recipe_with(self, kind: str) -> Path:
        """Write a recipe that uses the part of a kind."""
        table = KINDS[kind].table
        settings = {"type": "odd"}
        if kind == "matcher":
            settings = MATCH | settings
        return self.recipe(**{table: settings})
