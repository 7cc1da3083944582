"""Files that the parts of a run read: copied into the run, and never read from elsewhere."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from throw_away_plugins import SOURCE, ThrowAwayPlugins
from tiny_runs import REPOSITORY, Facegen

from facegen.core.errors import CheckpointError
from facegen.core.kinds import KINDS
from facegen.core.registry import Part, registry
from facegen.training.runs.model_file import ModelFile
from facegen.training.runs.model_unpacking import unpack_model
from facegen.training.runs.run import Run

READS = """
needs = frozenset({'identity'})
def __init__(self, data, *, scale: Path, folder: Path | None = None):
    super().__init__()
    self.condition_dim = 4
    self.register_buffer('scale', torch.tensor(float(scale.read_text())))
    if folder is not None:
        assert sorted(path.name for path in folder.rglob('*.txt')) == ['a.txt', 'b.txt']
def forward(self, batch):
    return nn.functional.one_hot(batch.identity % 4, 4) * self.scale
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ThrowAwayPlugins:
    made = ThrowAwayPlugins(tmp_path, monkeypatch)
    made.add("conditioner", READS)
    (tmp_path / "given" / "names" / "sub").mkdir(parents=True)
    (tmp_path / "given" / "scale.txt").write_text("2.5")
    for name in ("a.txt", "sub/b.txt"):
        (tmp_path / "given" / "names" / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    return made


def recipe_of(plugins: ThrowAwayPlugins, **changes: object) -> Path:
    table = {"type": "odd", "scale": "given/scale.txt", "folder": "given/names"}
    return plugins.recipe(conditioner={**table, **changes})


def test_run_reads_its_own_copies(plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path) -> None:
    recipe = recipe_of(plugins)
    assert facegen("train", recipe, "--out", "run", "--set", "train.steps=2") == 0
    stored = Run.open(Path("run"))
    files = json.loads(Path("run/run.json").read_text())["files"]
    assert sorted(Path(file["original"]).name for file in files) == ["names", "scale.txt"]
    assert all(len(file["sha256"]) == 64 and (Path("run") / file["stored"]).exists() for file in files)
    assert str(tmp_path / "given") not in Path("run/recipe.toml").read_text()
    (tmp_path / "given").rename(tmp_path / "moved")
    Path("run").rename("elsewhere")
    moved = Run.open(Path("elsewhere"))
    settings = moved.recipe.configs["conditioner"][0].settings
    assert settings["scale"].read_text() == "2.5" and settings["scale"].is_relative_to(tmp_path / "elsewhere")
    assert stored.data == moved.data
    name = moved.data.identities[0]
    assert facegen("generate", "elsewhere", "--name", name, "--out", "face.png") == 0
    assert facegen("train", recipe, "--out", "elsewhere", "--resume", "--set", "train.steps=2") == 0


def test_changed_file_is_another_recipe(
    plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = recipe_of(plugins)
    assert facegen("train", recipe, "--out", "run") == 0
    (tmp_path / "given" / "scale.txt").rename(tmp_path / "given" / "same.txt")
    assert facegen("train", recipe_of(plugins, scale="given/same.txt"), "--out", "run", "--resume") == 0
    (tmp_path / "given" / "scale.txt").write_text("3.5")
    capsys.readouterr()
    assert facegen("train", recipe_of(plugins), "--out", "run", "--resume") == 1
    assert "was started with another recipe; they differ in conditioner" in capsys.readouterr().err


def test_missing_file_is_found_before_training(
    plugins: ThrowAwayPlugins, facegen: Facegen, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = recipe_of(plugins, folder="given/nothing")
    for words in (["check", recipe], ["train", recipe, "--out", "run"]):
        assert facegen(*words) == 1
        expected = f"Error: {recipe}: [conditioner] folder = 'given/nothing': there is no such file or folder"
        assert capsys.readouterr().err.startswith(expected)
    assert not Path("run/run.json").exists()


@pytest.mark.parametrize(
    "escape", ["/etc/hostname", "../secret.txt", "files/../../secret.txt", "files/0123456789abcdef/.."]
)
def test_path_out_of_a_run_is_refused(
    escape: str, plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facegen("train", recipe_of(plugins), "--out", "run", "--set", "train.steps=1") == 0
    (tmp_path / "secret.txt").write_text("1.0")
    text, metadata = Path("run/recipe.toml").read_text(), json.loads(Path("run/run.json").read_text())
    stored = next(file["stored"] for file in metadata["files"] if file["original"].endswith("scale.txt"))
    Path("run/recipe.toml").write_text(text.replace(stored, escape))
    for listed in (False, True):
        if listed:  # the stranger's list of files names it, too
            for file in metadata["files"]:
                file["stored"] = escape if file["stored"] == stored else file["stored"]
            Path("run/run.json").write_text(json.dumps(metadata))
        with pytest.raises(CheckpointError, match=r"not among the files|is no path in files"):
            Run.open(Path("run"))


def test_link_out_of_a_run_is_refused(plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path) -> None:
    assert facegen("train", recipe_of(plugins), "--out", "run", "--set", "train.steps=1") == 0
    (tmp_path / "secret.txt").write_text("1.0")
    files = json.loads(Path("run/run.json").read_text())["files"]
    copied = Path("run") / next(file["stored"] for file in files if file["original"].endswith("scale.txt"))
    copied.unlink()
    copied.symlink_to(tmp_path / "secret.txt")
    with pytest.raises(CheckpointError, match="leads out of the folder"):
        Run.open(Path("run"))


def test_large_file_is_named_by_its_hash(
    plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegen.training.runs.part_files.MAX_COPIED_BYTES", 4)
    recipe = recipe_of(plugins)
    assert facegen("train", recipe, "--out", "run", "--set", "train.steps=1") == 0
    assert [path.name for path in Path("run/files").glob("*/*")] == ["scale.txt"], "the folder has more than 4 bytes"
    assert facegen("train", recipe, "--out", "run", "--resume", "--set", "train.steps=1") == 0
    (tmp_path / "given" / "names" / "a.txt").write_text("other")
    with pytest.raises(CheckpointError, match=r"was not copied \(.* bytes\) and is gone or has changed"):
        Run.open(Path("run"))


def test_model_file_holds_the_files(
    plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facegen("train", recipe_of(plugins), "--out", "run", "--set", "train.steps=1") == 0
    assert facegen("export", "run", "model.safetensors") == 0
    for folder in ("given", "run"):
        shutil.rmtree(folder)
    opened = ModelFile.open(Path("model.safetensors"))
    assert str(tmp_path) not in str(opened.metadata.run.recipe)
    unpacked = Run.open(unpack_model(opened))
    settings = unpacked.recipe.configs["conditioner"][0].settings
    assert settings["scale"].is_relative_to(unpacked.path.resolve()) and settings["scale"].read_text() == "2.5"
    assert (settings["folder"] / "sub" / "b.txt").read_text() == "sub/b.txt"
    assert facegen("generate", "model.safetensors", "--name", unpacked.data.identities[0], "--out", "face.png") == 0


def test_files_of_a_judge_are_copied_like_others(plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path) -> None:
    judge = {"type": "odd", "scale": "given/scale.txt", "folder": "given/names"}
    recipe = plugins.recipe(judge={"conditioner": judge, "match": {"type": "softmax"}})
    assert facegen("train", recipe, "--out", "run", "--set", "train.steps=1") == 0
    assert facegen("export", "run", "model.safetensors") == 0
    shutil.rmtree("given")
    Path("run").rename("elsewhere")
    opened = Run.open(Path("elsewhere"))
    unpacked = Run.open(unpack_model(ModelFile.open(Path("model.safetensors"))))
    for run in (opened, unpacked):
        settings = run.recipe.judge["conditioner"][0].settings
        assert settings["scale"].is_relative_to(run.path.resolve()) and settings["scale"].read_text() == "2.5"
        assert (settings["folder"] / "sub" / "b.txt").read_text() == "sub/b.txt"
    assert str(tmp_path / "given") not in Path("elsewhere/recipe.toml").read_text()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("files/0123456789abcdef/scale.txt", b"9", "does not have the hash of its name"),
        ("files/../../escaped", b"9", "is no file of a part"),
        ("files/0123456789abcdef/../../escaped", b"9", "is no file of a part"),
        ("files//etc/escaped", b"9", "is no file of a part"),
    ],
)
def test_file_of_a_stranger_is_checked(
    name: str, content: bytes, message: str, plugins: ThrowAwayPlugins, facegen: Facegen, tmp_path: Path
) -> None:
    assert facegen("train", recipe_of(plugins), "--out", "run", "--set", "train.steps=1") == 0
    assert facegen("export", "run", "model.safetensors") == 0
    with safe_open("model.safetensors", "pt") as file:
        metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    save_file(tensors | {name: torch.tensor(list(content), dtype=torch.uint8)}, "other.safetensors", metadata)
    with pytest.raises(CheckpointError, match=message):
        ModelFile.open(Path("other.safetensors"))
    assert not list(tmp_path.rglob("escaped"))


def test_missing_plugin_is_named_with_its_package(
    plugins: ThrowAwayPlugins, facegen: Facegen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facegen("train", recipe_of(plugins), "--out", "run", "--set", "train.steps=1") == 0
    monkeypatch.undo()
    run = plugins.folder / "run"
    assert facegen("generate", run, "--name", "x", "--out", plugins.folder / "face.png") == 1
    expected = f"Error: {run}: conditioner 'odd' is of the package facegen-odd 0.3; install that package\n"
    assert capsys.readouterr().err.endswith(expected)


def test_example_of_the_documentation_looks_clips_up_by_name(
    plugins: ThrowAwayPlugins, facegen: Facegen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (REPOSITORY / "docs" / "plugins.md").read_text(encoding="utf-8")
    code = next(block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "class Given" in block)
    Path("given_vectors.py").write_text(code)
    part = Part(KINDS["conditioner"], "given", "given_vectors:Given", SOURCE)
    monkeypatch.setitem(registry().parts["conditioner"], "given", part)
    save_file({str(clip): torch.full((4,), float(clip)) for clip in range(40)}, "vectors.safetensors")
    recipe = plugins.recipe(conditioner={"type": "given", "table": "vectors.safetensors", "condition_dim": 4})
    assert facegen("train", recipe, "--out", "run", "--set", "train.steps=2") == 0
    save_file({"0": torch.zeros(4)}, "vectors.safetensors")
    capsys.readouterr()
    assert facegen("train", recipe, "--out", "other") == 1
    assert re.search(
        r"conditioner 'given' fails in forward \(.*given_vectors\.py:\d+\): KeyError", capsys.readouterr().err
    )
