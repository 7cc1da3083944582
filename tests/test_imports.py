"""Import directions: cli -> api -> evaluation -> inference -> training -> data; collect -> data; all -> core."""

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
    "collect": {"core", "data", "collect"},
    "evaluation": {"core", "data", "training", "inference", "evaluation"},
    "cli": {"core", "data", "training", "inference", "collect", "evaluation", "cli"},
}
ENGINE = {"data", "training", "inference", "evaluation", "collect"}
"""Packages that never ask the registry for a part: what they need is passed in."""
ONLY_IN_CLI = {"click", "rich"}
ONLY_IN_OPTIONAL_IMPORTS = {"torchaudio", "torchvision", "torch_fidelity"}
# facegen.parts, the list of the built-in parts, is the only plugin without an entry point.
ALLOWED = {("core/registry.py", "parts")}
# Weights of other projects are published as pickles; torch reads the tensors without running code from them.
READS_TENSORS_OF_A_PICKLE = "core/tensor_files.py"
PART_LAYERS = "layers"
"""Folder in parts/ that parts of every kind may import."""
SAME_NAMES = [
    # A generator, a discriminator or an objective of one method, and the layer that both networks use.
    {"parts/generators/began.py", "parts/objectives/began.py"},
    {"parts/generators/dcgan.py", "parts/discriminators/dcgan.py"},
    {"parts/generators/r3gan.py", "parts/discriminators/r3gan.py"},
    {"parts/generators/self_attention.py", "parts/discriminators/self_attention.py", "parts/layers/self_attention.py"},
    {"parts/generators/voice2face.py", "parts/discriminators/voice2face.py"},
    # People of a collection, and of the synthetic corpus.
    {"collect/manifest/people.py", "data/synthetic/people.py"},
    # A folder with files of people: what a collection writes, and what an import reads.
    {"collect/folder.py", "data/importers/folder.py"},
    # Settings and tables of a recipe, and of a list of sources or a report.
    {"core/recipe/settings.py", "collect/settings.py"},
    {"core/recipe/tables.py", "evaluation/render/tables.py"},
    # The run of a recipe, and of a collection.
    {"training/runs/run.py", "collect/run.py"},
]
"""Modules that share a basename on purpose. A command in cli/ may also have the name of the module that it calls."""


def imports_of(path: Path) -> list[str]:
    """List the modules, and the names from modules, that a file imports at any place."""
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
    """Return the package of facegen that a module belongs to; None for other modules, and for facegen itself."""
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
    """List the imports and calls of the registry in a source; its types may be imported."""
    lookups = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{name.name}" for name in node.names}
            lookups += sorted(name for name in names if name.split(".")[-1] == "registry")
        elif isinstance(node, ast.Import):
            lookups += [name.name for name in node.names if name.name.startswith("facegen.core.registry")]
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            lookups += [f"{called}()"] if called.split(".")[-1] == "registry" else []
        elif isinstance(node, ast.Constant) and str(node.value).startswith("facegen.core.registry"):
            lookups.append(str(node.value))  # importlib.import_module
    return lookups


@pytest.mark.parametrize("path", [path for path in FILES if path.split("/")[0] in ENGINE])
def test_the_engine_asks_the_registry_for_no_part(path):
    lookups = registry_lookups((PACKAGE / path).read_text(encoding="utf-8"))
    assert not lookups, f"facegen/{path} uses the registry ({', '.join(lookups)}); what it needs is passed in"


@pytest.mark.parametrize(
    ("source", "lookups"),
    [
        ("from facegen.core.registry import registry", ["facegen.core.registry.registry"]),
        ("from facegen.core import registry as r", ["facegen.core.registry"]),
        ("import facegen.core.registry", ["facegen.core.registry"]),
        ("haar = core.registry().find('detector', 'haar')", ["core.registry()"]),
        ("from facegen.core.recipe.part_config import registry as r", ["facegen.core.recipe.part_config.registry"]),
        ("importlib.import_module('facegen.core.registry')", ["facegen.core.registry"]),
        ("from facegen.core.registry import Part", []),
    ],
)
def test_a_registry_lookup_is_seen(source, lookups):
    assert registry_lookups(source) == lookups


def test_no_two_modules_share_a_name():
    modules: dict[str, set[str]] = {}
    for path in FILES:
        modules.setdefault(path.split("/")[-1], set()).add(path)
    del modules["__init__.py"]
    repeated = [paths for paths in modules.values() if len(paths) > 1]
    commands = [paths for paths in repeated if len(paths) == 2 and any(path.startswith("cli/") for path in paths)]
    unlisted = [sorted(paths) for paths in repeated if paths not in SAME_NAMES and paths not in commands]
    assert not unlisted, f"rename one of each: {unlisted}"
    unused = [sorted(paths) for paths in SAME_NAMES if paths not in repeated]
    assert not unused, f"SAME_NAMES lists modules that no longer share a name: {unused}"


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
    """A kill or a full disk can leave files incomplete; one module handles this, and its tests cover it."""
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
        "from facegen.cli.main import main; main(['recipes']); main(['recipes', 'speech_relid'])",
        # Imports of each process of a collection, and of its status.
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
