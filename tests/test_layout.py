"""Unit tests stand where their modules stand: tests/unit/data/media/test_audio.py tests facegen/data/media/audio.py."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
UNIT = PROJECT / "tests" / "unit"
FILES = sorted(path.relative_to(UNIT) for path in UNIT.rglob("test_*.py"))
CROSSES_MODULES = {
    "data/importers/test_one_person_one_name.py": "one rule about names, from the importers to the removal of a person",
    "training/test_kills.py": "a killed run resumes exactly, whatever was being written",
}
"""{test file: why it belongs to no single module}."""


def package_of(test_file: Path) -> Path:
    """The folder of the tested package: facegen/data/media for tests/unit/data/media."""
    root = PROJECT if test_file.parts[0] in ("studies", "benchmarks") else PROJECT / "facegen"
    return root / test_file.parent


def modules_of(package: Path) -> set[str]:
    """Names that a test file of a package may begin with: its modules, and the package itself."""
    return {path.stem for path in package.glob("*.py")} | {package.name}


@pytest.mark.parametrize("test_file", FILES, ids=str)
def test_a_unit_test_stands_beside_its_module(test_file: Path) -> None:
    """Several files may test one module: test_audio.py and test_audio_faults.py."""
    package, subject = package_of(test_file), test_file.stem.removeprefix("test_")
    assert package.is_dir(), f"tests/unit/{test_file}: there is no {package.relative_to(PROJECT)}"
    names = modules_of(package)
    if test_file.as_posix() not in CROSSES_MODULES:
        assert any(subject == name or subject.startswith(f"{name}_") for name in names), (
            f"tests/unit/{test_file} is named after no module of {package.relative_to(PROJECT)}; "
            f"its modules are {', '.join(sorted(names - {'__init__'}))}"
        )


def test_exceptions_exist() -> None:
    assert set(CROSSES_MODULES) <= {path.as_posix() for path in FILES}


def test_file_names_are_unique() -> None:
    """pytest imports test files and their helpers by name alone."""
    names = [path.name for folder in ("tests", "plugins") for path in (PROJECT / folder).rglob("*.py")]
    repeated = {name for name in names if names.count(name) > 1}
    assert repeated <= {"__init__.py", "conftest.py"}
