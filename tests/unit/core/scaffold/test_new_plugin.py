"""New plugins of every kind: they pass their own tests and ruff as written, and facegen finds and checks them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facegen.cli.main import main
from facegen.core.kinds import KINDS
from facegen.core.scaffold.new_plugin import MAX_NAME_LENGTH, write_plugin

PROJECT = Path(__file__).parents[4]
CHECK_RECIPES = """
from pathlib import Path
from facegen.core.kinds import RECIPE_KINDS
from facegen.core.recipe.recipe import read_recipe
for kind in RECIPE_KINDS:
    recipe = read_recipe(Path(f"facegen-my-{kind}/recipe.toml"), preset="small")
    assert f"my_{kind}" in [config.name for config in recipe.configs[kind]], kind
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a new plugin of every kind, and the metadata that pip would write about them."""
    home = tmp_path_factory.mktemp("plugins")
    for kind in KINDS:
        write_plugin(f"my-{kind}", kind, home)
        info = home / f"facegen_my_{kind}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: facegen-my-{kind}\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[facegen]\nmy_{kind} = facegen_my_{kind}\n")
    return home


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    paths = [PROJECT, home, *home.glob("facegen-*")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=home, env=environment)


def test_new_plugins_pass_their_own_tests(plugins: Path) -> None:
    """All of them in one process, which imports torch once."""
    options = ["-q", "-W", "error", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(plugins)]
    done = run(plugins, "-m", "pytest", *options, *(f"facegen-my-{kind}/tests" for kind in KINDS))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_recipes_of_new_plugins_are_valid(plugins: Path) -> None:
    done = run(plugins, "-c", CHECK_RECIPES)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("length", [1, MAX_NAME_LENGTH])
def test_new_plugins_pass_ruff_with_short_and_long_names(tmp_path: Path, length: int) -> None:
    pytest.importorskip("ruff")
    for kind in KINDS:
        write_plugin("x" * length, kind, tmp_path / kind)
    for words in (["check"], ["format", "--check", "--diff"]):
        done = run(tmp_path, "-m", "ruff", *words, "--no-cache", ".")
        assert done.returncode == 0, done.stdout


def test_the_command_names_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "facegen-soft-hinge", "--kind", "objective"]) == 0
    printed = capsys.readouterr().out.splitlines()
    files = [str(path.relative_to(tmp_path)) for path in (tmp_path / "facegen-soft-hinge").rglob("*") if path.is_file()]
    assert sorted(printed[:-1]) == sorted(files)
    assert (
        '"soft_hinge": "facegen_soft_hinge.soft_hinge:SoftHinge"'
        in Path("facegen-soft-hinge/facegen_soft_hinge/__init__.py").read_text()
    )
    assert main(["new-plugin", "soft_hinge", "--kind", "objective"]) == 1
    assert "facegen-soft-hinge: exists already; remove it" in capsys.readouterr().err


@pytest.mark.parametrize("words, code, message", [
    (["Hinge", "--kind", "objective"], 1, "'Hinge' cannot be the name of a plugin: must be lower-case letters"),
    (["for", "--kind", "objective"], 1, "'for' cannot be the name of a plugin"),
    (["a" * 25, "--kind", "objective"], 1, "at most 23 of them"),
    (["../hinge", "--kind", "objective"], 1, "cannot be the name of a plugin"),
    (["relid", "--kind", "objective"], 1, "'relid': plugin 'facegen' (package facegen"),
    (["hinge", "--kind", "objectve"], 2, "'objectve' is not a kind of part; did you mean 'objective'?"),
    (["hinge"], 2, "Missing option '--kind'"),
])  # fmt: skip
def test_wrong_names_and_kinds(
    words: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", *words]) == code
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
