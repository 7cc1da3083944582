"""Everything to be learnt from a GPU, in calls of some minutes: tests, rates, a training at 128 pixels.

    python benchmarks/full_size.py --minutes 9 [--device cuda] [--out runs/gpu]

Call it again until it says that it is done: each call goes on where the last one stopped. It reads nothing from outside
of the checkout. In OUT/results are a table (table.md, table.json), grids of faces, and a model file. `--quick` takes
sizes that a CPU can do in a minute, to try the script itself.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGTERM
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from benchmarks.gpu_rates import QUICK, Size, matrix_rate, step_rates
from facegen.core.interruption import Interruption
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import Recipe, read_recipe
from facegen.training.loop import Interrupted
from facegen.training.runs.model_export import ExportSettings, export_run
from facegen.training.runs.run import Run
from facegen.training.train import train

REPOSITORY = Path(__file__).parents[1]
RECIPE = REPOSITORY / "recipes" / "speech_relid_separate.toml"
MEDIUM = ["data.image_pixels=128", "generator.width=24", "generator.max_width=192", "discriminator.width=24",
          "discriminator.max_width=192"]  # fmt: skip
"""Networks whose model file stays below MAX_MODEL_BYTES."""
TINY = ["data.image_pixels=16", "generator.width=2", "discriminator.width=2", "data.num_people=40",
        "data.num_heldout_people=8", "match.batch_size=8", "train.batch_size=8"]  # fmt: skip
MAX_MODEL_BYTES = 16 * 10**6
MARGIN_SECONDS = 20
GOALS = {"speedup": 5.0, "matrix_share": 0.35, "stall": 0.02}


class PausedError(Exception):
    """The minutes of this call are over."""


class Session:
    """State of all calls so far, and the end of this one."""

    def __init__(self, folder: Path, minutes: float) -> None:
        self.folder, self.end = folder, time.monotonic() + 60 * minutes
        self.state: dict[str, Any] = {}
        if (folder / "state.json").exists():
            self.state = json.loads((folder / "state.json").read_text())

    @property
    def seconds(self) -> float:
        return self.end - time.monotonic()

    def once(self, name: str, needed_seconds: float, work: Callable[[], Any]) -> Any:
        """Do a piece of work in one of the calls; pause if too little time is left for it."""
        if name not in self.state:
            if self.seconds < needed_seconds:
                raise PausedError(f"{name} needs {needed_seconds:.0f} s")
            print(f"{name} ...", flush=True)
            self.save(name, work())
        return self.state[name]

    def save(self, name: str, value: Any) -> None:
        self.state[name] = value
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / "state.part"
        part.write_text(json.dumps(self.state, indent=1))
        part.replace(self.folder / "state.json")


class Until(Interruption):
    """A request to stop when the minutes of this call are over."""

    def __init__(self, session: Session) -> None:
        self._session, self._asked = session, 0
        super().__init__()

    @property
    def signal_number(self) -> int:  # type: ignore[override]
        return self._asked or (SIGTERM if self._session.seconds < MARGIN_SECONDS else 0)

    @signal_number.setter
    def signal_number(self, number: int) -> None:
        self._asked = number


class Clock(Observer):
    """Time and number of steps of each stage, in this call; a line now and then."""

    def __init__(self) -> None:
        self.rates: dict[str, float] = {}
        self._stage, self._start, self._done, self._said = "", 0.0, 0, 0.0

    def start(self, stage: str, total: int, done: int = 0) -> None:
        self._stage, self._start, self._done, self._said = stage, time.monotonic(), done, time.monotonic()
        print(f"{stage}: {done} of {total}", flush=True)

    def advance(self, done: int, values: object = None) -> None:
        now = time.monotonic()
        if now > self._start:
            self.rates[self._stage] = (done - self._done) / (now - self._start)
        if now - self._said > 30:
            self._said = now
            print(f"{self._stage}: {done}, {self.rates[self._stage]:.1f}/s, {values or ''}", flush=True)


def gpu_tests(session: Session) -> str:
    """Run the tests that need a GPU; return pytest's last line."""
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
               "tests/integration/test_cuda.py"]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, timeout=max(session.seconds - MARGIN_SECONDS, 1)
        )
    except subprocess.TimeoutExpired:
        return "did not end in time"
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return "; ".join([*failed, lines[-1]] if lines else ["no output"])


def training_recipe(session: Session, device: str, quick: bool, minutes: float) -> Recipe:
    """Return the recipe whose stages take half of the minutes each, by rates that are measured once."""
    overrides = [*(TINY if quick else MEDIUM), f"run.device={device}"]
    preset = "small" if quick else "medium"
    if quick:
        lengths = {"match": 6, "train": 6}
    else:
        lengths = session.once("steps", 120, lambda: _lengths(session, preset, overrides, minutes))
    return read_recipe(RECIPE, preset=preset, overrides=[*overrides, *_stages(lengths)])


def _lengths(session: Session, preset: str, overrides: list[str], minutes: float) -> dict[str, int]:
    clock, folder = Clock(), session.folder / "timing"
    shutil.rmtree(folder, ignore_errors=True)
    recipe = read_recipe(RECIPE, preset=preset, overrides=[*overrides, *_stages({"match": 60, "train": 60})])
    train(recipe, folder, resume=False, observer=clock, interruption=Interruption())
    shutil.rmtree(folder)
    return {stage: max(100, int(30 * minutes * clock.rates[stage])) for stage in ("match", "train")}


def _stages(lengths: dict[str, int]) -> list[str]:
    match, steps = lengths["match"], lengths["train"]
    every = {"match.log_steps": max(match // 50, 1), "train.log_steps": max(steps // 50, 1),
             "train.sample_steps": max(steps // 4, 1), "train.monitor_steps": max(steps // 4, 1),
             "match.checkpoint_steps": max(match // 4, 1), "train.checkpoint_steps": max(steps // 8, 1),
             "match.warmup_steps": min(match // 20, 500)}  # fmt: skip
    return [f"match.steps={match}", f"train.steps={steps}", *(f"{key}={value}" for key, value in every.items())]


def train_for_the_rest(session: Session, recipe: Recipe) -> Run:
    """Train until this call or the recipe ends."""
    if session.seconds < 2 * MARGIN_SECONDS:
        raise PausedError("training needs more time")
    clock, folder = Clock(), session.folder / "run"
    try:
        run = train(recipe, folder, resume=True, observer=clock, interruption=Until(session))
    except Interrupted as stopped:
        raise PausedError(f"stopped after {stopped.stage} step {stopped.step}") from None
    finally:
        session.save("training", session.state.get("training", {}) | clock.rates)
    return run


def rows_of(state: dict[str, Any], device: torch.device) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the table: what, result, goal."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    yield "machine", f"{name}, torch {torch.__version__}, Python {platform.python_version()}", ""
    yield "tests that need a GPU", state["tests"], "none fails"
    yield "bf16 matrix products", f"{state['matrix'] / 1e12:.4g} TFLOP/s", ""
    for key, rates in state.items():
        if not key.startswith("batch "):
            continue
        share = rates["ours"] * rates["gflop"] * 1e9 / state["matrix"]
        yield f"{key}: ours", f"{rates['ours']:,.1f} faces/s, {rates['gflop']:.3g} GFLOP each", ""
        yield f"{key}: plain, float32", f"{rates['plain']:,.1f} faces/s", ""
        yield f"{key}: ratio", f"{rates['ours'] / rates['plain']:.2f}", f">= {GOALS['speedup']:g}"
        yield f"{key}: share of the matrix rate", f"{share:.1%}", f">= {GOALS['matrix_share']:.0%}"
        yield f"{key}: stall of the loader", f"{1 - rates['loader'] / rates['ours']:.1%}", f"<= {GOALS['stall']:.0%}"
    for stage, rate in state["training"].items():
        yield f"{RECIPE.stem}: {stage}", f"{rate:,.1f} steps/s", ""


def write_results(session: Session, run: Run, device: torch.device) -> None:
    """Write table, grids and model file."""
    results = session.folder / "results"
    results.mkdir(exist_ok=True)
    rows = list(rows_of(session.state, device))
    matched = [entry for entry in run.read_log() if entry["stage"] == "match"][-1]
    accuracy = {key: value for key, value in matched.items() if key.startswith("accuracy")}
    rows += [(f"match stage: {key}, last batches", f"{value:.3f}", "") for key, value in accuracy.items()]
    model = results / f"{RECIPE.stem}.safetensors"
    export_run(run, model, ExportSettings())
    size = model.stat().st_size
    rows.append(("model file", f"{size / 1e6:.1f} MB", f"< {MAX_MODEL_BYTES / 1e6:.0f} MB"))
    if size >= MAX_MODEL_BYTES:
        model.unlink()
    if device.type == "cuda":
        rows.append(("most memory", f"{torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB", ""))
    grids = sorted((run.path / "samples").glob("*.png"))
    for grid in {grids[0], grids[-1]}:
        shutil.copy(grid, results / grid.name)
    table = ["| what | result | goal |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    (results / "table.md").write_text("\n".join(table) + "\n")
    (results / "table.json").write_text(json.dumps(session.state | {"rows": rows}, indent=1))
    print("\n".join(table))


def main(words: list[str] | None = None) -> int:
    """Do as much as the minutes allow."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=9.0, help="longest time of this call")
    parser.add_argument("--train-minutes", type=float, default=16.0, help="time of both stages, over all calls")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the script")
    parser.add_argument("--quick", action="store_true", help="sizes for a CPU")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "runs" / "gpu", help="folder of state and results")
    arguments = parser.parse_args(words)
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no CUDA device on this machine; --device cpu --quick tries the script")
        return 1
    device, size = torch.device(arguments.device), QUICK if arguments.quick else Size()
    session = Session(arguments.out, arguments.minutes)
    try:
        session.once("tests", 0 if arguments.quick else 200, lambda: gpu_tests(session))
        session.once("matrix", 5, lambda: matrix_rate(size, device))
        for rows in size.batches:
            session.once(
                f"batch {rows}", 0 if arguments.quick else 100, lambda rows=rows: step_rates(size, rows, device)
            )
        recipe = training_recipe(session, arguments.device, arguments.quick, arguments.train_minutes)
        run = train_for_the_rest(session, recipe)
        write_results(session, run, device)
    except PausedError as pause:
        print(f"Not done: {pause}. Call it again to go on.")
        return 0
    print(f"Done: {arguments.out / 'results'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
