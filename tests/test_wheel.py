"""Wheel and source distribution: what works in a checkout works after an installation."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (built,) = WheelBuilder(str(PROJECT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return Path(built)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (built,) = SdistBuilder(str(PROJECT)).build(directory=str(tmp_path_factory.mktemp("sdist")), versions=["standard"])
    return Path(built)


def files_of(folder: str, pattern: str = "*") -> set[str]:
    """Files of the checkout, relative to it, without what tests and builds leave there."""
    paths = (path.relative_to(PROJECT) for path in (PROJECT / folder).rglob(pattern) if path.is_file())
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts}


def unpack(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_the_package_and_the_recipes(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        recipe = archive.read("facegen/recipes/speech_relid.toml")
    recipes = {f"facegen/recipes/{path.name}" for path in (PROJECT / "recipes").glob("*.toml")}
    assert names == recipes | files_of("facegen")
    assert recipe == (PROJECT / "recipes" / "speech_relid.toml").read_bytes()


def test_the_wheel_holds_the_models_with_their_cards(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    models = files_of("facegen/models", "*.safetensors")
    if not models:
        pytest.skip("facegen/models holds no model; `make models` trains and exports them")
    assert models <= names
    assert {name.replace(".safetensors", ".md") for name in models} <= names


def test_the_source_distribution_builds_the_same_wheel(wheel, sdist, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    (again,) = WheelBuilder(str(source)).build(directory=str(tmp_path / "wheel"), versions=["standard"])
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {item.filename: item.CRC for item in one.infolist()} == {
            item.filename: item.CRC for item in other.infolist()
        }


def test_the_source_distribution_holds_what_its_tests_and_documentation_need(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    wanted = files_of("recipes") | files_of("docs") | files_of("tests", "*.py") | files_of("plugins", "*.py")
    assert wanted | {"Makefile", "mkdocs.yml", "LICENSE", "CITATION.cff", "CHANGELOG.md"} <= names
    assert not [name for name in names if name.startswith(("runs/", "build/", ".venv/"))]


def test_the_installed_wheel_works_in_an_empty_folder(wheel, tmp_path):
    site, work = unpack(wheel, tmp_path / "site"), tmp_path / "work"
    work.mkdir()
    program = "import sys; from facegen.cli.main import main; sys.exit(main(sys.argv[1:]))"

    def facegen(*arguments: str) -> str:
        command = [sys.executable, "-P", "-W", "error", "-c", program, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(site), "HOME": str(work)}
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    location = [sys.executable, "-P", "-c", "import facegen; print(facegen.__file__)"]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    imported = subprocess.run(location, cwd=work, env=environment, capture_output=True, text=True, check=True).stdout
    assert Path(imported.strip()).is_relative_to(site)
    assert "speech_relid" in facegen("recipes")
    assert "relid" in facegen("list-plugins")
    facegen("recipes", "speech_relid", "--copy", "my.toml")
    assert (work / "my.toml").is_file()
    facegen("check", "my.toml", "--preset", "small")
