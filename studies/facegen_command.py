"""The command `facegen` as a process of its own, and the recipes of this repository."""

import subprocess
import sys
from pathlib import Path

RECIPES = Path(__file__).parents[1] / "recipes"
INTERRUPTED = 130
"""Least exit code of a command that a signal stopped: 128 + SIGINT."""


def run_facegen(*words: str) -> int:
    """Run `facegen WORDS...` with its progress on this terminal; return the exit code."""
    return subprocess.run([sys.executable, "-m", "facegen", *words], check=False).returncode
