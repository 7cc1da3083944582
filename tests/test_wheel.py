"""Contents of the wheel: what works in a checkout works after an installation."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

PROJECT = Path(__file__).parents[1]


def test_the_wheel_holds_the_package_and_the_recipes(tmp_path):
    (wheel,) = WheelBuilder(str(PROJECT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        recipe = archive.read("facegen/recipes/speech_relid.toml")
    package = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "facegen").rglob("*") if path.is_file()}
    recipes = {f"facegen/recipes/{path.name}" for path in (PROJECT / "recipes").glob("*.toml")}
    assert names == recipes | {name for name in package if "__pycache__" not in name}
    assert recipe == (PROJECT / "recipes" / "speech_relid.toml").read_bytes()
