"""A run as one file: the same faces, no names and no paths, and no harm from a file of a stranger."""

import json
import os
import shutil
import stat
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from test_draft import FIRST, SECOND
from test_evaluate_other_corpus import pack
from test_generate import pixels, write_sound
from tiny_runs import RECIPES, Facegen, settings

from facegen.api import load
from facegen.core.errors import CheckpointError
from facegen.core.model_schema import ModelMetadata
from facegen.training.runs.model_file import ModelFile
from facegen.training.runs.model_header import MAX_HEADER_BYTES
from facegen.training.runs.open_run import open_run_or_model, shipped_models
from facegen.training.runs.run import Run

Edit = Callable[[dict[str, Any], dict[str, torch.Tensor]], None]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny finished run on synthetic speakers."""
    from facegen.cli.main import main

    out = tmp_path_factory.mktemp("runs") / "run"
    recipe = str(RECIPES / "speech_relid.toml")
    assert main(["train", recipe, "--preset", "small", *settings(), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def model(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as a model file of full precision."""
    from facegen.cli.main import main

    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    assert main(["export", str(run), str(path), "--precision", "fp32", "--licence", "CC0-1.0"]) == 0
    return path


@pytest.fixture(scope="module")
def real(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights as those of a run on a packed corpus without consent."""
    folder = tmp_path_factory.mktemp("real")
    corpus = pack(folder / "corpus", "person")
    copied = Path(shutil.copytree(run, folder / "run"))
    tables = dict(Run.open(run).recipe.tables)
    speech = {key: tables["data"][key] for key in ("image_pixels", "speech_seconds")}
    tables["data"] = {"type": "packed", "path": str(corpus), **speech}
    (copied / "recipe.toml").write_text(tomli_w.dumps(tables))
    return copied


def metadata_of(path: Path) -> ModelMetadata:
    return ModelFile.open(path).metadata


def edited(path: Path, edit: Edit, out: Path) -> Path:
    """A copy of a model file with other metadata or tensors."""
    with safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()["facegen"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    edit(metadata, tensors)
    save_file(tensors, out, metadata={"facegen": json.dumps(metadata)})
    return out


@pytest.mark.parametrize(("precision", "most"), [("fp32", 0), ("fp16", 2)])
def test_a_model_file_draws_the_faces_of_the_run(
    precision: str, most: int, facegen: Facegen, run: Path, tmp_path: Path
) -> None:
    sound, path = write_sound(tmp_path / "a.wav", 1.0, 16000, 1), tmp_path / "model.safetensors"
    assert facegen("export", run, path, "--precision", precision) == 0
    for source, name in ((run, "run"), (path, "model")):
        assert facegen("generate", source, "--speech", sound, "--count", 3, "--out", tmp_path / name) == 0
    for number in (1, 2, 3):
        faces = [tmp_path / name / f"a_{name}_seed0_{number}.png" for name in ("run", "model")]
        one, other = (pixels(face).astype(int) for face in faces)
        assert np.abs(one - other).max() <= most


def test_match_and_interpolate_take_a_model_file(
    facegen: Facegen, run: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, faces = write_sound(tmp_path / "a.wav", 1.0, 16000, 1), [tmp_path / "0.png", tmp_path / "1.png"]
    for face in faces:
        Image.effect_noise((16, 16), 80).convert("RGB").save(face)
    answers = []
    for source in (run, model):
        capsys.readouterr()
        assert facegen("match", source, "--speech", sound, "--faces", *faces, "--json") == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]
    out = tmp_path / "between"
    assert facegen("interpolate", model, "--speech", sound, "--seconds", 0.5, "--rows", 1, "--out", out) == 0
    assert (out / "montage.png").exists()


def test_a_match_stage_starts_from_a_model_file(
    facegen: Facegen, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = settings(match__start=f"'{model}'", train__steps=1)
    out = tmp_path / "run"
    assert facegen("train", RECIPES / "speech_relid.toml", "--preset", "small", *options, "--out", out) == 0
    assert "match stage copied from" in capsys.readouterr().err


def test_a_model_file_holds_no_path_and_no_optimiser(run: Path, model: Path) -> None:
    metadata = metadata_of(model)
    text = metadata.model_dump_json()
    assert str(run.parent) not in text and str(Path.home()) not in text
    assert metadata.consent == "synthetic" and metadata.licence == "CC0-1.0"
    assert (metadata.step, metadata.match_step) == (2, 2)
    assert metadata.run.data.identities[0] == "speaker-0"
    with safe_open(model, framework="pt") as file:
        modules = {name.split(".")[0] for name in file.keys()}  # noqa: SIM118
    assert modules == {"face_pipeline", "adversarial_discriminator", "discriminator", "matcher"}
    assert metadata.shares_encoders  # they are frozen after the match stage, so that the face pipeline has the same


def test_a_model_file_follows_the_umask(facegen: Facegen, run: Path, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        assert facegen("export", run, tmp_path / "model.safetensors") == 0
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "model.safetensors").stat().st_mode) == 0o640


def test_a_run_on_people_without_consent_is_refused(
    facegen: Facegen, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.safetensors"
    assert facegen("export", real, path) == 1
    message = capsys.readouterr().err
    assert "60 of 60 clips of its corpus have no consent" in message and "--i-hold-consent" in message
    assert not path.exists()
    assert facegen("export", real, path, "--i-hold-consent") == 0
    printed = capsys.readouterr().out
    assert "drawn faces: smallest" in printed and "real faces of heldout_people: smallest" in printed
    metadata = metadata_of(path)
    assert metadata.consent == "declared"
    assert metadata.run.data.identities[:2] == ("person-01", "person-02")
    assert metadata.run.recipe["data"]["path"] == "not-included"
    assert str(real.parent) not in metadata.model_dump_json()


def test_names_of_people_are_kept_on_request(facegen: Facegen, real: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    assert facegen("export", real, path, "--i-hold-consent", "--keep-names") == 0
    assert metadata_of(path).run.data.identities == Run.open(real).data.identities


def test_evaluate_takes_a_model_file_and_figures_are_stored(
    facegen: Facegen, run: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.safetensors"
    source = shutil.copy(model, tmp_path / "source.safetensors")
    assert facegen("evaluate", source, "--num-clips", 24) == 0
    assert not (open_run_or_model(source).path / "evaluation").exists()
    copied = shutil.copytree(run, tmp_path / "run")
    reports = shutil.copytree(tmp_path / "source-evaluation", copied / "evaluation")
    assert facegen("export", copied, path) == 0
    (evaluation,) = metadata_of(path).evaluations
    report = json.loads((reports / "heldout_people.json").read_text())
    stored = {figure.key: figure.value for figure in evaluation.figures}
    first = report["figures"]["matching"][0]
    assert evaluation.own_corpus and stored[first["key"]] == first["value"]
    capsys.readouterr()
    assert facegen("models", path, "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["name"] == "model" and listed["num_bytes"] == path.stat().st_size
    assert listed["evaluations"][0]["figures"][0]["key"] == first["key"]


def test_shipped_models_are_listed_without_the_weights_of_others(
    facegen: Facegen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegen.parts.layers.packages.importlib.util.find_spec", lambda name: None)
    assert facegen("models") == 0
    printed = capsys.readouterr().out
    assert {"speech-64", "voice-64"} <= set(printed.splitlines())
    megabytes = shipped_models()["voice-64"].stat().st_size / 1e6
    assert f"size: {megabytes:.1f} MB" in printed and "licence: Apache-2.0" in printed
    assert facegen("models", "--json") == 0
    assert {row["name"] for row in json.loads(capsys.readouterr().out)} >= {"speech-64", "voice-64"}


def test_no_shipped_model_is_a_message(
    facegen: Facegen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegen.core.shipped_models.shipped_models", lambda: {})
    assert facegen("models") == 0
    assert "No models ship with this version of facegen" in capsys.readouterr().out


def test_a_shipped_model_is_found_by_its_name(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facegen.training.runs.open_run.shipped_models", lambda: {"speech-16": model})
    assert open_run_or_model("speech-16").data.image_pixels == 16
    with pytest.raises(CheckpointError, match="did you mean 'speech-16'"):
        open_run_or_model("speech-17.safetensors")


def _set(*keys: str, value: Any) -> Edit:
    def edit(metadata: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        table = metadata
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = value

    return edit


def _add_tensor(metadata: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    tensors["face_pipeline.more"] = torch.zeros(2)


def _drop_tensor(metadata: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    tensors.pop(next(name for name in tensors if name.startswith("matcher.")))


def _lengthen(metadata: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    name = next(name for name in tensors if name.startswith("discriminator.") and tensors[name].dim() == 4)
    tensors[name] = torch.cat([tensors[name], tensors[name]])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_set("run", "data", "sample_rate_hz", value=10**9), "run.data.sample_rate_hz = 1000000000: must be less than"),
        (_set("run", "data", "speech_samples", value=10**12), "run.data.speech_samples = 1000000000000: must be less"),
        (_set("run", "recipe", "data", "image_pixels", value=10**9), "image_pixels = 1000000000: must be less than"),
        (_set("run", "recipe", "generator", "type", value="not_there"), "generator 'not_there' is not installed"),
        (_set("run", "recipe", "extra", value={}), "[extra] is not a table of a recipe"),
        (_set("extra", value=1), "extra is not a key here"),
        (_set("format_version", value=1), "format 1; this facegen reads format 2"),
        (_set("step", value=None), "step must be given for a recipe with a generator"),
        (_add_tensor, "tensor 'face_pipeline.more' is unknown"),
        (_drop_tensor, "is missing"),
        (_lengthen, "instead of torch.float32"),
    ],
)
def test_a_hostile_file_is_refused_before_anything_is_allocated(
    edit: Edit, message: str, model: Path, tmp_path: Path
) -> None:
    path = edited(model, edit, tmp_path / "hostile.safetensors")
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as error:
            ModelFile.open(path)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()
    assert message in str(error.value) and str(path) in str(error.value)


def test_a_missing_plugin_is_named_with_its_package_and_version(model: Path, tmp_path: Path) -> None:
    def edit(metadata: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        metadata["run"]["recipe"]["generator"]["type"] = "painter"
        metadata["plugins"] = {"generator painter": "facegen-painter 1.2", "objective other": "facegen-other 3"}

    path = edited(model, edit, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"generator 'painter' is of the package facegen-painter 1\.2") as error:
        ModelFile.open(path)
    assert "facegen-other" not in str(error.value)


def test_nan_is_refused(model: Path, tmp_path: Path) -> None:
    def edit(metadata: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        next(value for name, value in tensors.items() if name.startswith("matcher.")).fill_(torch.nan)

    path = edited(model, edit, tmp_path / "nan.safetensors")
    with pytest.raises(CheckpointError, match=r"tensor 'matcher\..*' holds NaN or infinity"):
        open_run_or_model(path)


def test_paths_of_a_strangers_file_lead_nowhere(model: Path, tmp_path: Path) -> None:
    data = {"type": "packed", "path": "/etc", "image_pixels": 16, "speech_seconds": 0.3}
    path = edited(model, _set("run", "recipe", "data", value=data), tmp_path / "model.safetensors")
    assert open_run_or_model(path).recipe.tables["data"]["path"] == "not-included"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is cut short, or is no safetensors file"),
        (b"\xff" * 8, "is cut short, or is no safetensors file"),
        ((2**40).to_bytes(8, "little") + b"{}", "is cut short, or is no safetensors file"),
        ((2).to_bytes(8, "little") + b"[]", "is damaged"),
        ((2).to_bytes(8, "little") + b"{}", "holds no metadata of facegen"),
    ],
)
def test_a_file_of_another_kind_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        open_run_or_model(path)


def test_a_truncated_file_is_refused(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="is damaged"):
        open_run_or_model(path)


def test_a_long_header_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    length = MAX_HEADER_BYTES + 1
    with path.open("wb") as file:
        file.write(length.to_bytes(8, "little"))
        file.truncate(8 + length)
    with pytest.raises(CheckpointError, match="its header has 40 MiB; 40 MiB are allowed"):
        open_run_or_model(path)


def same_faces(one: Path, other: Path) -> bool:
    """Two runs or models draw the same faces of a person by name."""
    first, second = (load(source).sample(name="speaker-3", count=2) for source in (one, other))
    return all(np.array_equal(np.asarray(face), np.asarray(twin)) for face, twin in zip(first, second, strict=True))


def test_a_run_with_a_draft_and_without_a_match_stage(facegen: Facegen, tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text(FIRST)
    (tmp_path / "second.toml").write_text(SECOND)
    run, first = tmp_path / "second", tmp_path / "first.safetensors"
    assert facegen("train", tmp_path / "second.toml", "--out", run) == 0
    second = tmp_path / "second.safetensors"
    assert facegen("export", run, second, "--precision", "fp32") == 0
    assert same_faces(run, second)
    assert len(metadata_of(second).drafts) == 1 and metadata_of(second).match_step is None
    assert facegen("export", tmp_path / "first", first, "--precision", "fp32") == 0
    assert same_faces(tmp_path / "first", first)
    (tmp_path / "third.toml").write_text(SECOND.replace("first.toml", str(first)))
    assert facegen("train", tmp_path / "third.toml", "--out", tmp_path / "third") == 0
    assert same_faces(run, tmp_path / "third")
