"""The step of Wav2Pix, whose speech encoder learns with the generator, against the plain one."""

from benchmarks.harness import Comparison, Progress, Row, interleave
from benchmarks.networks import Subject
from benchmarks.plain_step import PlainStep

TITLE = "Wav2Pix's step"
TEXT = (
    "The step of `wav2pix` at 64 pixels, 4 s of speech and batch 8 on one core. The plain step runs the speech encoder "
    "and the generator in both phases, and the discriminator for every score, as Wav2Pix's public code does. Layers "
    "of the speech encoder are ours on both sides."
)
GOAL = 2.1


def measure(progress: Progress) -> list[Row]:
    """Measure one step."""
    subject = Subject("wav2pix", 64, 4.0, 8)
    sides = {"plain": subject.step(PlainStep, layers="plain"), "ours": subject.step()}
    case = "64 px, 4 s, batch 8"
    seconds = interleave(case, sides, 7, progress)
    return [Comparison(case, "plain", seconds["plain"], seconds["ours"], GOAL)]
