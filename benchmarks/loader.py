"""Reading a batch from a packed corpus against decoding its files each time: both sides in one run, one thread.

    python benchmarks/loader.py

Per file: decode and resize a PNG of 220 pixels and decode a FLAC of 4 s, as data sets of files do. Packed: read the
same rows, packed beforehand from the same files. With normalising, both become the floats that a network sees.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor

from facegen.core.recipe.tables import DataSettings
from facegen.data.corpus.dataset import Packed
from facegen.data.corpus.header import Provenance
from facegen.data.corpus.writer import ClipRecord, CorpusWriter
from facegen.data.importers.pack import pack_pairs
from facegen.data.loading.prepare import prepare_faces, prepare_speech
from facegen.data.media.audio_decoding import read_speech
from facegen.data.media.images import read_image, square_face

RATE_HZ, SECONDS = 16000, 4.0
FILE_PIXELS, IMAGE_PIXELS = 220, 64
BATCH = 64
Rows = NDArray[np.int64]
Read = Callable[[Rows], tuple[Tensor, Tensor]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=512, help="number of clips to write and read")
    parser.add_argument("--rounds", type=int, default=7, help="number of measurements of each side, in turn")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        table = write_files(Path(folder), options.rows)
        pack_pairs(table, Path(folder) / "packed", image_pixels=IMAGE_PIXELS)
        measure_reading(Path(folder), options.rows, options.rounds)
        measure_opening(Path(folder))


def measure_reading(folder: Path, num_rows: int, rounds: int) -> None:
    """Print clips per second of both sides, from files in the system's cache."""
    request = DataSettings(image_pixels=IMAGE_PIXELS, speech_seconds=SECONDS)
    packed = Packed(request, path=folder / "packed")

    def read_packed(rows: Rows) -> tuple[Tensor, Tensor]:
        clip = torch.from_numpy(rows)
        zero = torch.zeros_like(clip)
        return packed.faces(clip, zero), packed.speech(clip, zero, request.speech_samples)

    def read_files(rows: Rows) -> tuple[Tensor, Tensor]:
        faces = [square_face(read_image(folder / f"{row}.png"), IMAGE_PIXELS) for row in rows]
        speech = [read_speech(folder / f"{row}.flac", RATE_HZ) for row in rows]
        return torch.from_numpy(np.stack(faces)), torch.from_numpy(np.stack(speech))

    sides: dict[tuple[str, bool], Read] = {("files", False): read_files, ("packed", False): read_packed}
    sides |= {("files", True): normalised(read_files), ("packed", True): normalised(read_packed)}
    some = np.arange(min(BATCH, num_rows))
    if not all(torch.equal(ours, theirs) for ours, theirs in zip(read_packed(some), read_files(some), strict=True)):
        sys.exit("the two sides do not read the same rows")
    seconds: dict[tuple[str, bool], list[float]] = {side: [] for side in sides}
    random = np.random.default_rng(0)
    for _ in range(rounds):
        # Other rows each round: rows that were just read would still be in the processor's cache.
        batches = [random.permutation(num_rows)[:BATCH] for _ in range(20)]
        for side, read in sides.items():
            chosen = batches[:1] if side[0] == "files" else batches
            began = time.process_time()
            for rows in chosen:
                read(rows)
            seconds[side].append((time.process_time() - began) / sum(len(rows) for rows in chosen))
    title = f"clips per second of CPU time, {IMAGE_PIXELS} px and {SECONDS:g} s"
    table = Table("", "per file", "packed", "ratio", title=title)
    for label, normal in (("raw", False), ("with normalising", True)):
        files, ours = (statistics.median(seconds[side, normal]) for side in ("files", "packed"))
        table.add_row(label, f"{1 / files:,.0f}", f"{1 / ours:,.0f}", f"{files / ours:.0f}x")
    Console(width=100).print(table)


def normalised(read: Read) -> Read:
    """Return a reader of floats in [-1, 1], as a network sees them."""

    def read_normalised(rows: Rows) -> tuple[Tensor, Tensor]:
        faces, speech = read(rows)
        return prepare_faces(faces), prepare_speech(speech)

    return read_normalised


def measure_opening(folder: Path) -> None:
    """Print time and memory of opening a corpus and reading one batch, each size in its own process."""
    table = Table("clips", "on the disk", "open", "memory", title="opening, and one batch")
    for num_clips in (1000, 30000):
        path = folder / str(num_clips)
        write_corpus(path, num_clips)
        size = sum(file.stat().st_size for file in path.iterdir())
        done = subprocess.run([sys.executable, "-c", OPENING, str(path)], capture_output=True, text=True, check=True)
        milliseconds, mib = done.stdout.split()
        table.add_row(f"{num_clips:,}", f"{size / 2**20:,.0f} MiB", f"{milliseconds} ms", f"{mib} MiB")
    Console(width=100).print(table)


OPENING = """
import sys, time, torch
from pathlib import Path
from facegen.core.recipe.tables import DataSettings
from facegen.data.corpus.dataset import Packed

def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) / 1024

torch.zeros(2)[torch.tensor([0])]
before, began = resident(), time.perf_counter()
packed = Packed(DataSettings(image_pixels=64, speech_seconds=0.1), path=Path(sys.argv[1]))
opened = time.perf_counter() - began
clip = packed.clips("train").clip[:64]
packed.faces(clip, torch.zeros_like(clip)), packed.speech(clip, torch.zeros_like(clip), 1600)
print(f"{1000 * opened:.1f} {resident() - before:.1f}")
"""


def write_files(folder: Path, num_rows: int) -> Path:
    """Write smooth pictures and coloured noise, which compress about as well as photographs and speech."""
    random = np.random.default_rng(0)
    with (folder / "pairs.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["identity", "face", "speech"])
        for row in range(num_rows):
            coarse = random.integers(0, 256, (24, 24, 3), dtype=np.uint8)
            picture = cv2.resize(coarse, (FILE_PIXELS, FILE_PIXELS), interpolation=cv2.INTER_CUBIC)
            Image.fromarray(picture).save(folder / f"{row}.png")
            noise = random.normal(0, 800, round(SECONDS * RATE_HZ))
            write_flac(folder / f"{row}.flac", np.convolve(noise, np.ones(8), "same").astype(np.int16))
            table.writerow([f"person {row % 50}", f"{row}.png", f"{row}.flac"])
    return folder / "pairs.csv"


def write_flac(path: Path, samples: NDArray[np.int16]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono")
        for start in range(0, len(samples), 4096):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 4096], format="s16", layout="mono")
            frame.sample_rate = RATE_HZ
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_corpus(folder: Path, num_clips: int) -> None:
    provenance = Provenance(importer="benchmark", source="noise", facegen="", settings={})
    face, speech = np.zeros((1, 64, 64, 3), np.uint8), np.ones(1600, np.int16)
    with CorpusWriter(
        folder, image_pixels=64, sample_rate_hz=RATE_HZ, attribute_classes={}, provenance=provenance
    ) as writer:
        for row in range(num_clips):
            track = writer.add_track(speech)
            writer.add_clip(ClipRecord(f"person {row % 500}", str(row), str(row), track), face, [-1])
        writer.finish()


if __name__ == "__main__":
    main()
