"""Time of a step against batch, pixels and seconds of speech."""

from benchmarks.harness import Comparison, Progress, Row, interleave
from benchmarks.networks import Subject

TITLE = "Scaling"
TEXT = (
    "Time of our step where one size grows, against the time of the smaller size times the growth: a ratio of 1 is "
    "linear, more is better. Pixels count as area. Batch and pixels: `speech_relid` with width 16 and given "
    "encodings, R1 at every step. Seconds of speech: `speech_lsgan`, small preset, whose encoder learns at every step."
)
GOAL = 0.9
OVERRIDES = ["generator.width=16", "discriminator.width=16", "penalty.every_steps=1"]


def relid(pixels: int, batch_size: int) -> Subject:
    """Return the networks and rows for sizes of the picture and the batch."""
    return Subject("speech_relid", pixels, 1.2, batch_size, preset="small", overrides=OVERRIDES)


def listening(seconds: float) -> Subject:
    """Return the networks and rows for a length of speech."""
    return Subject("speech_lsgan", 32, seconds, 16, preset="small")


def measure(progress: Progress) -> list[Row]:
    """Measure pairs of sizes in turn."""
    pairs = {
        "batch 8 to 32, 64 px": (relid(64, 8), relid(64, 32), 4.0),
        "64 to 128 px, batch 8": (relid(64, 8), relid(128, 8), 4.0),
        "1 to 4 s of speech, batch 16": (listening(1.0), listening(4.0), 4.0),
    }
    rows: list[Row] = []
    for case, (small, large, growth) in pairs.items():
        seconds = interleave(case, {"small": small.step(), "large": large.step()}, 5, progress)
        linear = [growth * value for value in seconds["small"]]
        rows.append(Comparison(case, f"{growth:g} times the smaller", linear, seconds["large"], GOAL))
    return rows
