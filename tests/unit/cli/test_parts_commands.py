"""list-plugins, describe and doctor, in one process; with plugins in tests/integration/test_plugin.py."""

import json
import tomllib

import pytest
from pydantic import BaseModel

from facegen.cli import doctor
from facegen.cli.doctor import Finding
from facegen.cli.main import main
from facegen.core.recipe.settings import check_table, settings_model
from facegen.core.registry import registry

PARTS = [(part.kind.name, name) for parts in registry().parts.values() for name, part in parts.items()]


def said(capsys, *arguments: str, code: int = 0) -> str:
    assert main(list(arguments)) == code
    shown = capsys.readouterr()
    return shown.out if code == 0 else shown.err


def test_every_part_is_listed(capsys):
    lines = said(capsys, "list-plugins").splitlines()
    assert lines[0].split() == ["kind", "name", "package", "version"]
    for _, name in PARTS:
        assert any(name in line.split() and "facegen" in line.split() for line in lines)
    listed = json.loads(said(capsys, "list-plugins", "--json"))
    assert {(part["kind"], part["name"]) for part in listed["parts"]} == set(PARTS)


def test_one_kind_is_listed(capsys):
    assert "relid" not in said(capsys, "list-plugins", "--kind", "generator")
    assert "did you mean 'generator'?" in said(capsys, "list-plugins", "--kind", "genrator", code=2)
    assert "relid" in said(capsys, "describe", "objective")
    assert "relid" in json.loads(said(capsys, "describe", "objective", "--json"))
    assert said(capsys, "describe", "table").split() == ["run", "draft", "train", "evaluate"]


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_every_part_is_described_with_lines_that_a_recipe_may_hold(kind, name, capsys):
    described = json.loads(said(capsys, "describe", kind, name, "--json"))
    assert described["sections"][""] and described["sections"]["Source"]
    assert all(row["meaning"] for row in [*described["settings"], *described["engine_keys"]])
    part = registry().find(kind, name)
    lines = [line for line in described["recipe"].splitlines() if "# required" not in line]
    (table,) = tomllib.loads("\n".join(lines)).values()
    assert table.pop("type") == name
    engine = {key: table.pop(key) for key in part.kind.engine_keys.model_fields if key in table}
    problems = [*check_table(part.kind.engine_keys, engine)[1], *check_table(settings_model(part.load()), table)[1]]
    assert all("is missing" in problem for problem in problems)
    if kind in ("conditioner", "generator", "discriminator"):
        assert described["layers"], described["layers_missing"]
        assert sum(row["num_parameters"] for row in described["layers"]) > 0 or name == "one_hot"


def test_a_description_on_paper(capsys):
    shown = said(capsys, "describe", "generator", "adain")
    assert shown.startswith("generator adain")
    for heading in ("Settings", "In a recipe", "Layers", "Source"):
        assert f"\n{heading}" in shown
    assert 'type = "adain"' in shown and "3 x 128 x 128" in shown
    engine = said(capsys, "describe", "penalty", "r1")
    assert "Keys of the table" in engine and "every_steps" in engine and "# keys of every penalty" in engine


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["objectiv", "relid"], "'objectiv' is not a kind of part; did you mean 'objective'?"),
        (["objective", "relld"], "objective 'relld' is not installed; did you mean 'relid'?"),
        (["table", "trian"], "[trian] is not a table that the engine reads; did you mean 'train'?"),
    ],
)
def test_nearest_names(arguments, expected, capsys):
    assert expected in said(capsys, "describe", *arguments, code=1)


@pytest.mark.parametrize("name", ["run", "draft", "train", "evaluate"])
def test_tables_of_the_engine_are_described_with_their_own_defaults(name, capsys):
    from facegen.core.recipe.recipe import ENGINE_TABLES

    described = json.loads(said(capsys, "describe", "table", name, "--json"))
    assert all(row["meaning"] for row in described["settings"])
    model: type[BaseModel] = ENGINE_TABLES[name]
    required = {"run": "runs/earlier"} if name == "draft" else {}
    lines = [line for line in described["recipe"].splitlines() if "# required" not in line]
    given = {**tomllib.loads("\n".join(lines))[name], **required}
    assert check_table(model, given) == check_table(model, required)


def test_doctor(capsys):
    shown = said(capsys, "doctor")
    for name in ("python", "facegen", "torch", "torchaudio", "torchvision", "torch-fidelity", "av", "opencv", "disk"):
        assert any(line.split()[1] == name for line in shown.splitlines())
    found = json.loads(said(capsys, "doctor", "--json"))
    assert {finding["state"] for finding in found} <= {"ok", "warn"}
    assert "haarcascade_frontalface_default.xml" in next(f["detail"] for f in found if f["name"] == "opencv")


def test_doctor_fails_where_something_needed_is_missing(monkeypatch, capsys):
    ill = [Finding("torch", "missing", "ImportError: no", "install torch"), Finding("gpu", "warn", "none", "")]
    monkeypatch.setattr(doctor, "findings", lambda: ill)
    assert main(["doctor"]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["missing", "torch", "ImportError:", "no;", "install", "torch"]
    assert second.split() == ["warn", "gpu", "none"]


@pytest.mark.parametrize(
    ("examine", "module", "name", "state"),
    [
        (doctor._torch, "torch", "torch", "missing"),
        (doctor._av, "av", "av", "missing"),
        (doctor._cv2, "cv2", "opencv", "missing"),
        (doctor._optional, "yt_dlp", "yt-dlp", "warn"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(examine, module, name, state, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    finding = next(finding for finding in examine() if finding.name == name)
    assert finding.state == state and finding.advice and module in finding.detail


def test_opencv_without_its_cascades(monkeypatch, tmp_path):
    import cv2

    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    (finding,) = doctor._cv2()
    assert finding.state == "missing" and "opencv-python-headless>=4.10,<5" in finding.advice


def test_a_full_disk_and_codecs_that_are_not_there(monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE_GIB", 1e9)
    assert [finding.state for finding in doctor._disk()] == ["warn"]
    monkeypatch.setattr(doctor, "CODECS", ("aac", "nonsense"))
    (finding,) = doctor._av()
    assert finding.state == "warn" and "no nonsense" in finding.advice
