"""Imports point one way: cli -> api -> evaluation, collect -> inference -> training -> data -> core; parts -> core."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import facegen

PACKAGE = Path(facegen.__file__).parent
MAY_IMPORT = {
    "core": {"core"},
    "data": {"core", "data"},
    "parts": {"core", "parts"},
    "testing": {"core", "testing"},
    "training": {"core", "data", "training"},
    "inference": {"core", "data", "training", "inference"},
    "collect": {"core", "data", "training", "collect"},
    "evaluation": {"core", "data", "training", "inference", "evaluation"},
    "cli": {"core", "data", "training", "inference", "collect", "evaluation", "cli"},
}
ENGINE = {"data", "training", "inference", "evaluation", "collect"}
"""Folders whose code is given the parts that it needs, and asks the registry for none."""
ONLY_IN_CLI = {"click", "rich"}
ONLY_IN_OPTIONAL_IMPORTS = {"torchaudio", "torchvision", "torch_fidelity"}
# The table of contents of the built-in parts is the one plugin without an entry point.
ALLOWED = {("core/registry.py", "parts")}
# The weights that FID is defined by are published as a pickle alone; torch reads tensors out of it, and runs nothing.
READS_TENSORS_OF_A_PICKLE = "parts/metrics/inception_weights.py"
PART_LAYERS = "layers"
"""Below parts/: building blocks that parts of every kind may share."""


def imports_of(path: Path) -> list[str]:
    """Every module, and every name from a module, that a file imports, wherever in the file."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names += [f"{node.module}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names += [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
    return names


FILES = {path.relative_to(PACKAGE).as_posix(): imports_of(path) for path in sorted(PACKAGE.rglob("*.py"))}


def part_of(name: str) -> str | None:
    """The part of the house that a module belongs to; None outside, and for the package itself."""
    pieces = name.split(".")
    inside = len(pieces) > 1 and pieces[0] == "facegen"
    return pieces[1] if inside and (PACKAGE / pieces[1]).is_dir() else None


def test_every_folder_has_its_place():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= {*MAY_IMPORT, "models"}  # trained models, which hold no code


@pytest.mark.parametrize("path", [path for path in FILES if "/" in path])
def test_imports_point_one_way(path):
    folder = path.split("/")[0]
    for name in FILES[path]:
        target = part_of(name)
        allowed = target is None or target in MAY_IMPORT[folder] or (path, target) in ALLOWED
        assert allowed, f"facegen/{path} imports {name}, but {folder} may import {sorted(MAY_IMPORT[folder])} only"


def test_the_python_interface_stands_between_the_command_line_and_the_engine():
    """It imports nothing of the command line, and nothing but the command line imports it."""
    assert {part_of(name) for name in FILES["api.py"]} - {None} <= set(MAY_IMPORT) - {"cli", "parts", "testing"}
    users = {path for path, names in FILES.items() if any(f"{name}.".startswith("facegen.api.") for name in names)}
    assert {path.split("/")[0] for path in users} == {"cli"}


@pytest.mark.parametrize("path", [path for path in FILES if path.startswith("parts/") and path.count("/") > 1])
def test_a_part_imports_no_part_of_another_kind(path):
    kind = path.split("/")[1]
    for name in FILES[path]:
        if name.startswith("facegen.parts."):
            assert name.split(".")[2] in {kind, PART_LAYERS}, f"facegen/{path} imports {name}"


def registry_lookups(source: str) -> list[str]:
    """Every import of the registry and every call of it; its types may be named."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{name.name}" for name in node.names}
            found += sorted(names & {"facegen.core.registry", "facegen.core.registry.registry"})
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.startswith("facegen.core.registry")]
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            found += [f"{called}()"] if called.split(".")[-1] == "registry" else []
    return found


@pytest.mark.parametrize("path", [path for path in FILES if path.split("/")[0] in ENGINE])
def test_the_engine_asks_the_registry_for_no_part(path):
    found = registry_lookups((PACKAGE / path).read_text(encoding="utf-8"))
    assert not found, f"facegen/{path} uses the registry ({', '.join(found)}); what it needs is passed in"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from facegen.core.registry import registry", ["facegen.core.registry.registry"]),
        ("from facegen.core import registry as r", ["facegen.core.registry"]),
        ("import facegen.core.registry", ["facegen.core.registry"]),
        ("haar = core.registry().find('detector', 'haar')", ["core.registry()"]),
        ("from facegen.core.registry import Part", []),
    ],
)
def test_a_registry_lookup_is_seen(source, found):
    assert registry_lookups(source) == found


@pytest.mark.parametrize("path", list(FILES))
def test_the_command_line_and_the_optional_imports_keep_to_themselves(path):
    roots = {name.split(".")[0] for name in FILES[path]}
    if not path.startswith("cli/"):
        assert not roots & ONLY_IN_CLI, f"facegen/{path} imports {roots & ONLY_IN_CLI}"
    if path != "core/optional_imports.py":
        assert not roots & ONLY_IN_OPTIONAL_IMPORTS, f"facegen/{path} goes past facegen.core.optional_imports"


@pytest.mark.parametrize("path", list(FILES))
def test_nothing_unpickles(path):
    assert not {name.split(".")[0] for name in FILES[path]} & {"pickle", "dill", "joblib", "cloudpickle"}
    text = (PACKAGE / path).read_text(encoding="utf-8")
    safe = 'torch.load(path, map_location="cpu", weights_only=True)' if path == READS_TENSORS_OF_A_PICKLE else ""
    assert text.count("torch.load") == bool(safe) and safe in text


@pytest.mark.parametrize("path", sorted(set(FILES) - {"core/files.py"}))
def test_one_module_renames_syncs_and_locks(path):
    """What a kill or a full disk leaves behind is decided, and tested, in one place."""
    text = (PACKAGE / path).read_text(encoding="utf-8")
    direct = r"\bos\.(?:replace|rename|link|fsync)\b|\b(?:tempfile|fcntl)\.|\.rename\(|\bshutil\.move\b"
    calls = re.findall(direct, text)
    assert not calls, f"facegen/{path} uses {calls}; see facegen.core.files"


def torch_free(program: str) -> None:
    program += "\nimport sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    "program",
    [
        "import facegen",
        "from facegen import hookimpl, RecipeError",
        "from facegen.cli.main import main; main(['list-plugins'])",
        "from facegen.cli.main import main; main(['describe', 'table', 'train'])",
        # What each process of a collection needs, and who only asks how far it is.
        "import facegen.collect.task, facegen.collect.video.examine; from facegen.core.registry import registry;"
        "[registry().find(kind, name).load() for kind, name in (('detector', 'haar'), ('executor', 'processes'))]",
        "import facegen.cli.collect, facegen.collect.status",
    ],
)
def test_without_torch(program):
    torch_free(program)


def test_public_names():
    assert set(facegen.__all__) <= set(dir(facegen)) and "Objective" in facegen.__all__
    for name in facegen.__all__:
        assert getattr(facegen, name).__doc__ or name in ("Terms", "hookimpl")
    with pytest.raises(AttributeError, match="module 'facegen' has no attribute 'Objectiv'"):
        _ = facegen.Objectiv
