"""Packages of plugin authors, installed without pip."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]


class Site:
    """Folder of installed packages, and the program run with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, package: str, entry_point: str, modules: dict[str, str], version: str = "0.1.0") -> None:
        """Write what pip would: modules, and metadata with one entry point."""
        info = self.folder / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[facegen]\n{entry_point}\n")
        for name, source in modules.items():
            (self.folder / f"{name}.py").write_text(source)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `facegen ARGUMENTS...`."""
        return self.python("-m", "facegen", *arguments)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python ARGUMENTS...`."""
        path = os.pathsep.join([str(self.folder), str(PROJECT)])
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            cwd=self.folder,
        )

    def listed(self) -> dict[str, list[Any]]:
        """Run `facegen list-plugins --json`."""
        done = self.run("list-plugins", "--json")
        assert done.returncode == 0, done.stderr
        listed: dict[str, list[Any]] = json.loads(done.stdout)
        return listed


def table_of_contents(hook: str, parts: str) -> str:
    """Return the source of a module that implements one hook."""
    return f"from facegen import hookimpl\n\n@hookimpl\ndef {hook}():\n    return {parts}\n"
