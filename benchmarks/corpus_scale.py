"""Start-up, first step, memory and step time with corpora of a thousand to a million clips.

    python -m benchmarks.corpus_scale [--clips 1000 1000000] [--json scale.json] [--write]

The corpora are packed ones of random noise with small records: a face of 16 pixels and 500 samples of speech a clip,
ten clips a person; shards are hard links to one file of each kind, so that the largest corpus takes 0.5 GB. Nothing is
held in memory ([data] resident_gib = 0), as with a corpus that does not fit. The recipe is the small preset of
speech_relid at 32 pixels. Each figure comes from a process of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from safetensors.numpy import save_file

import facegen
from benchmarks.page import number, replace_between, table
from facegen.core.progress import Observer
from facegen.data.corpus.header import HEADER_FILE, CorpusHeader, Provenance, Shard
from facegen.data.corpus.shards import ShardWriter, describe_shard
from facegen.data.loading.splits import utterance_number

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
BEGIN = "<!-- written by `python -m benchmarks.corpus_scale --write` -->"
END = "<!-- end of what `python -m benchmarks.corpus_scale --write` writes -->"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
PIXELS, RATE_HZ, TRACK_SAMPLES, CLIPS_PER_PERSON = 16, 16000, 500, 10
SHARD_CLIPS = 200_000
STEPS, TIMED_STEPS = 20, 10
POLL_SECONDS = 0.05
OVERRIDES = ("data.resident_gib=0.0", "data.image_pixels=32", f"match.steps={STEPS}", "train.steps=1")
CALLS = {"check": ("check", "speech_relid", "--preset", "small", "--data"), "inspect": ("inspect",)}
"""{figure: command, to which the corpus is appended}"""


def main(arguments: Sequence[str] | None = None) -> list[dict[str, float]]:
    """Measure every size, print a table, and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=list(SIZES), help="numbers of clips")
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="write the table into docs/scaling.md")
    options = parser.parse_args(arguments)
    if options.train is not None:
        print(json.dumps(train_once(options.train)))
        return []
    rows = []
    for num_clips in options.clips:
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(Path(folder) / "corpus", num_clips)
            rows.append({"clips": num_clips, **measure(Path(folder) / "corpus")})
    show(rows)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    if options.write:
        replace_between(PAGE, BEGIN, END, markdown(rows))
    return rows


def markdown(rows: Sequence[dict[str, float]]) -> str:
    """Return the table for the page, with the ratio of the last to the first."""
    lines = [[f"{row['clips']:,.0f}", *(number(row[name]) for name in row if name != "clips")] for row in rows]
    ratios = [f"{rows[-1][name] / rows[0][name]:.2f}" for name in rows[0] if name != "clips"]
    return table(tuple(rows[0]), [*lines, ["last / first", *ratios]]) + "\n"


def show(rows: Sequence[dict[str, float]]) -> None:
    """Print the rows, and the ratio of the last to the first."""
    shown = Table(*rows[0], title="Size of a packed corpus", title_justify="left")
    for row in rows:
        shown.add_row(f"{row['clips']:,.0f}", *(f"{value:,.3g}" for name, value in row.items() if name != "clips"))
    ratios = [rows[-1][name] / rows[0][name] for name in rows[0]]
    shown.add_section()
    shown.add_row("last / first", *(f"{ratio:.2f}" for ratio in ratios[1:]))
    Console(width=160).print(shown)


def measure(corpus: Path) -> dict[str, float]:
    """Run the commands and a training on a corpus, each in its own process."""
    figures: dict[str, float] = {}
    for name, words in CALLS.items():
        seconds, mebibytes, _ = run([sys.executable, "-m", "facegen", *words, str(corpus)])
        figures |= {f"{name} s": seconds, f"{name} MiB": mebibytes}
    _, mebibytes, output = run([sys.executable, "-m", "benchmarks.corpus_scale", "--train", str(corpus)])
    return {**figures, **json.loads(output.splitlines()[-1]), "train MiB": mebibytes}


def run(command: Sequence[str]) -> tuple[float, float, str]:
    """Run a program; return its seconds of processor time or of the clock, whichever is less, its peak and output."""
    # The least of both leaves out what other programs and other threads take.
    start = time.perf_counter()
    peak_kib = 0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak_kib = max(peak_kib, anonymous_kib(process.pid))
            time.sleep(POLL_SECONDS)
        _, status, usage = ended
        if status:
            raise SystemExit(f"{' '.join(command)}: failed")
        seconds = min(usage.ru_utime + usage.ru_stime, time.perf_counter() - start)
        output.seek(0)
        return seconds, peak_kib / 1024, output.read()


def anonymous_kib(pid: int) -> int:
    """Return the memory of a process without pages of files, which the system maps in large pieces and takes back."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


class Stopwatch(Observer):
    """Observer that notes the end of every step of the match stage, by the processor's clock."""

    def __init__(self) -> None:
        self._stages: list[str] = []
        self.step_ends: list[float] = []

    def start(self, stage: str, total: int, done: int = 0) -> None:
        self._stages.append(stage)

    def advance(self, done: int, values: object = None) -> None:
        if self._stages[-1] == "match":
            self.step_ends.append(time.process_time())

    def finish(self) -> None:
        self._stages.pop()


def train_once(corpus: Path) -> dict[str, float]:
    """Train some steps; return seconds from the start of this process to the end of its first step, and per step."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        facegen.train("speech_relid", OVERRIDES, corpus, preset="small", out=Path(folder) / "run", observer=watch)
    seconds = np.diff(watch.step_ends)[-TIMED_STEPS:]
    return {"first step s": watch.step_ends[0], "step ms": 1000 * float(np.median(seconds))}


def write_corpus(folder: Path, num_clips: int) -> None:
    """Write a packed corpus of noise, in shards of at most SHARD_CLIPS clips."""
    folder.mkdir(parents=True)
    num_shards, last_clips = divmod(num_clips - 1, SHARD_CLIPS)
    random = np.random.default_rng(0)
    shards: dict[str, list[Shard]] = {}
    for kind, dtype, row_shape, rows_per_clip in (
        ("faces", "uint8", (PIXELS, PIXELS, 3), 1),
        ("speech", "int16", (), TRACK_SAMPLES),
    ):
        written: dict[int, Shard] = {}
        for shard in range(num_shards + 1):
            num_rows = rows_per_clip * (SHARD_CLIPS if shard < num_shards else last_clips + 1)
            path = folder / f"{kind}-{shard:05d}.safetensors"
            if num_rows in written:
                path.hardlink_to(folder / written[num_rows].file)
                shards[kind].append(written[num_rows].model_copy(update={"file": path.name}))
                continue
            writer = ShardWriter(path, kind, dtype, row_shape)
            writer.append(random.integers(0, 200, (num_rows, *row_shape), dtype=dtype))
            written[num_rows] = writer.close()
            shards.setdefault(kind, []).append(written[num_rows])
    people = [f"person {number:07d}" for number in range(-(-num_clips // CLIPS_PER_PERSON))]
    save_file(index_columns(people, num_clips), folder / "index.safetensors")
    header = CorpusHeader(
        image_pixels=PIXELS,
        sample_rate_hz=RATE_HZ,
        identities=tuple(people),
        attributes={"sex": 2},
        text_dim=0,
        columns=("faces", "identity", "speech"),
        num_clips=num_clips,
        num_frames=num_clips,
        num_tracks=num_clips,
        num_samples=num_clips * TRACK_SAMPLES,
        faces=tuple(shards["faces"]),
        speech=tuple(shards["speech"]),
        index=describe_shard(folder / "index.safetensors", num_clips),
        provenance=Provenance(importer="benchmark", source="noise", facegen=facegen.__version__, settings={}),
    )
    (folder / HEADER_FILE).write_bytes(header.to_json())


def index_columns(people: Sequence[str], num_clips: int) -> dict[str, np.ndarray]:
    """Return the columns of the index: one face and one track a clip."""
    clip = np.arange(num_clips)
    identity = clip // CLIPS_PER_PERSON
    names = [f"{people[number]}/{row}".encode() for row, number in enumerate(identity)]
    return {
        "identity": identity,
        "utterance": np.array([utterance_number(people[number], str(row)) for row, number in enumerate(identity)]),
        "frame_offsets": np.arange(num_clips + 1),
        "frame_time_samples": np.full(num_clips, TRACK_SAMPLES // 2),
        "track": clip,
        "track_offsets": np.arange(num_clips + 1) * TRACK_SAMPLES,
        "attribute.sex": identity % 2,
        "name.text": np.frombuffer(b"".join(names), np.uint8),
        "name.offsets": np.cumsum([0, *map(len, names)]),
    }


if __name__ == "__main__":
    main()
