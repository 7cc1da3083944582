"""Reading a batch from a packed corpus, against decoding its files each time."""

import csv
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmarks.harness import MIN_ROUNDS, Comparison, Measurement, Progress, Row, interleave
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


TITLE = "Loader"
TEXT = (
    "A batch of 64 rows of 64 pixels and 4 s on one core. *Per file*: decode and resize a PNG of 220 pixels and decode "
    "a FLAC of 4 s, as data sets of files do. *Ours*: read the same rows of a packed corpus, which was made from the "
    "same files. With normalising, both become the floats that a network sees. All files are in the system's cache."
)
GOALS = {"raw": 90.0, "with normalising": 17.0}
NUM_ROWS, NUM_BATCHES = 512, 20
CORPUS_CLIPS = (1000, 30000)


def measure(progress: Progress) -> list[Row]:
    """Write files, pack them, and measure reading; then measure opening of corpora of two sizes."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        table = write_files(Path(folder), NUM_ROWS)
        pack_pairs(table, Path(folder) / "packed", image_pixels=IMAGE_PIXELS)
        return [*measure_reading(Path(folder), progress), *measure_opening(Path(folder), progress)]


def measure_reading(folder: Path, progress: Progress) -> list[Row]:
    """Compare the reading of batches."""
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

    some = np.arange(BATCH)
    if not all(torch.equal(ours, theirs) for ours, theirs in zip(read_packed(some), read_files(some), strict=True)):
        raise RuntimeError("the two sides do not read the same rows")
    rows: list[Row] = []
    for case, goal in GOALS.items():
        readers = (read_files, read_packed) if case == "raw" else (normalised(read_files), normalised(read_packed))
        sides = {"per file": Batches(readers[0], 1), "ours": Batches(readers[1], NUM_BATCHES)}
        seconds = interleave(f"reading, {case}", sides, 7, progress)
        ours = [value / NUM_BATCHES for value in seconds["ours"]]
        rows.append(Comparison(case, "per file", seconds["per file"], ours, goal))
    return rows


class Batches:
    """Reads some batches of random rows.

    Other rows each time: rows that were just read would still be in the processor's cache.
    """

    def __init__(self, read: Read, num_batches: int) -> None:
        self._read, self._num_batches = read, num_batches
        self._random = np.random.default_rng(0)

    def __call__(self) -> None:
        for _ in range(self._num_batches):
            self._read(self._random.permutation(NUM_ROWS)[:BATCH])


def normalised(read: Read) -> Read:
    """Return a reader of floats in [-1, 1], as a network sees them."""

    def read_normalised(rows: Rows) -> tuple[Tensor, Tensor]:
        faces, speech = read(rows)
        return prepare_faces(faces), prepare_speech(speech)

    return read_normalised


def measure_opening(folder: Path, progress: Progress) -> list[Row]:
    """Measure opening a corpus and reading one batch, each time in a process of its own."""
    rows: list[Row] = []
    for num_clips in CORPUS_CLIPS:
        path = folder / str(num_clips)
        write_corpus(path, num_clips)
        opened = [open_corpus(path) for _ in range(MIN_ROUNDS)]
        size_mib = sum(file.stat().st_size for file in path.iterdir()) / 2**20
        case, note = f"opening {num_clips:,} clips", f"{size_mib:,.0f} MiB on the disk"
        rows.append(Measurement(case, "ms", [milliseconds for milliseconds, _ in opened], note=note))
        rows.append(Measurement(f"{case} and one batch", "MiB of memory", [mib for _, mib in opened]))
    return rows


def open_corpus(path: Path) -> tuple[float, float]:
    """Open a corpus in a new process; return milliseconds and MiB."""
    done = subprocess.run([sys.executable, "-c", OPENING, str(path)], capture_output=True, text=True, check=True)
    milliseconds, mib = (float(number) for number in done.stdout.split())
    return milliseconds, mib


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
