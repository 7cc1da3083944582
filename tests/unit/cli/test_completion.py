"""Shell completion, as the scripts of a shell ask for it."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from facegen.cli.main import facegen
from facegen.core.kinds import KINDS
from facegen.core.recipe.shipped import shipped_recipes


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completed(line: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what completes the last word of a command line; "FILE" where the shell completes a path."""
    monkeypatch.setenv("COMP_WORDS", f"facegen {line}")
    *words, incomplete = line.split(" ")
    items = ShellComplete(facegen, {}, "facegen", "_FACEGEN_COMPLETE").get_completions(words, incomplete)
    return ["FILE" if item.type == "file" else item.value for item in items]


def test_kinds_and_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed("describe ", monkeypatch) == [*KINDS, "table"]
    assert completed("describe obj", monkeypatch) == ["objective"]
    assert completed("describe objective relat", monkeypatch) == ["relativistic", "relativistic_average"]
    assert completed("describe table t", monkeypatch) == ["train"]
    assert completed("describe nothing ", monkeypatch) == []
    assert completed("list-plugins --kind log", monkeypatch) == ["logger"]


@pytest.mark.parametrize("command", ["train", "check", "sweep"])
def test_recipes_and_their_presets(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert completed(f"{command} ", monkeypatch) == list(shipped_recipes())
    assert completed(f"{command} my", monkeypatch) == ["FILE"]
    assert completed(f"{command} speech_relid --preset s", monkeypatch) == ["small"]
    assert completed(f"{command} nothing --preset s", monkeypatch) == []


def test_presets_of_a_file_and_of_the_recipe_that_it_extends(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("my.toml").write_text('extends = "speech_relid"\n[preset.mine]\ntrain.steps = 1\n')
    assert completed("train my.toml --preset ", monkeypatch) == ["mine", "small", "medium"]
    Path("my.toml").write_text("damaged = ")
    assert completed("train my.toml --preset ", monkeypatch) == []


@pytest.mark.parametrize("command", ["generate", "evaluate", "compare", "match", "interpolate", "export"])
def test_runs_and_models(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facegen.cli.completion.shipped_models", lambda: {"speech-64": Path("x")})
    for folder in ("runs/b", "runs/a", "runs/sweep/seed-0", "runs/no_run"):
        Path(folder).mkdir(parents=True)
        if "no_run" not in folder:
            (Path(folder) / "run.json").touch()
    assert completed(f"{command} ", monkeypatch) == ["runs/a", "runs/b", "runs/sweep/seed-0", "speech-64"]
    assert completed(f"{command} runs/s", monkeypatch) == ["runs/sweep/seed-0"]
    assert completed(f"{command} elsewhere/", monkeypatch) == ["FILE"]


def test_models_and_shipped_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facegen.cli.completion.shipped_models", lambda: {"speech-64": Path("x")})
    assert completed("models sp", monkeypatch) == ["speech-64"]
    assert completed("recipes text_stackgan", monkeypatch) == ["text_stackgan_1", "text_stackgan_2"]


def test_completion_does_not_import_torch() -> None:
    code = (
        "import sys; from click.shell_completion import ShellComplete; from facegen.cli.main import facegen\n"
        "complete = ShellComplete(facegen, {}, 'facegen', '_FACEGEN_COMPLETE').get_completions\n"
        "for words in (['describe', 'objective'], ['train'], ['generate'], ['evaluate'], ['sweep'], ['models']):\n"
        "    complete(words, '')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
