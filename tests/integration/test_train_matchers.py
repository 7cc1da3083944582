"""The match stage with every matcher, at a tiny size: what learns, what rests, what is refused."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_runs import RECIPES, TINY, Facegen
from torch import Tensor, nn

from facegen.core.kinds import KINDS
from facegen.core.registry import Part, Source, registry

WITHOUT = ["generator", "objective", "penalty", "train", "match"]
SIZES = [word for key, value in TINY.items() if not key.startswith("train.") for word in ("--set", f"{key}={value}")]
MATCHERS = {
    "contrastive": "hardness = { start = 0.0, end = 1.0, steps = 2 }",
    "joint_classification": 'attributes = ["sex"]',
    "pair_classification": "widths = [8]",
    "speaker_classification": "widths = [8]",
    "softmax": "in_batch = true",
}


def recipe(folder: Path, matcher: str, *lines: str, without: list[str] = WITHOUT) -> Path:
    """One that only matches."""
    path = folder / f"{matcher}.toml"
    head = [f'extends = "{RECIPES / "speech_relid.toml"}"', f"without = {json.dumps(without)}"]
    path.write_text("\n".join([*head, "[match]", f'type = "{matcher}"', *lines]) + "\n")
    return path


def changed(one: Path, other: Path, name: str) -> list[str]:
    """Weights of a network that differ between the match stages of two runs."""
    first, second = (load_file(run / "checkpoints" / "match" / f"{name}.safetensors") for run in (one, other))
    assert first.keys() == second.keys()
    return [key for key in first if not torch.equal(first[key], second[key])]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose encoders and face network were matched."""
    from facegen.cli.main import main

    folder = tmp_path_factory.mktemp("taught")
    path = recipe(folder, "softmax", "in_batch = true")
    assert main(["train", str(path), "--preset", "small", *SIZES, "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.mark.parametrize("matcher", MATCHERS)
def test_every_matcher_trains_and_is_resumed(matcher: str, facegen: Facegen, tmp_path: Path) -> None:
    path, out = recipe(tmp_path, matcher, MATCHERS[matcher]), tmp_path / "run"
    assert facegen("train", path, "--preset", "small", *SIZES, "--out", out) == 0
    assert facegen("train", path, "--preset", "small", *SIZES, "--out", out, "--resume") == 0
    logged = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in logged] == [1, 2]
    assert ("accuracy_v2f" in logged[-1]) == (matcher != "speaker_classification")


def test_regression_teaches_the_encoders_and_leaves_the_faces(facegen: Facegen, taught: Path, tmp_path: Path) -> None:
    path, out = recipe(tmp_path, "regression", f'start = "{taught}"'), tmp_path / "run"
    assert facegen("train", path, "--preset", "small", *SIZES, "--out", out) == 0
    assert changed(taught, out, "discriminator") == []
    assert changed(taught, out, "encoders")


class AverageColour(nn.Module):
    """A face network in place of that of the documentation, and as wide."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 512), nn.BatchNorm1d(512))

    def forward(self, faces: Tensor) -> Tensor:
        assert faces.shape[2:] == (160, 160)
        return self.layer(faces)


def test_regression_learns_from_a_face_network_of_others(
    facegen: Facegen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (RECIPES.parent / "docs" / "plugins.md").read_text(encoding="utf-8")
    (source,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "class FaceNetwork" in block)
    stand_in = ModuleType("facenet_pytorch")
    stand_in.InceptionResnetV1 = AverageColour  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "facenet_pytorch", stand_in)
    names: dict[str, Any] = {}
    exec(source, names)
    part = Part(KINDS["discriminator"], "face_network", names["FaceNetwork"], Source("faces", "my-faces", "1.0"))
    monkeypatch.setitem(registry().parts["discriminator"], "face_network", part)
    weights = tmp_path / "weights.safetensors"
    save_file(AverageColour().state_dict(), weights)
    given = ("[discriminator]", 'type = "face_network"', f'weights = "{weights}"')
    path, out = recipe(tmp_path, "regression", *given, without=[*WITHOUT, "discriminator"]), tmp_path / "run"
    sizes = [*SIZES, "--set", "conditioner.condition_dim=512"]
    assert facegen("train", path, "--preset", "small", *sizes, "--out", out) == 0
    kept = load_file(out / "checkpoints" / "match" / "discriminator.safetensors")
    assert all(torch.equal(kept[f"network.{name}"], value) for name, value in load_file(weights).items())


def test_faces_that_are_frozen_stay_bit_by_bit(facegen: Facegen, taught: Path, tmp_path: Path) -> None:
    path, out = recipe(tmp_path, "softmax", f'start = "{taught}"', "freeze_faces = true"), tmp_path / "run"
    assert facegen("train", path, "--preset", "small", *SIZES, "--out", out) == 0
    assert changed(taught, out, "discriminator") == []
    assert changed(taught, out, "encoders")


@pytest.mark.parametrize("matcher", ["pair_classification", "speaker_classification"])
def test_a_pairwise_rule_is_evaluated_and_a_rule_without_faces_says_why_not(
    matcher: str, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = recipe(tmp_path, matcher, MATCHERS[matcher]), tmp_path / "run"
    assert facegen("train", path, "--preset", "small", *SIZES, "--out", out) == 0
    capsys.readouterr()
    code = facegen("evaluate", out, "--num-clips", 24, "--json")
    said = capsys.readouterr()
    if matcher == "speaker_classification":
        assert code == 1 and "its matcher does not compare faces" in said.err
    else:
        assert code == 0 and "the judge ranks 2 candidates at most" in said.out


@pytest.mark.parametrize("key", ["freeze_conditioner", "freeze_faces"])
def test_what_was_never_taught_cannot_be_kept(
    key: str, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facegen("train", recipe(tmp_path, "softmax", f"{key} = true"), "--preset", "small", *SIZES) == 1
    assert f"[match] {key} = true: must come with start: the earlier run" in capsys.readouterr().err


def test_regression_needs_a_face_network_that_is_taught(
    facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert facegen("train", recipe(tmp_path, "regression"), "--preset", "small", *SIZES, "--out", out) == 1
    assert "[match] type = 'regression': does not train the face network" in capsys.readouterr().err
    assert not out.exists()


def test_something_must_learn(
    facegen: Facegen, taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frozen = (f'start = "{taught}"', "freeze_faces = true", "freeze_conditioner = true")
    out = tmp_path / "run"
    assert facegen("train", recipe(tmp_path, "softmax", *frozen), "--preset", "small", *SIZES, "--out", out) == 1
    assert "freeze_conditioner and freeze_faces: with both, no weight is left to train" in capsys.readouterr().err
