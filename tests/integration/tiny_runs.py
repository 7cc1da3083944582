"""Settings of runs that train two steps in seconds, and the program in its own process."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
RECIPES = REPOSITORY / "recipes"
TINY = {
    "data.image_pixels": 16,
    "data.speech_seconds": 0.3,
    "data.clip_seconds": 0.3,
    "data.num_people": 40,
    "data.num_heldout_people": 24,
    "data.clips_per_person": 1,
    "data.frames_per_clip": 2,
    "match.steps": 2,
    "match.batch_size": 12,
    "match.log_steps": 1,
    "match.warmup_steps": 0,
    "match.checkpoint_steps": 1,
    "train.steps": 2,
    "train.batch_size": 8,
    "train.log_steps": 1,
    "train.checkpoint_steps": 1,
    "train.sample_steps": 2,
    "train.monitor_steps": 2,
}

Facegen = Callable[..., int]


def settings(**changes: object) -> list[str]:
    """Return --set options of a tiny run; a double underscore in a keyword stands for a dot."""
    merged = TINY | {key.replace("__", "."): value for key, value in changes.items()}
    return [word for key, value in merged.items() for word in ("--set", f"{key}={value}")]


def start(*words: object, cwd: Path) -> "subprocess.Popen[str]":
    """Start the program in its own process."""
    command = [sys.executable, "-m", "facegen", *(str(word) for word in words)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
