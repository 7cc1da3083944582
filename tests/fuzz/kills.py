"""Kill commands at random moments of their work, and check that nothing that was complete is lost.

Every command runs in a forked process. It is killed before one of its file operations, by number, or after an amount of
CPU time; both are independent of the load of the machine.
"""

import hashlib
import json
import mmap
import os
import random
import shutil
import signal
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from file_cases import good_rows, table_text, write_media
from hostile_case import call_forked, call_program
from output_cases import TINY

from facegen.core.files import PART, REPLACED

FILE_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "sqlite3.connect"}
"""Audit events before which a command is killed."""


@dataclass(frozen=True)
class Killed:
    """A command that is killed again and again.

    Attributes:
        name: a row of the table.
        words: the call.
        losses: returns what is lost after a kill, by comparing the files with those of an undisturbed call.
        renew: makes place for work; called when the call before has finished.
        reading: a call that must succeed after a kill, as it puts back what was being replaced; empty for none.
    """

    name: str
    words: list[str]
    losses: Callable[[], list[str]]
    renew: Callable[[], None] = lambda: None
    reading: tuple[str, ...] = ()


def kill_commands(
    root: Path, num_kills: int, draw: random.Random, keep: Callable[[str, str, object], None]
) -> bool:
    """Kill each command in turn, and at last let each finish; print a table; return whether nothing was lost.

    Nothing may be left over either: a command removes the temporary files of its killed predecessors.
    """
    commands = _commands(root)
    sizes = {}
    for command in commands:
        command.renew()
        code, num_events, seconds = _call(command.words, root)
        if code:
            raise RuntimeError(f"{command.name} ended with exit code {code}: {_output(root)}")
        sizes[command.name] = (num_events, seconds)
        print(f"kills: {command.name}: undisturbed {num_events} file operations, {seconds:.1f} s", flush=True)
    references = {command.name: command.losses() for command in commands}
    losses: dict[str, list[str]] = {name: lost for name, lost in references.items()}
    counts = {command.name: [0, 0] for command in commands}
    finished = {command.name: True for command in commands}
    for number in range(num_kills):
        command = commands[number % len(commands)]
        num_events, seconds = sizes[command.name]
        if finished[command.name]:
            command.renew()
        at_event = draw.randrange(1, num_events + 1) if draw.random() < 0.7 else 0
        code, _, _ = _call(command.words, root, at_event, 0.0 if at_event else draw.uniform(0.01, seconds))
        finished[command.name] = code == 0
        counts[command.name][0 if code < 0 else 1] += 1
        lost = []
        if command.reading and _call(list(command.reading), root)[0]:
            lost.append(f"`{' '.join(command.reading)}` fails: {_output(root)}")
        lost += command.losses()
        if code > 0:
            lost.append(f"exit code {code}: {_output(root)}")
        for problem in lost:
            print(f"LOST: kill {number} of {command.name}, before event {at_event}: {problem}", flush=True)
        losses[command.name] += lost
    for command in commands:
        code, _, _ = _call(command.words, root)
        losses[command.name] += command.losses() + ([f"exit code {code}: {_output(root)}"] if code else [])
    # Commands write into folders of others, so that all of them must have finished.
    leftovers = [path for end in (PART, REPLACED) for path in root.rglob(f".*{end}")]
    for command in commands:
        num_killed, num_finished = counts[command.name]
        lost, left = losses[command.name], _left_by(command, root, leftovers)
        keep("kills", command.name, {"killed": num_killed, "finished": num_finished, "losses": len(lost),
                                     "leftovers": len(left)})  # fmt: skip
        print(f"kills: {command.name}: {num_killed} killed, {num_finished} finished before, {len(lost)} losses "
              f"{lost or ''}, leftovers {left}", flush=True)  # fmt: skip
    return not leftovers and not any(losses.values())


def _left_by(command: Killed, root: Path, leftovers: list[Path]) -> list[str]:
    """Select the temporary files in the folders that a command names, and those beside its target."""
    targets = [Path(word) for word in command.words if word.startswith(str(root))]
    return [
        str(path)
        for path in leftovers
        if any(target in path.parents or path.name.startswith(f".{target.name}.") for target in targets)
    ]


def _commands(root: Path) -> list[Killed]:
    write_media(root)
    (root / "t.csv").write_text(table_text(good_rows(6), ["identity", "face", "speech"]))
    _write_videos(root)
    run, corpus, model, collection = root / "run", root / "corpus", root / "model.safetensors", root / "collection"
    killed = root / "killed"
    steps = ["train.steps=6", "train.checkpoint_steps=2", "train.log_steps=1", "train.sample_steps=2",
             "match.checkpoint_steps=1"]  # fmt: skip
    train = ["train", "speech_relid", "--preset", "small", *_set([*TINY, *steps]), "--resume", "--out", str(killed)]
    return [
        Killed("train", train, _Training(killed).losses, _Training(killed).renew),
        Killed("pack", ["pack", str(root / "t.csv"), "--out", str(corpus), "--image-pixels", "16", "--overwrite"],
               _Corpus(corpus).losses, reading=("inspect", str(corpus), "--verify")),
        Killed("evaluate", ["evaluate", str(run), "--split", "heldout_people", "--num-clips", "20"], _Readable(run).losses),
        Killed("export", ["export", str(run), str(model)], _Unchanged(model).losses),
        Killed("collect", ["collect", str(root / "sources.csv"), "--out", str(collection)],
               _Readable(collection).losses, lambda: shutil.rmtree(collection, ignore_errors=True)),
    ]  # fmt: skip


class _Corpus:
    """A packed corpus: the files that its listing names have the contents of the first call, byte for byte.

    Their names differ while a corpus replaces an older one, and the files of the older one may still lie beside them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.first: list[str] = []

    def losses(self) -> list[str]:
        header = json.loads((self.path / "corpus.json").read_text())
        listed = [*header["faces"], *header["speech"], header["index"]]
        problems, digests = [], []
        for entry in listed:
            file = self.path / entry["file"]
            digests.append(hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "missing")
            if digests[-1] != entry["sha256"]:
                problems.append(f"{entry['file']} is not what the listing says")
        self.first = self.first or digests
        return [*problems, *(["the contents differ from those of the first call"] if digests != self.first else [])]


class _Unchanged:
    """A file that a command writes whole: it is that of the first call, byte for byte."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.first: dict[str, str] = {}

    def losses(self) -> list[str]:
        digests = _digests(self.path)
        self.first = self.first or digests
        return [f"{name} differs" for name in sorted(self.first | digests) if self.first.get(name) != digests.get(name)]


class _Readable:
    """A folder that a command adds to: every JSON file of it is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def losses(self) -> list[str]:
        problems = []
        for path in self.path.rglob("*.json"):
            if not any(part.endswith(".part") for part in path.parts):
                try:
                    json.loads(path.read_text())
                except ValueError as error:
                    problems.append(f"{path}: {error}")
        return problems


class _Training:
    """A run that is killed and resumed: its step never falls, and its weights are those of an undisturbed run."""

    weights: dict[str, str] = {}  # noqa: RUF012
    step = -1

    def __init__(self, path: Path) -> None:
        self.path = path

    def renew(self) -> None:
        if self._final().exists():
            shutil.rmtree(self.path)
            _Training.step = -1

    def losses(self) -> list[str]:
        problems = _Readable(self.path).losses()
        step = max((json.loads(path.read_text())["step"] + (10**6 if path.parent.name.startswith("train") else 0)
                    for path in self.path.glob("checkpoints/[!.]*/state.json")), default=-1)  # fmt: skip
        if step < _Training.step:
            problems.append(f"checkpoint of step {_Training.step} is lost; the newest is {step}")
        _Training.step = step
        if self._final().exists():
            weights = {name: digest for name, digest in _digests(self._final()).items() if name.endswith("tensors")}
            _Training.weights = _Training.weights or weights
            if weights != _Training.weights:
                problems.append("the weights of the finished run differ from those of the undisturbed one")
        return problems

    def _final(self) -> Path:
        return self.path / "checkpoints" / "train-00000006"


def _digests(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {
        str(file.relative_to(path.parent)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if not any(part.startswith(".") for part in file.relative_to(path.parent).parts)
    }


def _call(words: list[str], root: Path, at_event: int = 0, after_seconds: float = 0.0) -> tuple[int, int, float]:
    """Run the program in a forked process.

    Args:
        at_event: number of the file operation before which it is killed; 0 for none.
        after_seconds: CPU time after which it is killed; 0 for none.
    Returns:
        exit code, negative after a kill; number of file operations; CPU time.
    """
    counter = mmap.mmap(-1, 8)
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        os.setsid()
        _count_events(counter, at_event)
        if after_seconds:  # without a handler, SIGPROF ends the process at once
            signal.setitimer(signal.ITIMER_PROF, after_seconds)
        call_forked(lambda: call_program(words), root, root / "output.txt")
    _, status, usage = os.wait4(process, 0)
    try:
        os.killpg(process, signal.SIGKILL)  # workers of a collection
        time.sleep(0.2)
    except ProcessLookupError:
        pass
    return os.waitstatus_to_exitcode(status), struct.unpack("q", counter[:8])[0], usage.ru_utime + usage.ru_stime


def _count_events(counter: mmap.mmap, at_event: int) -> None:
    """Count file operations of this process, and kill its group before the given one."""
    owner, number = os.getpid(), 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal number
        if event not in FILE_EVENTS or os.getpid() != owner:
            return
        if event == "open" and not _writes(arguments):
            return
        number += 1
        counter[:8] = struct.pack("q", number)
        if number == at_event:
            os.killpg(0, signal.SIGKILL)

    sys.addaudithook(hook)


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _output(root: Path) -> str:
    return ascii((root / "output.txt").read_text(errors="replace")[-400:])


def _write_videos(root: Path) -> None:
    """Write two videos with a face, and the list of sources that names them."""
    sys.path.append(str(Path(__file__).parents[1] / "integration"))
    from speaking_videos import write_speaker

    lines = ["name,videos"] + [f"person {n},{write_speaker(root / f'{n}.mp4', n)}" for n in range(2)]
    (root / "sources.csv").write_text("\n".join(lines) + "\n")


def _set(settings: list[str]) -> list[str]:
    return [word for value in settings for word in ("--set", value)]
