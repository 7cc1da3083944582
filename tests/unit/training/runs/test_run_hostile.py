"""Runs and model files of strangers: any change of them is refused with a message, or is harmless."""

import copy
import json
import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_training import tiny_recipe

from facegen.core.errors import CheckpointError, FacegenError, TrainingError
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.inference.load import load_face_pipeline, load_matching
from facegen.training import train
from facegen.training.devices import device_of_finished
from facegen.training.distributed import Distributed
from facegen.training.runs import part_files
from facegen.training.runs.conditions import read_conditions
from facegen.training.runs.model_export import ExportSettings, export_run
from facegen.training.runs.model_file import ModelFile
from facegen.training.runs.model_unpacking import unpack_model
from facegen.training.runs.part_files import RunFile
from facegen.training.runs.run import Run

CPU = torch.device("cpu")
VALUES: list[Any] = [
    None, True, -1, 0, 1, 2, 10**6, 10**9, 2**63, 10**40, -0.5, 1e308, float("inf"), float("nan"), "", "x", "\x00",
    "\ud800", "a" * 100_000, "../../etc", [], [[]], [1, "a"], {}, {"type": "mfcc"}, {"a": {"b": []}}, [{}], "cuda",
]  # fmt: skip
NESTED = json.loads("[" * 500 + "]" * 500)
SLOW = settings(
    max_examples=int(os.environ.get("FACEGEN_FUZZ_EXAMPLES", "20")), deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = tiny_recipe(game=True)
    out = tmp_path_factory.mktemp("runs") / "run"
    return train.train(recipe, out, resume=True, observer=Observer(), interruption=Interruption())


@pytest.fixture(scope="module")
def model(run: Run) -> Path:
    path = run.path.parent / "model.safetensors"
    export_run(run, path, ExportSettings())
    return path


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value inside tables and lists."""
    yield above
    items = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*above, key))


@st.composite
def changes(draw: st.DrawFn, values: Any) -> Any:
    """Draw a copy of nested values of which one or two were replaced, removed or added."""
    values = copy.deepcopy(values)
    for _ in range(draw(st.integers(1, 2))):
        *above, last = draw(st.sampled_from([place for place in places(values) if place]))
        table = values
        for key in above:
            table = table[key]
        action = draw(st.sampled_from(["replace", "replace", "replace", "remove", "add"]))
        value = draw(
            st.sampled_from([*VALUES, NESTED]).map(copy.deepcopy) | st.integers() | st.floats() | st.text(max_size=5)
        )
        if action == "remove":
            del table[last]
        elif action == "add" and isinstance(table, dict):
            table[draw(st.sampled_from(["extra", "type", "name", "format", "steps"]))] = value
        else:
            table[last] = value
    return values


def is_answered(path: Path) -> bool:
    """Open a run as every command does; tell whether it can be used, or is refused with messages of bounded length."""
    try:
        run = Run.open(path)
        return not (load_face_pipeline(run, CPU).training or load_matching(run, CPU).encoders.training)
    except FacegenError as error:
        return bool(error.problems) and all(problem and len(problem) < 5000 for problem in error.problems)


def changed(run: Run, name: str, text: str | bytes) -> Path:
    """Return the folder of a copy of a run in which one file has another content."""
    folder = run.path.parent / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(run.path, folder)
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    (folder / name).write_bytes(data)
    return folder


@SLOW
@given(st.data())
def test_any_run_json(run: Run, data: st.DataObject) -> None:
    about = json.loads((run.path / "run.json").read_text())
    assert is_answered(changed(run, "run.json", json.dumps(data.draw(changes(about)))))


@SLOW
@given(st.data())
def test_any_state_json(run: Run, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([run.generator_checkpoint(), run.match_folder])) / "state.json"
    text = json.dumps(data.draw(changes(json.loads(path.read_text()))))
    assert is_answered(changed(run, str(path.relative_to(run.path)), text))


@SLOW
@given(st.data())
def test_any_recipe(run: Run, data: st.DataObject) -> None:
    tables = tomllib.loads((run.path / "recipe.toml").read_text())
    try:
        text = tomli_w.dumps(data.draw(changes(tables)))
    except (TypeError, ValueError, AttributeError, RecursionError):  # no TOML
        return
    assert is_answered(changed(run, "recipe.toml", text))


@SLOW
@given(st.binary(max_size=200), st.sampled_from(["run.json", "recipe.toml", "checkpoints/match/state.json"]))
def test_any_bytes(run: Run, content: bytes, name: str) -> None:
    assert is_answered(changed(run, name, content + (run.path / name).read_bytes()[len(content) :]))


@SLOW
@given(st.data())
def test_any_metadata_of_a_model_file(model: Path, data: st.DataObject) -> None:
    with safe_open(model, framework="pt") as file:
        metadata = json.loads(file.metadata()["facegen"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    path = model.with_name("changed.safetensors")
    save_file(tensors, path, metadata={"facegen": json.dumps(data.draw(changes(metadata)))})
    try:
        ModelFile.open(path)
    except FacegenError as error:
        assert error.problems


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("data", "sample_rate_hz"), 10**9, "sample_rate_hz = 1000000000: must be less than or equal to 96000"),
        (("data", "image_pixels"), 10**6, "image_pixels = 1000000: must be less than or equal to 1024"),
        (("data", "speech_samples"), 10**12, "speech_samples = 1000000000000: must be less than"),
        (("data", "text_dim"), 10**9, "text_dim = 1000000000: must be less than"),
        (("data", "more"), 1, "data.more is not a key here"),
        (("versions",), {"torch": 2}, "versions.torch = 2: must be a valid string"),
        (("corpus_fingerprint",), None, "corpus_fingerprint = null: must be a valid string"),
        (("start",), {"source": "x", "step": 1, "weights": "0"}, "start.weights"),
        (("changes",), [{}], "changes.0.stage is missing"),
    ],
)
def test_bounds_of_run_json(run: Run, keys: tuple[str, ...], value: Any, message: str) -> None:
    about = json.loads((run.path / "run.json").read_text())
    table = about
    for key in keys[:-1]:
        table = table[key]
    table[keys[-1]] = value
    with pytest.raises(CheckpointError, match="the run is damaged") as error:
        Run.open(changed(run, "run.json", json.dumps(about)))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "changes_of_tables",
    [{"generator": {"noise_dim": 65536, "width": 4096}}, {"discriminator": {"width": 65536, "max_width": 65536}}],
)
def test_networks_far_beyond_the_weights_are_refused_unbuilt(run: Run, changes_of_tables: dict[str, Any]) -> None:
    tables = tomllib.loads((run.path / "recipe.toml").read_text())
    for name, values in changes_of_tables.items():
        tables[name] |= values
    with pytest.raises(CheckpointError, match=r"asks for networks of more than \d+ MiB, .* do not belong together"):
        load_face_pipeline(Run.open(changed(run, "recipe.toml", tomli_w.dumps(tables))), CPU)


def test_somewhat_larger_networks_are_refused_by_their_shapes(run: Run) -> None:
    tables = tomllib.loads((run.path / "recipe.toml").read_text())
    tables["generator"]["width"] = 3
    with pytest.raises(CheckpointError, match=r"ema.safetensors: holds another network .* instead of \("):
        load_face_pipeline(Run.open(changed(run, "recipe.toml", tomli_w.dumps(tables))), CPU)


def test_a_run_of_a_machine_with_cuda_is_used_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of_finished("cuda") == device_of_finished("auto") == CPU
    with pytest.raises(TrainingError, match=r"no CUDA device on this machine; .*--set run.device=cpu"):
        Distributed.join("cuda")


def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(run: Run) -> None:
    for name in ("log.jsonl", "conditions.safetensors"):
        folder = changed(run, "run.json", (run.path / "run.json").read_text())
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
        assert is_answered(folder)
        assert Run.open(folder).read_log() == [] or name != "log.jsonl"
        assert read_conditions(folder) == {} or name == "log.jsonl"


def test_lines_of_a_log_that_are_none_are_left_out(run: Run) -> None:
    lines = ['{"stage": "train", "step": 1, "x": 2}', "[" * 100_000, '{"stage": "train", "step": "1"}',
             '{"stage": 3, "step": 1}', '{"stage": "train", "step": 1' + "0" * 400 + "}", "9" * 5000,
             '{"stage": "train", "step": 1, "\\ud800": 1}']  # fmt: skip
    folder = changed(run, "log.jsonl", "\n".join(lines) + "\n")
    for name in ("step_x.png", "step_00000009.png", f"step_{'9' * 90}.png"):
        (folder / "samples" / name).touch()
    opened = Run.open(folder)
    assert opened.read_log() == [{"stage": "train", "step": 1, "x": 2}]
    opened.rewind("train", 3)
    assert {"step_x.png"} <= {path.name for path in (folder / "samples").iterdir()}
    assert not (folder / "samples" / "step_00000009.png").exists()


def test_a_run_that_is_its_own_draft_is_refused(run: Run) -> None:
    folder = changed(run, "run.json", (run.path / "run.json").read_text())
    (folder / "draft").symlink_to(".")
    with pytest.raises(CheckpointError, match="is draft 5 of a run, and at most 4 refine each other's faces"):
        load_face_pipeline(Run.open(folder), CPU)


def test_a_folder_of_this_machine_is_not_read_for_a_stranger(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a").write_text("mine")
    file = RunFile(str(tmp_path / "own"), "0" * 64, 10**9, "")
    os.mkfifo(tmp_path / "own" / "pipe")  # hashing would wait for it, if it counted as a file
    with pytest.raises(CheckpointError, match="is gone or has changed"):
        part_files._locate(tmp_path, Path(file.original), [file])


FILE_NAMES = st.one_of(
    st.sampled_from(["with space", "[bold]x", "für 日本", "-x", "--out", "a'b\"c", "new\nline", "%s", "{x}", "..."]),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=20),
    st.binary(min_size=1, max_size=20).map(os.fsdecode),
).filter(lambda name: not {"/", "\0"} & set(name) and name not in (".", ".."))  # fmt: skip


@settings(SLOW, max_examples=8)
@given(name=FILE_NAMES)
def test_any_name_of_a_run_and_of_a_model_file(run: Run, model: Path, name: str) -> None:
    folder = run.path.parent / "named" / name
    shutil.rmtree(folder.parent, ignore_errors=True)
    shutil.copytree(run.path, folder)
    opened = Run.open(folder)
    assert opened.name == name and load_face_pipeline(opened, CPU).condition_dim
    copied = folder.parent / f"{name}.safetensors"
    shutil.copyfile(model, copied)
    unpacked = Run.open(unpack_model(ModelFile.open(copied)))
    assert unpacked.name == copied.stem and load_matching(unpacked, CPU).encoders.condition_dim
