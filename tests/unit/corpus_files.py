"""Small files that tests of corpora are made of."""

import csv
import wave
from pathlib import Path

import numpy as np
from PIL import Image

RATE_HZ = 16000


def draw_face(seed: int, pixels: int = 32) -> np.ndarray:
    """Noise that is the same for the same seed."""
    return np.random.default_rng(seed).integers(0, 256, (pixels, pixels, 3), dtype=np.uint8)


def make_speech(seed: int, num_samples: int = 1600) -> np.ndarray:
    """Noise that is the same for the same seed."""
    return np.random.default_rng(seed).integers(-9000, 9000, num_samples, dtype=np.int16)


def write_wav(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    """(samples,) or (samples, channels) int16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def write_png(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, names, restval="")
        table.writeheader()
        table.writerows(rows)
    return path
